"""Many runs at once: each calibrated on its own, by workers of this machine or of others."""
