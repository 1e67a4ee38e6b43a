"""What a classifier of hits rejects and why: simulated decays, scored, on one page each."""
