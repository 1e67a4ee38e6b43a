"""KamNet: event topology from hits on the sphere, by networks that respect rotations."""
