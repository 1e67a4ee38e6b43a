"""Classifiers of event topology that KamNet is held against."""
