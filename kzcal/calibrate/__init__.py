"""From a run's events to the calibration of every PMT, with an uncertainty on each number."""
