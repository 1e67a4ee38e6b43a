"""The history of one photon, from its emission to the photocathode or to its loss.

Compiled functions, which run on the CPU and, called by the kernel of ``photons_cuda``, on CUDA.

Assumption: light is not bent at the spheres between media, whose refractive indices differ by
less than 1 %; a tracer with refraction would settle what that moves.
"""

from __future__ import annotations

import math

import numpy as np

from kzcal.optics.photons_lookup import CELLS
from kzcal.optics.photons_tables import QUANTILES, PhotonTables
from kzcal.optics.random_directions import (
    Vector,
    along,
    compiled,
    diffuse,
    dot,
    first_state,
    isotropic,
    on_cone,
    rayleigh,
    two_uniforms,
)

FATES = ("detected", "absorbed", "lost in a PMT", "lost in the sheet", "outside", "too many steps")
DETECTED, ABSORBED, PMT, SHEET, OUTSIDE, STEPS = range(len(FATES))
"""How a photon ends; outside means that it was emitted beyond the PMTs."""

MIRRORED, DIFFUSED = -1, -2
"""How it goes on at the sphere of the PMTs."""

Source = tuple[Vector, Vector, float, int, int]
Slopes = tuple[float, float, float, float, float]

NOWHERE: Slopes = (0.0, 0.0, 0.0, 0.0, 0.0)
MOST_STEPS = 10_000


@compiled
def emission_delay(
    state: np.uint64, profile: int, tables: PhotonTables
) -> tuple[np.uint64, float]:
    """Rise and decay of the scintillation: a sum of two exponential times, ns."""
    state, chance, u = two_uniforms(state)
    state, v, _ = two_uniforms(state)
    component = 0
    last = tables.profile.shape[2] - 1
    while component < last and chance > tables.profile[profile, 0, component]:
        component += 1
    decay = -tables.profile[profile, 1, component] * math.log(u)
    return state, decay - tables.rise_time * math.log(v)


@compiled
def pmt_at(unit: Vector, tables: PhotonTables) -> int:
    """PMT whose disc covers the unit vector, or -1; see ``pmt_cells``."""
    x, y, z = unit
    a, b, c, axis = x, y, z, 0
    if abs(y) > abs(x) and abs(y) >= abs(z):
        a, b, c, axis = y, z, x, 1
    elif abs(z) > abs(x):
        a, b, c, axis = z, x, y, 2
    face = 2 * axis + (1 if a < 0 else 0)
    half = 0.5 * CELLS / abs(a)
    i = min(int(b * half + 0.5 * CELLS), CELLS - 1)
    j = min(int(c * half + 0.5 * CELLS), CELLS - 1)
    cell = (face * CELLS + i) * CELLS + j
    k = 0
    while True:
        pmt = int(tables.cells[cell, k])
        if pmt < 0:
            return -1
        axis_of_pmt = tables.pmt[pmt, 0], tables.pmt[pmt, 1], tables.pmt[pmt, 2]
        if dot(unit, axis_of_pmt) > tables.pmt[pmt, 3]:
            return pmt
        k += 1


@compiled
def flight(
    position: Vector,
    direction: Vector,
    medium: int,
    colour: int,
    depth: float,
    tables: PhotonTables,
) -> tuple[Vector, int, bool, Vector]:
    """A straight way through the shells until an optical depth is used up or the PMTs are met.

    The radius is sqrt(s^2 + miss), s being the way from the point next to the centre.

    Returns:
        position, medium, whether the depth was used up, and how much was flown in units of
        absorption and of scattering lengths and of ns.
    """
    begin = dot(position, direction)
    s = begin
    miss = max(0.0, dot(position, position) - s * s)
    absorbing, scattering, time = 0.0, 0.0, 0.0
    while True:
        absorption = tables.medium[medium, colour, 0]
        total = absorption + tables.medium[medium, colour, 1]
        inward = s < 0 and medium > 0 and miss < tables.square_radius[medium - 1]
        if inward:
            end = -math.sqrt(tables.square_radius[medium - 1] - miss)
        else:
            end = math.sqrt(max(0.0, tables.square_radius[medium] - miss))
        way = max(0.0, end - s)
        stopped = depth < way * total
        if stopped:
            way = depth / total
            end = s + way
        depth -= way * total
        absorbing += way * absorption
        scattering += way * (total - absorption)
        time += way * tables.medium[medium, colour, 2]
        s = end
        if stopped or (not inward and medium == tables.last):
            break
        medium += -1 if inward else 1
    position = along(position, s - begin, direction)
    return position, medium, stopped, (absorbing, scattering, time)


