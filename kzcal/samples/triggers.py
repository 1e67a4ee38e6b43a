"""Samples by trigger alone: forced triggers, and every physics trigger in the scintillator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kzcal.geometry import Detector
from kzcal.hits import Events, Muons, RunHeader
from kzcal.parts import Selection
from kzcal.samples.cuts import within
from kzcal.samples.purity import counted


@dataclass(frozen=True, slots=True)
class Forced:
    """Forced triggers: windows opened without looking, so that they hold dark hits only."""

    def select(
        self,
        events: Events,
        muons: Muons,  # noqa: ARG002  part of the protocol
        header: RunHeader,
        detector: Detector,  # noqa: ARG002
    ) -> Selection:
        """Forced triggers; impure are those in whose window an event falls by chance."""
        rows = events.forced
        n_forced, n_physics = int(rows.sum()), int(events.physics.sum())
        if header.livetime_ns is None or header.forced_window_ns is None:
            note = "The file gives no livetime or window, so that no purity can be found."
            return Selection(rows, 0.0, 1.0, note)
        window = header.forced_window_ns[1] - header.forced_window_ns[0]
        chance = window / header.livetime_ns
        overlaps = n_forced * n_physics * chance
        purity, error = counted(n_forced, overlaps, n_forced * np.sqrt(n_physics) * chance)
        return Selection(rows, purity, error, "From the rate of physics triggers and the window.")


@dataclass(frozen=True, slots=True)
class Physics:
    """Every event that makes light in the scintillator, whatever it is."""

    def select(
        self,
        events: Events,
        muons: Muons,  # noqa: ARG002  part of the protocol
        header: RunHeader,  # noqa: ARG002
        detector: Detector,
    ) -> Selection:
        """Physics triggers inside the scintillator."""
        rows = within(events, detector.scintillator_radius)
        return Selection(rows, 1.0, 0.0, "Pure by definition: each of these events made light.")
