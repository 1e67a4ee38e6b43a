"""Vertex, energy and time of events from their hits."""
