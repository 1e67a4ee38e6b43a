"""The global fit: parameters that all PMTs share, from calibration samples and traced light."""
