"""Replicas of the detector: constants as they might be, given what calibrations know of them.

A replica moves all that payloads state at once: every PMT's own constants by their errors and
correlations, the global parameters by their covariance, and the constants with the global
parameters by the slopes that columns named ``<constant>_by_<parameter>`` give. An analysis that
is done with each of many replicas has the calibration's systematic error in its spread.

Assumption: the errors of a constant hold at fixed values of the parameters that it has slopes by,
and of different PMTs are independent but for these; only what calibrations store can be drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

import kzcal
from kzcal.conditions.canonical import sha256
from kzcal.conditions.hdf5 import encode
from kzcal.conditions.payload import Column, GlobalBlock, InputFile, Lineage, Payload
from kzcal.conditions.quantities import GLOBAL_FIT, QUANTITIES, RESPONSE
from kzcal.conditions.spread import Spread
from kzcal.errors import DatabaseError

SIGNED = ("time_shift", "time_walk", "angular_slope")
"""Global parameters that may have either sign; all others are positive."""
SHARES = ("fraction", "reflectivity")
"""Words in the names of global parameters that are one at most."""
NAMES = tuple(quantity.name for quantity in QUANTITIES)
Matrix = Float64[np.ndarray, "pmt constant parameter"]


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Global parameters of one payload in a replica.

    Args:
        names: of the parameters.
        spread: that they are drawn from, as one row.
        z: what was drawn.
    """

    names: tuple[str, ...]
    spread: Spread
    z: Float64[np.ndarray, "1 parameter"]

    @property
    def values(self) -> Float64[np.ndarray, " parameter"]:
        """Values in the replica; shares are one at most."""
        values = self.spread.at(self.z)[0]
        limited = [any(word in name for word in SHARES) for name in self.names]
        return np.asarray(np.where(limited, np.minimum(values, 1.0), values))

    @property
    def standard(self) -> Mapping[str, float]:
        """What was drawn of each parameter that has an error, in its standard deviations."""
        sigma = np.sqrt(np.diagonal(self.spread.covariance[0]))
        drawn = zip(self.names, self.z[0], sigma, strict=True)
        return {name: float(z / s) for name, z, s in drawn if s > 0}


def replicas(
    payloads: Sequence[Payload], numbers: Iterable[int], *, seed: int
) -> Iterator[tuple[Payload, ...]]:
    """Replicas of a set by number; each depends on seed and its number alone.

    Args:
        payloads: of different kinds, that hold for the same run.
        numbers: of the replicas.
        seed: of the set.

    Raises:
        DatabaseError: a column of slopes names a parameter that its payload does not have.
    """
    inputs = tuple(InputFile(payload.kind, sha256(encode(payload))) for payload in payloads)
    for number in numbers:
        configuration = {"command": "kzcal throw", "replica": number}
        lineage = Lineage(inputs, kzcal.__version__, {}, configuration, seed)
        drawn = draw_replica(payloads, generator=np.random.default_rng([seed, number]))
        yield tuple(replace(payload, lineage=lineage) for payload in drawn)


def draw_replica(
    payloads: Sequence[Payload], *, generator: np.random.Generator
) -> tuple[Payload, ...]:
    """The payloads with all constants and global parameters as they might be as well.

    What is unknown stays unknown, statuses stay, and what must be positive stays positive; see
    kzcal.conditions.spread. A parameter that two payloads have moves in both by as many of its
    standard deviations, as that of kind "global-fit" draws it. Errors and covariances stay.

    Args:
        payloads: of different kinds, that hold for the same run.
        generator: source of randomness; the same state gives the same replica.

    Raises:
        DatabaseError: a column of slopes names a parameter that its payload does not have.
    """
    drawn = _draw_globals(payloads, generator)
    moved = []
    for payload in payloads:
        block, columns = payload.globals, payload.columns
        if block is not None:
            block = replace(block, values=drawn[payload.kind].values)
        if payload.kind == RESPONSE:
            columns = _draw_constants(payload, payloads, drawn, generator)
        moved.append(replace(payload, columns=columns, globals=block))
    return tuple(moved)


def _draw_globals(payloads: Sequence[Payload], generator: np.random.Generator) -> dict[str, Drawn]:
    """Global parameters by kind of payload."""
    drawn: dict[str, Drawn] = {}
    settled: dict[str, float] = {}
    for payload in sorted(payloads, key=lambda p: (p.kind != GLOBAL_FIT, p.kind)):
        if payload.globals is None:
            continue
        block = payload.globals
        spread = _spread_of(block)
        z = _settled(block.names, spread, spread.draw(generator), settled)
        drawn[payload.kind] = Drawn(block.names, spread, z)
        settled = {**drawn[payload.kind].standard, **settled}
    return drawn


