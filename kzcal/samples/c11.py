"""Decays of 11C, which muons make: a positron and two annihilation gammas, 1 to 2 MeV."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from kzcal.geometry import Detector
from kzcal.hits import Events, Muons, RunHeader
from kzcal.parts import Selection
from kzcal.samples.cuts import alone, since_muon, within
from kzcal.samples.purity import counted
from kzcal.samples.spectrum import Bins, Vector, fit_counts, propagated, smooth

ELECTRON_MEV = 0.51100
ENDPOINT_MEV = 0.9604
"""Positron end point. Source: ENSDF, 11C: Q(EC) 1982.4 keV less two electron masses."""
FINE_STRUCTURE = 1.0 / 137.036
DAUGHTER_Z = 5


@dataclass(frozen=True, slots=True)
class Carbon11:
    """Events of the 11C spectrum, far from muons and from any other event.

    Being alone removes 214Bi with its alpha and captures of one shower; what is left below the
    positron spectrum is fitted as a parabola.

    Args:
        radius_m: fiducial radius, inside of the gammas from the balloon and the rock.
        veto_ns: time after a muon that is left out.
        gap_ns: time without another physics trigger on either side.
        fitted_mev: range of the spectral fit.
        window: energy window as multiples of the visible energy of the annihilation alone.
        fewest: events in the fitted range that a fit takes.
    """

    radius_m: float = 6.0
    veto_ns: int = 2_000_000
    gap_ns: int = 1_500_000
    fitted_mev: tuple[float, float] = (0.8, 2.4)
    window: tuple[float, float] = (1.05, 1.85)
    fewest: int = 200

    def select(
        self,
        events: Events,
        muons: Muons,
        header: RunHeader,  # noqa: ARG002  part of the protocol
        detector: Detector,
    ) -> Selection:
        """Lonely events within the spectrum, with the background below it from the fit."""
        radius = min(self.radius_m, detector.scintillator_radius)
        clean = within(events, radius) & (since_muon(events, muons) >= self.veto_ns)
        clean &= alone(events, self.gap_ns)
        low, high = self.fitted_mev
        energy = events.energy[clean].astype(np.float64)
        fitted = energy[(energy >= low) & (energy < high)]
        if len(fitted) < self.fewest:
            note = f"Too few events for a spectral fit: {len(fitted)}, wanted {self.fewest}."
            return Selection(np.zeros(len(events), bool), 0.0, 1.0, note)
        best, covariance = _fit(fitted, low, high)
        annihilation = best[1] * 2.0 * ELECTRON_MEV
        edges = np.linspace(annihilation * self.window[0], annihilation * self.window[1], 61)
        rows = clean & (events.energy >= edges[0]) & (events.energy < edges[-1])
        under = propagated(lambda p: smooth(edges, p[3:], low, high), best, covariance)
        note = f"From a fit: 11C at {best[1]:.3f} of the nominal energy scale over a parabola."
        return Selection(rows, *counted(int(rows.sum()), *under), note)


def positron_spectrum(kinetic: Bins) -> Bins:
    """Allowed beta-plus spectrum of 11C with the non-relativistic Fermi function, not normalised.

    Args:
        kinetic: kinetic energy of the positron, MeV.
    """
    total = kinetic + ELECTRON_MEV
    momentum = np.sqrt(np.maximum(total**2 - ELECTRON_MEV**2, 1e-12))
    eta = -2.0 * np.pi * FINE_STRUCTURE * DAUGHTER_Z * total / momentum
    fermi = eta / -np.expm1(-eta)
    spectrum: Bins = fermi * momentum * total * np.maximum(ENDPOINT_MEV - kinetic, 0.0) ** 2
    return spectrum


def _fit(
    energy: Float64[np.ndarray, " event"], low: float, high: float
) -> tuple[Vector, Float64[np.ndarray, "parameter parameter"]]:
    """Fit decays, energy scale, resolution at 1 MeV and three heights of the parabola."""
    from scipy.special import ndtr

    kinetic = (np.arange(40) + 0.5) * ENDPOINT_MEV / 40
    weight = positron_spectrum(kinetic) / positron_spectrum(kinetic).sum()
    edges = np.linspace(low, high, 65)
    counts = np.histogram(energy, edges)[0]
    n, level = len(energy), 0.3 * len(energy) / (high - low)

    def model(p: Vector) -> Bins:
        visible = p[1] * (kinetic + 2.0 * ELECTRON_MEV)
        below = ndtr((edges[:, None] - visible) / (p[2] * np.sqrt(visible)))
        decays = p[0] * np.diff(below @ weight)
        expected: Bins = decays + smooth(edges, p[3:], low, high)
        return expected

    start = [0.8 * n, 0.95, 0.07, level, level, level]
    bounds = [(0.0, 2.0 * n), (0.8, 1.15), (0.02, 0.15), *[(0.0, 20.0 * level)] * 3]
    return fit_counts(counts, model, start, bounds)
