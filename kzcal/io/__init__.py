"""Files in and out: one module per format; nothing is computed here."""
