"""One photon scatters: compiled random streams, Compton, Rayleigh, directions turned.

A photon is an array of energy [MeV], position [m], direction and time [ns]. numba keys its cache
by the text of the module that it compiles: after a change here, touch photon_kernel.py too.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from jaxtyping import Float64, UInt64

ELECTRON_MASS = 0.51099895
"""MeV."""

INVERSE_ANGSTROM_PER_MEV = 1 / 0.0123984198
"""x = sin(angle / 2) / wavelength of a photon of 1 MeV that turns back, 1/angstrom."""

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)

State = UInt64[np.ndarray, "1"]
Photon = Float64[np.ndarray, "8"]
PerTransfer = Float64[np.ndarray, "medium transfer"]
Span = tuple[float, float]


@numba.njit(cache=True, error_model="numpy")
def mixed(z: np.uint64) -> np.uint64:
    """A 64-bit number with all its bits stirred."""
    z = (z ^ (z >> np.uint64(30))) * MIX_1
    z = (z ^ (z >> np.uint64(27))) * MIX_2
    return z ^ (z >> np.uint64(31))


@numba.njit(cache=True, error_model="numpy")
def uniform(state: State) -> float:
    """The next number of a stream, above 0 and below 1.

    Source: SplitMix64, Steele, Lea and Flood (2014), doi:10.1145/2714064.2660195.
    """
    state[0] += GOLDEN
    return (np.float64(mixed(state[0]) >> np.uint64(11)) + 0.5) * 2.0**-53


@numba.njit(cache=True, error_model="numpy")
def compton(
    state: State, energy: float, incoherent: PerTransfer, medium: int, span: Span
) -> tuple[float, float]:
    """Draw a Compton scattering: energy of the photon over that before, cosine of its angle.

    Source: Butcher and Messel (1960), doi:10.1016/0029-5582(60)90162-0, for the formula of Klein
        and Nishina; multiplied by the incoherent scattering function.
    Assumption: the electron rests before; Doppler broadening is far below the resolution.
    """
    kappa = energy / ELECTRON_MASS
    least = 1 / (1 + 2 * kappa)
    weight_1, weight_2 = -math.log(least), 0.5 * (1 - least * least)
    largest = (energy * INVERSE_ANGSTROM_PER_MEV) ** 2
    while True:
        if uniform(state) * (weight_1 + weight_2) < weight_1:
            ratio = math.exp(-weight_1 * uniform(state))
        else:
            ratio = math.sqrt(least * least + (1 - least * least) * uniform(state))
        versine = (1 - ratio) / (kappa * ratio)
        free = 1 - ratio * versine * (2 - versine) / (1 + ratio * ratio)
        u = uniform(state)
        if u < free:
            log_transfer = math.log(max(0.5 * versine * largest, 1e-12))
            if u < free * _at(incoherent, medium, log_transfer, span):
                return ratio, max(1 - versine, -1.0)


@numba.njit(cache=True, error_model="numpy")
def rayleigh(
    state: State, energy: float, form_factor: PerTransfer, medium: int, span: Span
) -> float:
    """Draw the cosine of the angle of a Rayleigh scattering."""
    largest = (energy * INVERSE_ANGSTROM_PER_MEV) ** 2
    top = _at(form_factor, medium, math.log(largest), span)
    width = (span[1] - span[0]) / (form_factor.shape[1] - 1)
    while True:
        wanted = uniform(state) * top
        node = int(np.searchsorted(form_factor[medium], wanted))
        if node == 0:
            squared = math.exp(span[0]) * wanted / form_factor[medium, 0]
        else:
            lower = math.exp(span[0] + (node - 1) * width)
            upper = math.exp(span[0] + node * width)
            below, above = form_factor[medium, node - 1], form_factor[medium, node]
            squared = lower + (upper - lower) * (wanted - below) / (above - below)
        cosine = max(1 - 2 * squared / largest, -1.0)
        if uniform(state) * 2 < 1 + cosine * cosine:
            return float(cosine)


@numba.njit(cache=True, error_model="numpy")
def _at(table: PerTransfer, medium: int, log_transfer: float, span: Span) -> float:
    """Value at ln(x squared); below the table in proportion to x squared, above it constant."""
    last = table.shape[1] - 1
    place = (log_transfer - span[0]) * last / (span[1] - span[0])
    if place <= 0:
        return float(table[medium, 0] * math.exp(log_transfer - span[0]))
    node = int(place)
    if node >= last:
        return float(table[medium, last])
    low = float(table[medium, node])
    return float(low + (place - node) * (table[medium, node + 1] - low))


@numba.njit(cache=True, error_model="numpy")
def turn(state: State, photon: Photon, cosine: float) -> None:
    """Turn a photon by a polar angle of given cosine and any azimuth.

    Source: sine and cosine of the azimuth from a point in a disc, von Neumann (1951).
    """
    x, y, z = photon[4], photon[5], photon[6]
    a, b = 2 * uniform(state) - 1, uniform(state)
    while a * a + b * b > 1:
        a, b = 2 * uniform(state) - 1, uniform(state)
    sine = math.sqrt(max(1 - cosine * cosine, 0.0)) / (a * a + b * b)
    along, across = sine * (a * a - b * b), sine * 2 * a * b
    side = math.sqrt(x * x + y * y)
    if side < 1e-10:
        photon[4], photon[5], photon[6] = along, across, math.copysign(cosine, z * cosine)
        return
    inverse = 1 / side
    photon[4] = x * cosine + (x * z * along - y * across) * inverse
    photon[5] = y * cosine + (y * z * along + x * across) * inverse
    photon[6] = z * cosine - side * along


@numba.njit(cache=True, error_model="numpy")
def turn_anywhere(state: State, photon: Photon) -> None:
    """Give a photon a direction from a uniform distribution over the sphere."""
    z, azimuth = 2 * uniform(state) - 1, 2 * math.pi * uniform(state)
    side = math.sqrt(1 - z * z)
    photon[4], photon[5], photon[6] = side * math.cos(azimuth), side * math.sin(azimuth), z
