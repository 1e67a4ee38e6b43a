"""How far two files of events are from being the same: per event, per PMT, and by classifiers."""
