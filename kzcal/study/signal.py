"""The signal that every study accepts: two electrons from one point, of any energy alike."""

from __future__ import annotations

from kzcal.physics.double_beta import electron_pairs
from kzcal.simulate.energy_window import EnergyWindow
from kzcal.study.bench import Bench, Sample

SIGNAL = "bb"
MARGINS = (0.0, 0.2)
"""Electrons need so much more energy than the window's ends, that quenching takes; MeV."""


def signal_sample(bench: Bench, n: int) -> Sample:
    """Electron pairs with flat energies in the bench's window."""
    window: EnergyWindow = bench.window
    ends = (max(window.lower + MARGINS[0], 0.05), window.upper + MARGINS[1])
    return bench.sample(SIGNAL, electron_pairs(*ends), n)
