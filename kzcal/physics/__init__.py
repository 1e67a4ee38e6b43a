"""Decays, and what their particles do in the liquid."""
