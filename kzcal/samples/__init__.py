"""Calibration samples selected from a run itself, without labels, each with its purity."""
