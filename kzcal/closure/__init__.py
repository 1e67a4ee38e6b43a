"""Closure: truth is injected, simulated and fitted; pulls, coverage and ranks must be right."""
