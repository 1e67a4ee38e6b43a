"""Captures on hydrogen of the neutrons that muons make: a 2.2 MeV gamma in all the volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32

from kzcal.geometry import Detector
from kzcal.hits import Events, Muons, RunHeader
from kzcal.parts import Selection
from kzcal.samples.cuts import since_muon, within
from kzcal.samples.purity import counted

NOMINAL_MEV = 2.2246
"""Gamma of the capture on hydrogen. Source: ENSDF, 2H."""


@dataclass(frozen=True, slots=True)
class NeutronCapture:
    """Events soon after a muon around the peak of the capture on hydrogen.

    The capture time is 207.5 us (Source: Asakura et al. (2015), ApJ 806 87). The window starts
    when the electronics have recovered from the muon.

    Args:
        on_time_ns: time since the muon.
        off_time_ns: the same for the events that measure what is there by chance.
        search_mev: where the peak is looked for, as energies are only roughly calibrated.
        n_sigma: half width of the energy window.
    """

    on_time_ns: tuple[int, int] = (150_000, 1_500_000)
    off_time_ns: tuple[int, int] = (10_000_000, 110_000_000)
    search_mev: tuple[float, float] = (1.7, 2.9)
    n_sigma: float = 2.5

    def select(
        self, events: Events, muons: Muons, header: RunHeader, detector: Detector
    ) -> Selection:
        """Captures, with the chance events among them counted long after the muon."""
        delay = since_muon(events, muons)
        inside = within(events, detector.scintillator_radius)
        on = inside & (delay >= self.on_time_ns[0]) & (delay < self.on_time_ns[1])
        off = inside & (delay >= self.off_time_ns[0]) & (delay < self.off_time_ns[1])
        low, high = self._window(events.energy[on])
        peak = (events.energy >= low) & (events.energy < high)
        n_off = int((off & peak).sum())
        ratio = exposure(muons, header, self.on_time_ns) / max(
            exposure(muons, header, self.off_time_ns), 1
        )
        rows = on & peak
        purity, error = counted(int(rows.sum()), n_off * ratio, np.sqrt(n_off + 1.0) * ratio)
        note = f"From {n_off} events {low:.2f}-{high:.2f} MeV long after muons; 12C is cut away."
        return Selection(rows, purity, error, note)

    def _window(self, energy: Float32[np.ndarray, " event"]) -> tuple[float, float]:
        """Energy window about the peak, found by narrowing in on it; the nominal without data."""
        keep = energy[_between(energy, *self.search_mev)].astype(np.float64)
        mean, sigma = NOMINAL_MEV, 0.15
        if len(keep) >= 30:
            mean = float(np.median(keep))
            for _ in range(10):
                core = keep[_between(keep, mean - 2 * sigma, mean + 2 * sigma)]
                mean, sigma = float(core.mean()), float(core.std()) / TRUNCATED
        return mean - self.n_sigma * sigma, mean + self.n_sigma * sigma


TRUNCATED = 0.8796
"""Standard deviation of a unit Gaussian that is cut off at two."""


def _between(
    energy: Float[np.ndarray, " event"], low: float, high: float
) -> Bool[np.ndarray, " event"]:
    """Which energies are in a window."""
    return (energy >= low) & (energy < high)


def exposure(muons: Muons, header: RunHeader, window_ns: tuple[int, int]) -> float:
    """Time after muons, before the next one, that a window covers in the run, ns."""
    times = np.sort(muons.timestamp)
    end = header.livetime_ns or (int(times[-1]) + window_ns[1] if len(times) else 0)
    gaps = np.diff(np.append(times, max(end, times[-1] if len(times) else 0)))
    return float(np.sum(np.clip(gaps, *window_ns) - window_ns[0]))