@compiled
def reemission(
    state: np.uint64, medium: int, colour: int, tables: PhotonTables
) -> tuple[np.uint64, int, float]:
    """Row of the new wavelength, or -1 if the light is gone, and the delay in ns."""
    state, u, v = two_uniforms(state)
    shorter = tables.cumulative[medium, colour]
    quantile = int((shorter + v * (1 - shorter)) * QUANTILES)
    if u >= tables.medium[medium, colour, 3] or quantile >= QUANTILES:
        return state, -1, 0.0
    state, u, _ = two_uniforms(state)
    delay = -tables.reemission_delay * math.log(u)
    return state, int(tables.emitted[medium, quantile]), delay


@compiled
def response(direction: Vector, pmt: int, tables: PhotonTables) -> float:
    """What a disc makes of the direction that light meets it in, over that at cosine 0.85."""
    axis = tables.pmt[pmt, 0], tables.pmt[pmt, 1], tables.pmt[pmt, 2]
    return 1 + tables.angular_slope * (dot(direction, axis) - 0.85)


@compiled
def slope_of_response(direction: Vector, pmt: int, tables: PhotonTables) -> float:
    """Slope of the log of the response in the log of the angular slope."""
    return 1 - 1 / response(direction, pmt, tables)


@compiled
def at_the_sphere(
    state: np.uint64, position: Vector, direction: Vector, colour: int, tables: PhotonTables
) -> tuple[np.uint64, int, int, Vector]:
    """What a PMT or the black sheet does: fate or kind of reflection, PMT, direction."""
    scale = 1 / math.sqrt(dot(position, position))
    normal = position[0] * scale, position[1] * scale, position[2] * scale
    pmt = pmt_at(normal, tables)
    state, u, v = two_uniforms(state)
    if pmt >= 0:
        if u < tables.pmt_reflectivity:
            direction = along(direction, -2 * dot(direction, normal), normal)
            return state, MIRRORED, pmt, direction
        seen = tables.accepted[colour] * response(direction, pmt, tables)
        fate = DETECTED if v < seen else PMT
        return state, fate, pmt, direction
    if u < tables.sheet_reflectivity:
        state, direction = diffuse(state, normal)
        return state, DIFFUSED, pmt, direction
    return state, SHEET, pmt, direction


@compiled
def emission(
    state: np.uint64, source: Source, medium: int, tables: PhotonTables
) -> tuple[np.uint64, Vector, int, float]:
    """Direction, row of the wavelength, and time after the deposit, ns."""
    _, track, beta, spectrum, profile = source
    state, u, _ = two_uniforms(state)
    colour = int(tables.emitted[spectrum, int(u * QUANTILES)])
    if beta > 0:
        cosine = min(1.0, 1 / (beta * tables.refractive_index[medium, colour]))
        state, direction = on_cone(state, track, cosine)
    else:
        state, direction = isotropic(state)
    delay = 0.0
    if profile >= 0:
        state, delay = emission_delay(state, profile, tables)
    return state, direction, colour, delay


@compiled
def history(
    key: np.uint64, number: int, source: Source, tables: PhotonTables
) -> tuple[int, int, float, Slopes]:
    """One photon's history.

    Args:
        key: of the random numbers.
        number: of the photon.
        source: position, direction, beta, spectrum, profile; see ``Sources``.
        tables: of the detector.

    Returns:
        fate, PMT or -1, time after the deposit [ns], and the slopes of the log of the history's
        density in the logs of absorption scale, scattering scale, PMT and sheet reflectivity and
        angular slope.
    """
    state = first_state(key, number)
    position, _, _, _, _ = source
    square = dot(position, position)
    if not square < tables.square_radius[tables.last]:
        return OUTSIDE, -1, 0.0, NOWHERE
    medium = 0
    while square >= tables.square_radius[medium]:
        medium += 1
    state, direction, colour, time = emission(state, source, medium, tables)
    absorbing, scattering, mirrored, diffused = 0.0, 0.0, 0.0, 0.0
    for _ in range(MOST_STEPS):
        state, u, v = two_uniforms(state)
        position, medium, stopped, flown = flight(
            position, direction, medium, colour, -math.log(u), tables
        )
        absorbing += flown[0]
        scattering += flown[1]
        time += flown[2]
        if stopped:
            scatters = tables.medium[medium, colour, 1]
            if v * (tables.medium[medium, colour, 0] + scatters) < scatters:
                scattering -= 1
                state, direction = rayleigh(state, direction)
                continue
            state, colour, delay = reemission(state, medium, colour, tables)
            if colour < 0:
                return ABSORBED, -1, time, NOWHERE
            absorbing -= 1
            time += delay
            state, direction = isotropic(state)
            continue
        state, fate, pmt, direction = at_the_sphere(state, position, direction, colour, tables)
        if fate == DETECTED:
            mirrored -= tables.pmt_reflectivity / (1 - tables.pmt_reflectivity)
            inclined = slope_of_response(direction, pmt, tables)
            return fate, pmt, time, (absorbing, scattering, mirrored, diffused, inclined)
        if fate >= 0:
            return fate, pmt, time, NOWHERE
        if fate == MIRRORED:
            mirrored += 1
        else:
            diffused += 1
    return STEPS, -1, time, NOWHERE
