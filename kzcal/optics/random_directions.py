"""Random numbers of a photon, and the random directions that it takes.

A photon's numbers depend on a key and on its own number alone: a counter through the mixing
function of SplitMix64 (Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195).

numba keeps compiled functions beside the module that they are in and does not see a change in
another: after a change here, remove kzcal/optics/__pycache__.
"""

from __future__ import annotations

import math

import numba
import numpy as np

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")

Vector = tuple[float, float, float]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1, MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SHIFT_27, SHIFT_30, SHIFT_31, SHIFT_32 = (np.uint64(n) for n in (27, 30, 31, 32))
LOW_32 = np.uint64(0xFFFFFFFF)
UNIT = 2.0**-32


@compiled
def mixed(state: np.uint64) -> np.uint64:
    """SplitMix64's mixing function."""
    state = (state ^ (state >> SHIFT_30)) * MIX_1
    state = (state ^ (state >> SHIFT_27)) * MIX_2
    return state ^ (state >> SHIFT_31)


@compiled
def first_state(key: np.uint64, number: int) -> np.uint64:
    """Where the random numbers of a photon begin."""
    return mixed(key ^ mixed(np.uint64(number) + GOLDEN))


@compiled
def two_uniforms(state: np.uint64) -> tuple[np.uint64, float, float]:
    """The next state and two numbers between 0 and 1, both ends excluded."""
    state = state + GOLDEN
    bits = mixed(state)
    first = (np.int64(bits >> SHIFT_32) + 0.5) * UNIT
    return state, first, (np.int64(bits & LOW_32) + 0.5) * UNIT


@compiled
def dot(a: Vector, b: Vector) -> float:
    """Scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@compiled
def along(a: Vector, length: float, b: Vector) -> Vector:
    """A vector and so many times another."""
    return a[0] + length * b[0], a[1] + length * b[1], a[2] + length * b[2]


@compiled
def isotropic(state: np.uint64) -> tuple[np.uint64, Vector]:
    """A direction (Marsaglia 1972, doi:10.1214/aoms/1177692644)."""
    square = 2.0
    a, b = 0.0, 0.0
    while square >= 1.0:
        state, a, b = two_uniforms(state)
        a, b = 2 * a - 1, 2 * b - 1
        square = a * a + b * b
    root = 2 * math.sqrt(1 - square)
    return state, (a * root, b * root, 1 - 2 * square)


@compiled
def rayleigh(state: np.uint64, before: Vector) -> tuple[np.uint64, Vector]:
    """A direction after scattering, 1 + cos^2 about the one before."""
    while True:
        state, after = isotropic(state)
        state, chance, _ = two_uniforms(state)
        cosine = dot(before, after)
        if 2 * chance < 1 + cosine * cosine:
            return state, after


@compiled
def on_cone(state: np.uint64, axis: Vector, cosine: float) -> tuple[np.uint64, Vector]:
    """A direction at an angle of this cosine to a unit vector.

    Source: Duff et al. (2017), JCGT 6(1), for the two unit vectors across it.
    """
    state, turn, _ = two_uniforms(state)
    sine = math.sqrt(max(0.0, 1 - cosine * cosine))
    a, b = sine * math.cos(2 * math.pi * turn), sine * math.sin(2 * math.pi * turn)
    x, y, z = axis
    sign = 1.0 if z >= 0 else -1.0
    p = -1 / (sign + z)
    q = x * y * p
    across = a * (1 + sign * x * x * p) + b * q, a * sign * q + b * (sign + y * y * p)
    last = cosine * z - a * sign * x - b * y
    return state, (cosine * x + across[0], cosine * y + across[1], last)


@compiled
def diffuse(state: np.uint64, normal: Vector) -> tuple[np.uint64, Vector]:
    """A direction away from the normal by Lambert's cosine law."""
    state, point = isotropic(state)
    point = along(point, -1.0, normal)
    scale = 1 / math.sqrt(dot(point, point))
    return state, (point[0] * scale, point[1] * scale, point[2] * scale)
