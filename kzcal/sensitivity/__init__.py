"""What half-life an experiment is expected to exclude, and what a rejection is worth."""
