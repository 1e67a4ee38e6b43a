"""Scores of several classifiers put together into one rejection."""
