"""Translators that learn from events: twins of a run, training, and models on disk."""
