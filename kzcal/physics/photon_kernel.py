"""The compiled part of the gamma transport: the way of a photon, its secondary ones, deposits.

``place`` is the logarithm of a photon's energy in steps of the tables.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from jaxtyping import Float64, Int32

from kzcal.particles import ELECTRON, POSITRON
from kzcal.physics.cross_sections import (
    COMPTON,
    HIGHEST_MEV,
    LOWEST_MEV,
    N_ENERGY,
    PAIR,
    PHOTO,
    RAYLEIGH,
    XENON_PHOTO,
    PhotonTables,
)
from kzcal.physics.photon_scattering import (
    ELECTRON_MASS,
    GOLDEN,
    PerTransfer,
    Photon,
    Span,
    State,
    compton,
    mixed,
    rayleigh,
    turn,
    turn_anywhere,
    uniform,
)

LIGHT_SPEED = 0.299792458
"""m/ns."""

LOG_LOWEST = math.log(LOWEST_MEV)
STEPS = (N_ENERGY - 1) / math.log(HIGHEST_MEV / LOWEST_MEV)
ROOM = 1024
"""Deposits that one photon may leave; 20 MeV leave a few dozen."""

Direction = Float64[np.ndarray, "3"]
Radii = Float64[np.ndarray, " medium"]
PerEnergy = Float64[np.ndarray, "medium energy"]
Shares = Float64[np.ndarray, "medium energy 4"]
Columns = Float64[np.ndarray, "deposit 8"]
Labels = Int32[np.ndarray, "deposit 4"]


@numba.njit(cache=True, error_model="numpy")
def to_boundary(photon: Photon, medium: int, outer: Radii) -> tuple[float, int]:
    """Length along a photon's way to where its shell ends, m, and the shell beyond."""
    along = photon[1] * photon[4] + photon[2] * photon[5] + photon[3] * photon[6]
    squared = photon[1] ** 2 + photon[2] ** 2 + photon[3] ** 2
    if medium > 0 and along < 0:
        inside = along * along - squared + outer[medium - 1] ** 2
        if inside > 0:
            return max(-along - math.sqrt(inside), 0.0), medium - 1
    inside = max(along * along - squared + outer[medium] ** 2, 0.0)
    return max(-along + math.sqrt(inside), 0.0), medium + 1


@numba.njit(cache=True, error_model="numpy")
def advance(
    state: State, photon: Photon, medium: int, place: float, per_metre: PerEnergy, outer: Radii
) -> int:
    """Move a photon to its next interaction; the shell there, or the number of shells if lost."""
    depth = -math.log(uniform(state))
    node = min(int(place), N_ENERGY - 2)
    while medium < len(outer):
        low = per_metre[medium, node]
        coefficient = low + (place - node) * (per_metre[medium, node + 1] - low)
        length, beyond = to_boundary(photon, medium, outer)
        step = min(depth / coefficient, length)
        photon[1] += step * photon[4]
        photon[2] += step * photon[5]
        photon[3] += step * photon[6]
        photon[7] += step / LIGHT_SPEED
        if step < length:
            return medium
        depth -= length * coefficient
        medium = beyond
    return medium


@numba.njit(cache=True, error_model="numpy")
def process(state: State, medium: int, place: float, cumulative: Shares) -> int:
    """Draw what a photon does."""
    u = uniform(state)
    node = min(int(place), N_ENERGY - 2)
    for kind in range(PAIR):
        low = cumulative[medium, node, kind]
        if u < low + (place - node) * (cumulative[medium, node + 1, kind] - low):
            return kind
    return PAIR


@numba.njit(cache=True, error_model="numpy")
def _recoil(
    state: State,
    photon: Photon,
    incoherent: PerTransfer,
    medium: int,
    span: Span,
    track: Direction,
) -> None:
    """Scatter a photon by Compton's effect; ``track`` becomes the direction of the electron."""
    before = photon[0]
    ratio, cosine = compton(state, before, incoherent, medium, span)
    turn(state, photon, cosine)
    photon[0] = before * ratio
    length = before * math.sqrt(max(1 + ratio * ratio - 2 * ratio * cosine, 1e-30))
    for axis in range(3):
        track[axis] = (before * track[axis] - photon[0] * photon[4 + axis]) / length


@numba.njit(cache=True, error_model="numpy")
def _x_ray(state: State, photon: Photon, tables: PhotonTables) -> None:
    """Turn a photon absorbed in xenon into the K X-ray that follows, if one does."""
    of_k = photon[0] > tables.xenon_edge and uniform(state) < tables.xenon_x_ray
    photon[0] = 0.0
    if of_k:
        line = int(np.searchsorted(tables.xenon_cumulative, uniform(state)))
        photon[0] = tables.xenon_line[min(line, len(tables.xenon_line) - 1)]
        turn_anywhere(state, photon)


@numba.njit(cache=True, error_model="numpy")
def _annihilation(
    state: State, photon: Photon, positronium: tuple[float, float], two: Float64[np.ndarray, "2 8"]
) -> None:
    """Make the two photons of a pair's positron.

    Assumption: it annihilates where it is made; its range is millimetres.
    """
    photon[0] = ELECTRON_MASS
    turn_anywhere(state, photon)
    if uniform(state) < positronium[0]:
        photon[7] -= positronium[1] * math.log(uniform(state))
    two[0], two[1] = photon, photon
    two[1, 4:7] = -photon[4:7]
    photon[0] = 0.0


