"""Candidates for coincidences: decays with the captures around them, and pairs of events."""
