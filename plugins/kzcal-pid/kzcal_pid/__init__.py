"""A graph network that tells positrons from gammas and electrons."""
