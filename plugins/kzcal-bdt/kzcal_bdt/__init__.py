"""Boosted trees that tell antineutrino pairs from accidental ones."""
