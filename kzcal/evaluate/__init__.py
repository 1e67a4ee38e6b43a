"""How well a score separates, what it depends on and rests on, and whether data have it too."""