def _spread_of(block: GlobalBlock) -> Spread:
    positive = np.array([name not in SIGNED for name in block.names], bool) & (block.values >= 0)
    return Spread.of(block.values[None], block.covariance[None], positive[None])


def _settled(
    names: Sequence[str],
    spread: Spread,
    z: Float64[np.ndarray, "1 parameter"],
    settled: Mapping[str, float],
) -> Float64[np.ndarray, "1 parameter"]:
    """Put parameters that are settled already in place, and let the others follow them.

    Source: Matheron's rule, Journel and Huijbregts (1978), Mining Geostatistics, ch. VII.
    """
    rows = [row for row, name in enumerate(names) if name in settled]
    if not rows:
        return z
    covariance = spread.covariance[0]
    wanted = np.array([settled[names[row]] for row in rows]) * np.sqrt(covariance[rows, rows])
    inverse = np.linalg.pinv(covariance[np.ix_(rows, rows)], hermitian=True)
    moved: np.ndarray = z + (covariance[:, rows] @ inverse @ (wanted - z[0, rows]))[None]
    moved[0, rows] = wanted
    return moved


def _draw_constants(
    response: Payload,
    payloads: Sequence[Payload],
    drawn: Mapping[str, Drawn],
    generator: np.random.Generator,
) -> dict[str, Column]:
    """Columns of "pmt-response" with every PMT's constants moved."""
    spread = _spread_of_pmts(response)
    free = spread.positive | (spread.mean != 0)
    z = spread.draw(generator)
    for payload in payloads:
        slopes = _slopes(payload, len(z), drawn)
        if slopes is not None:
            others = drawn[payload.kind]
            slopes = np.where(free[:, :, None], slopes, 0.0)
            spread, steep = spread.moved_by(others.spread, slopes)
            z = z + (steep @ others.z[0])
    values, columns = spread.at(z), dict(response.columns)
    for i, name in enumerate(NAMES):
        known = np.isfinite(columns[name].values)
        columns[name] = replace(columns[name], values=np.where(known, values[:, i], np.nan))
    return columns


def _spread_of_pmts(response: Payload) -> Spread:
    """Every PMT's constants with the correlations that are stated; NaN reads as 0 +- 0."""
    columns = response.columns
    mean = np.stack([np.nan_to_num(columns[name].values) for name in NAMES], axis=1)
    error = np.stack([np.nan_to_num(_errors(columns[name])) for name in NAMES], axis=1)
    correlation = np.broadcast_to(np.eye(len(NAMES)), (*mean.shape, len(NAMES))).copy()
    for i, first in enumerate(NAMES):
        for j, second in enumerate(NAMES[:i]):
            column = columns.get(correlation_name(second, first))
            if column is not None:
                correlation[:, i, j] = correlation[:, j, i] = np.nan_to_num(column.values)
    covariance = correlation * error[:, :, None] * error[:, None, :]
    positive = np.array([quantity.sign != "any" for quantity in QUANTITIES])
    return Spread.of(mean, covariance, np.broadcast_to(positive, mean.shape))


def correlation_name(first: str, second: str) -> str:
    """Name of the column with the correlation of two constants, in the order of QUANTITIES."""
    return f"correlation_of_{first}_and_{second}"


def _errors(column: Column) -> Float64[np.ndarray, " pmt"]:
    errors = np.zeros(column.values.shape) if column.errors is None else column.errors
    return np.asarray(errors, np.float64)


def _slopes(payload: Payload, n_pmt: int, drawn: Mapping[str, Drawn]) -> Matrix | None:
    """Slopes of the constants by the payload's global parameters; None if it gives none."""
    named = [name for name in payload.columns if name.partition("_by_")[0] in NAMES]
    found = [name for name in named if "_by_" in name]
    if not found:
        return None
    parameters = drawn[payload.kind].names if payload.kind in drawn else ()
    slopes = np.zeros((n_pmt, len(NAMES), len(parameters)))
    for column in found:
        constant, _, parameter = column.partition("_by_")
        values = payload.columns[column].values
        if parameter not in parameters or values.shape != (n_pmt,):
            message = (
                f"a column of slopes has a row for each of {n_pmt} PMTs and names one of the "
                f"payload's global parameters ({', '.join(parameters) or 'none'}), got "
                f"{column!r} of shape {values.shape} in {payload.kind}"
            )
            raise DatabaseError(message)
        rows = NAMES.index(constant), parameters.index(parameter)
        slopes[:, rows[0], rows[1]] = np.nan_to_num(values)
    return slopes
