"""Spectra of visible energy: as decays make them, and as a detector sees them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
from jaxtyping import Float64
from scipy.special import ndtr

from kzcal.errors import ConfigurationError
from kzcal.physics.double_beta import Q_VALUE, sum_spectrum

TWO_NEUTRINO = "2nbb"
FLAT = "flat"
FLAT_RANGE = (1.0, 5.0)
"""MeV, between which a flat spectrum is flat."""
FINE = 2000
"""Energies at which the spectrum with two neutrinos is known, up to Q."""


@cache
def tabulated() -> dict[str, Float64[np.ndarray, " energy"]]:
    """Shares of decays at visible energies, by name, before resolution; and these energies, MeV.

    Source: kzcal's own decays and transport, by benchmarks/sensitivity_spectra.py.
    """
    text = files("kzcal.sensitivity").joinpath("spectra.csv").read_text()
    head, *rows = text.splitlines()
    values = np.array([[float(cell) for cell in row.split(",")] for row in rows])
    return dict(zip(head.split(","), values.T, strict=True))


@cache
def two_neutrinos() -> tuple[Float64[np.ndarray, " energy"], Float64[np.ndarray, " energy"]]:
    """Sums of the electrons' energies in decays with two neutrinos, MeV, and their shares."""
    true = Q_VALUE * (np.arange(FINE) + 0.5) / FINE
    share = sum_spectrum(Q_VALUE, true)
    return true, share / share.sum()


def names() -> tuple[str, ...]:
    """Spectra that there are."""
    return (TWO_NEUTRINO, FLAT, *(name for name in tabulated() if name != "energy_mev"))


def lines(
    name: str, scale: float
) -> tuple[Float64[np.ndarray, " energy"], Float64[np.ndarray, " energy"]]:
    """Visible energies, MeV, and the share of decays at each.

    Args:
        name: of the spectrum.
        scale: visible over true energy of electron pairs.

    Raises:
        ConfigurationError: there is no such spectrum.
    """
    if name == TWO_NEUTRINO:
        true, share = two_neutrinos()
        return scale * true, share
    if name == FLAT:
        energy = np.linspace(*FLAT_RANGE, FINE)
        return energy, np.full(FINE, 1.0 / FINE)
    if name not in names():
        message = f"there is no spectrum {name!r}: choose from {', '.join(names())}"
        raise ConfigurationError(message)
    return tabulated()["energy_mev"], tabulated()[name]


def seen(
    energy: Float64[np.ndarray, " energy"],
    share: Float64[np.ndarray, " energy"],
    edges: Float64[np.ndarray, " edge"],
    resolution: float,
) -> Float64[np.ndarray, " bin"]:
    """Share of decays that a detector sees between edges.

    Args:
        energy: visible, MeV.
        share: of the decays at each.
        edges: of the bins, MeV.
        resolution: one standard deviation at 1 MeV, as a share; it falls with the root.
    """
    spread = resolution * np.sqrt(energy)
    below = ndtr((edges[:, None] - energy) / spread)
    return np.asarray(np.diff(below, axis=0) @ share)


def spectrum(
    name: str, edges: Float64[np.ndarray, " edge"], resolution: float, scale: float
) -> Float64[np.ndarray, " bin"]:
    """Share of the decays of a background between edges, as seen."""
    return seen(*lines(name, scale), edges, resolution)


def peak(
    edges: Float64[np.ndarray, " edge"], resolution: float, scale: float
) -> Float64[np.ndarray, " bin"]:
    """The same of decays without neutrinos, whose electrons share all of Q."""
    return seen(np.array([scale * Q_VALUE]), np.ones(1), edges, resolution)
