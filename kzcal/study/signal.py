"""The signal that every study accepts: two electrons from one point, of any energy alike."""

from __future__ import annotations

from kzcal.physics.double_beta import electron_pairs
from kzcal.simulate.energy_window import EnergyWindow
from kzcal.study.bench import Bench, Sample

SIGNAL, LEAST_MEV = "bb", 0.05
MARGIN_MEV = 0.2
"""What quenching takes from electrons of the window's upper end at most."""


def signal_sample(bench: Bench, n: int) -> Sample:
    """Electron pairs with flat energies in the bench's window."""
    window: EnergyWindow = bench.window
    least = max(window.lower, LEAST_MEV)
    return bench.sample(SIGNAL, electron_pairs(least, window.upper + MARGIN_MEV), n)
