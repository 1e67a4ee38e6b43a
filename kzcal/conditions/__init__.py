"""The detector database: payloads, intervals of validity, tags and their history."""