@numba.njit(cache=True, error_model="numpy")
def follow(
    key: int,
    starts: Float64[np.ndarray, "photon 8"],
    tables: PhotonTables,
    outer: Radii,
    positronium: tuple[float, float],
    cutoff: float,
) -> tuple[Columns, Labels, int, Float64[np.ndarray, " photon"]]:
    """Follow photons and their secondary ones until they are absorbed or leave the last shell.

    Args:
        key: of all streams; the stream of a photon is chosen by its row.
        starts: photons.
        tables: cross-sections.
        outer: where the shells end, m.
        positronium: share of ortho-positronium and its lifetime [ns].
        cutoff: energy below which a photon is absorbed where it is, MeV.

    Returns:
        Deposits as (energy, position, direction, time) and (photon, process, particle, medium),
        how many there are, and the energy that escaped, by photon.
    """
    columns = np.empty((24 * len(starts) + ROOM, 8))
    labels = np.empty((24 * len(starts) + ROOM, 4), np.int32)
    escaped = np.zeros(len(starts))
    state = np.zeros(1, np.uint64)
    n = 0
    for row in range(len(starts)):
        if n + ROOM > len(labels):
            columns, labels = _longer(columns), _longer(labels)
        state[0] = mixed(np.uint64(key) ^ mixed(np.uint64(row) * GOLDEN + GOLDEN))
        added, escaped[row] = _history(
            state,
            starts[row],
            tables,
            outer,
            positronium,
            cutoff,
            columns[n : n + ROOM],
            labels[n : n + ROOM],
        )
        labels[n : n + added, 0] = row
        n += added
    return columns, labels, n, escaped


@numba.njit(cache=True, error_model="numpy")
def _history(
    state: State,
    start: Photon,
    tables: PhotonTables,
    outer: Radii,
    positronium: tuple[float, float],
    cutoff: float,
    columns: Columns,
    labels: Labels,
) -> tuple[int, float]:
    """Follow one photon and its secondary ones; number of deposits and energy that escaped.

    Photons left when there is no more room for deposits are absorbed where they are.
    """
    # Passed on one by one: handing the tuple to every function would double the time.
    per_metre, cumulative = tables.per_metre, tables.cumulative
    incoherent, form_factor = tables.incoherent, tables.form_factor
    span = (tables.first, tables.last)
    waiting, track = np.empty((4, 8)), np.empty(3)
    waiting[0] = start
    n, n_waiting, escaped = 0, 1, 0.0
    while n_waiting > 0:
        n_waiting -= 1
        photon = waiting[n_waiting].copy()
        radius = math.sqrt(photon[1] ** 2 + photon[2] ** 2 + photon[3] ** 2)
        medium, kind = int(np.searchsorted(outer, radius)), PHOTO
        while photon[0] > 0:
            flies = photon[0] >= cutoff and n < ROOM - 8
            if flies:
                place = max((math.log(photon[0]) - LOG_LOWEST) * STEPS, 0.0)
                medium = advance(state, photon, medium, place, per_metre, outer)
            if medium == len(outer):
                escaped += photon[0]
                break
            kind = process(state, medium, place, cumulative) if flies else PHOTO
            if kind == RAYLEIGH:
                turn(state, photon, rayleigh(state, photon[0], form_factor, medium, span))
                continue
            _write(photon, kind, medium, columns[n], labels[n])
            track[0], track[1], track[2] = photon[4], photon[5], photon[6]
            if kind == COMPTON:
                _recoil(state, photon, incoherent, medium, span, track)
                columns[n, 4], columns[n, 5], columns[n, 6] = track[0], track[1], track[2]
            elif kind == XENON_PHOTO:
                _x_ray(state, photon, tables)
            elif kind == PAIR:
                _annihilation(state, photon, positronium, waiting[n_waiting : n_waiting + 2])
                _share(state, columns[n : n + 2], labels[n : n + 2])
                n_waiting += 2
                n += 1
            else:
                photon[0] = 0.0
            columns[n, 0] -= photon[0]
            n += 1
    return n, escaped


@numba.njit(cache=True, error_model="numpy")
def _write(
    photon: Photon, kind: int, medium: int, column: Photon, label: Int32[np.ndarray, "4"]
) -> None:
    """Write a deposit of all the energy of a photon."""
    for i in range(8):
        column[i] = photon[i]
    label[1], label[2], label[3] = kind, ELECTRON, medium


@numba.njit(cache=True, error_model="numpy")
def _share(state: State, columns: Columns, labels: Labels) -> None:
    """Share a pair's energy [first row] between its electron and its positron [second row].

    Assumption: any share is as likely as any other, which holds roughly up to some MeV.
    """
    kinetic, share = columns[0, 0] - 2 * ELECTRON_MASS, uniform(state)
    columns[1] = columns[0]
    labels[1] = labels[0]
    labels[1, 2] = POSITRON
    columns[0, 0], columns[1, 0] = share * kinetic, (1 - share) * kinetic


@numba.njit(cache=True, error_model="numpy")
def _longer(table: Columns) -> Columns:
    """A copy of a table with room for twice as many rows."""
    more = np.empty((2 * len(table), table.shape[1]), table.dtype)
    more[: len(table)] = table
    return more
