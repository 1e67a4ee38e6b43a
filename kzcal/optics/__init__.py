"""Light from a vertex to the PMTs."""
