"""Cherenkov light of electrons."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float64

from kzcal.physics.electrons import ELECTRON_MASS, FINE_STRUCTURE

WAVELENGTHS_NM = np.linspace(200.0, 700.0, 501)
"""Band in which Cherenkov photons are counted."""


def photons_per_cm(
    beta: Float64[np.ndarray, " speed"], refractive_index: Float64[np.ndarray, " wavelength"]
) -> Float64[np.ndarray, " speed"]:
    """Cherenkov photons of the band that a unit charge emits.

    Args:
        beta: speed over c.
        refractive_index: phase index at WAVELENGTHS_NM.

    Source: Frank and Tamm (1937).
    """
    threshold = (beta[:, None] * refractive_index[None, :]) ** -2.0
    sine2 = np.maximum(1 - threshold, 0)
    per_wavelength = sine2 / (WAVELENGTHS_NM * 1e-7) ** 2
    integral = np.trapezoid(per_wavelength, WAVELENGTHS_NM * 1e-7, axis=1)
    photons: Float64[np.ndarray, " speed"] = 2 * math.pi * FINE_STRUCTURE * integral
    return photons


def electron_speed(energy: Float64[np.ndarray, " energy"]) -> Float64[np.ndarray, " energy"]:
    """Speed over c of an electron of a kinetic energy [MeV]."""
    return np.sqrt(1 - (1 + energy / ELECTRON_MASS) ** -2.0)
