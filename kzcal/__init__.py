"""kzcal: calibrate and simulate the KamLAND-Zen detector, PMT by PMT, period by period."""

__version__ = "0.1.0"
