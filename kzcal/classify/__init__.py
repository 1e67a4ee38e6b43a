"""Scores of events learned from their hits: corrections, training, scoring."""
