"""The report's own sections, each a module with one SectionRenderer."""
