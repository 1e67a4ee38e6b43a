"""The alpha peak of 210Po: a narrow line at low energy, in all the liquid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from kzcal.geometry import Detector
from kzcal.hits import Events, Muons, RunHeader
from kzcal.parts import Selection
from kzcal.samples.cuts import since_muon, within
from kzcal.samples.purity import counted
from kzcal.samples.spectrum import Bins, Vector, fit_counts, gaussian, propagated, smooth


@dataclass(frozen=True, slots=True)
class Polonium210:
    """Events in the quenched alpha peak of 210Po.

    Its visible energy is 0.30 to 0.45 MeV, depending on quenching, so that the peak is looked
    for in the spectrum and fitted with a Gaussian over a line.

    Args:
        radius_m: fiducial radius.
        veto_ns: time after a muon that is left out.
        search_mev: where the highest point of the spectrum is looked for.
        n_sigma: half width of the energy window.
        fewest: events in the fitted range that a fit takes.
    """

    radius_m: float = 6.0
    veto_ns: int = 2_000_000
    search_mev: tuple[float, float] = (0.26, 0.52)
    n_sigma: float = 2.0
    fewest: int = 100

    def select(
        self,
        events: Events,
        muons: Muons,
        header: RunHeader,  # noqa: ARG002  part of the protocol
        detector: Detector,
    ) -> Selection:
        """Events within the peak, with the background below it from the fit."""
        radius = min(self.radius_m, detector.scintillator_radius)
        clean = within(events, radius) & (since_muon(events, muons) >= self.veto_ns)
        energy = events.energy[clean].astype(np.float64)
        top = _highest(energy, *self.search_mev)
        low, high = 0.6 * top, 1.32 * top
        fitted = energy[(energy >= low) & (energy < high)]
        if len(fitted) < self.fewest:
            note = f"Too few events for a fit of the peak: {len(fitted)}, wanted {self.fewest}."
            return Selection(np.zeros(len(events), bool), 0.0, 1.0, note)
        best, covariance = _fit(fitted, top, low, high)
        mean, sigma = best[1], best[2]
        window = np.linspace(mean - self.n_sigma * sigma, mean + self.n_sigma * sigma, 41)
        rows = clean & (events.energy >= window[0]) & (events.energy < window[-1])
        under = propagated(lambda p: smooth(window, p[3:], low, high), best, covariance)
        note = f"From a fit: a peak at {mean:.3f} MeV of width {sigma:.3f} MeV over a line."
        return Selection(rows, *counted(int(rows.sum()), *under), note)


def _highest(energy: Float64[np.ndarray, " event"], low: float, high: float) -> float:
    """Centre of the fullest 0.06 MeV of a spectrum."""
    edges = np.arange(low, high + 0.01, 0.01)
    running = np.convolve(np.histogram(energy, edges)[0], np.ones(6), mode="valid")
    return float(edges[int(np.argmax(running))] + 0.03)


def _fit(
    energy: Float64[np.ndarray, " event"], top: float, low: float, high: float
) -> tuple[Vector, Float64[np.ndarray, "parameter parameter"]]:
    """Fit events in the peak, its mean and width, and two heights of the line."""
    edges = np.linspace(low, high, 41)
    counts = np.histogram(energy, edges)[0]
    n, level = len(energy), 0.3 * len(energy) / (high - low)

    def model(p: Vector) -> Bins:
        peak = p[0] * gaussian(edges, p[1], p[2])
        expected: Bins = peak + smooth(edges, p[3:], low, high)
        return expected

    start = [0.7 * n, top, 0.1 * top, level, level]
    bounds = [(0.0, 2.0 * n), (low, high), (0.03 * top, 0.25 * top), *[(0.0, 20.0 * level)] * 2]
    return fit_counts(counts, model, start, bounds)
