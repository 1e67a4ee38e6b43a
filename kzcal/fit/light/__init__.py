"""How light is shared out over the PMTs: traced for a run's events, and compared by angle."""
