"""Numbers of a whole file: its share of dark hits, and the resolutions in time and charge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, UInt8

from kzcal.calibrate.config import CalibrationConfig
from kzcal.scorecard.deals import jackknife_error, jackknifed, two_sided
from kzcal.scorecard.peaks import charge_width, time_width
from kzcal.scorecard.tally import Tally

Weighed = Callable[[Tally, Float64[np.ndarray, " block"]], float]


@dataclass(frozen=True, slots=True)
class WholeComparison:
    """A number in both files.

    Args:
        name: of its row.
        unit: of the number.
        first: in the first file.
        second: in the data.
        error: one standard deviation of their relative difference, from the blocks.
        probability: of a relative difference as large by chance.
    """

    name: str
    unit: str
    first: float
    second: float
    error: float
    probability: float

    @property
    def difference(self) -> float:
        """Relative difference."""
        return self.first / self.second - 1 if self.second else float("nan")


def dark_fraction(tally: Tally, weight: Float64[np.ndarray, " block"]) -> float:
    """Share of the hits of physics events that are dark, from the rate where no light is."""
    rate = float(weight @ tally.dark.sum(1)) / max(float(weight @ tally.dark_time), 1e-12)
    return rate * float(weight @ tally.window) / max(float(weight @ tally.n_hits), 1.0)


def blur(config: CalibrationConfig) -> float:
    """What the reconstruction adds to times at 1 MeV, ns; one axis of three points to a PMT."""
    vertex = config.vertex_resolution / np.sqrt(3) / config.light_speed
    return float(np.hypot(vertex, config.t0_resolution))


def resolutions(
    diameter: UInt8[np.ndarray, " pmt"], blur: float
) -> dict[str, tuple[str, Weighed]]:
    """What is measured, by name with its unit: of each type of PMT and of all hits.

    Args:
        diameter: of the PMTs, inches.
        blur: what the reconstruction adds to times, ns; taken off quadratically in both files.
    """
    found: dict[str, tuple[str, Weighed]] = {"dark_fraction": ("1", dark_fraction)}
    for size in np.unique(diameter):
        rows = diameter == size

        def time(tally: Tally, weight: np.ndarray, rows: np.ndarray = rows) -> float:
            width = time_width(_weighed(tally.residual, weight, rows))
            return float(np.sqrt(max(width**2 - blur**2, 0.0))) if np.isfinite(width) else width

        def charge(tally: Tally, weight: np.ndarray, rows: np.ndarray = rows) -> float:
            return charge_width(_weighed(tally.charge, weight, rows))

        found[f"time_resolution_{size}_inch"] = ("ns", time)
        found[f"charge_resolution_{size}_inch"] = ("1", charge)
    return found


def compare_whole(
    name: str, unit: str, number: Weighed, first: Tally, second: Tally, *, paired: bool
) -> WholeComparison:
    """A number in both files with the error of its relative difference.

    Blocks with the same events are left out of both files at once.
    """
    n_first, n_second = len(first.n_events), len(second.n_events)
    mine, without = jackknifed(lambda weight: number(first, weight), n_first)
    data, others = jackknifed(lambda weight: number(second, weight), n_second)
    if not data or not (others > 0).all():
        return WholeComparison(name, unit, mine, data, float("nan"), float("nan"))
    if paired:
        error = jackknife_error(without / others)
    else:
        parts = (jackknife_error(without) / data, mine * jackknife_error(others) / data**2)
        error = float(np.hypot(*parts))
    chance = two_sided(mine / data - 1, error, min(n_first, n_second) - 1)
    return WholeComparison(name, unit, mine, data, error, chance)


def _weighed(
    histograms: np.ndarray, weight: Float64[np.ndarray, " block"], rows: np.ndarray
) -> Float64[np.ndarray, "pmt bin"]:
    """Sum over the blocks, of which nearly all count once."""
    total = histograms.sum(0)[rows].astype(np.float64)
    for block in np.flatnonzero(weight != 1):
        total += (weight[block] - 1) * histograms[block][rows]
    return np.asarray(total)
