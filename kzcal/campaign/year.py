"""A year of the detector: constants that drift and change, on the days of its runs."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Float64

from kzcal.calibrate.demo import DemoTruth, draw_truth
from kzcal.campaign.changes import YEAR_DAYS, Change, draw_changes
from kzcal.conditions.iov import RunRange
from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.optics.plain_light import PlainLight

LIGHT_YIELD_PER_YEAR = -0.02
ATTENUATION_PER_YEAR = -0.04
SEASON = 0.05
"""Half the difference of dark rates between the warmest and the coldest day, relative."""
HOT_FACTOR = 10.0
"""A PMT whose dark rate grows by more counts as hot."""


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """Slow changes of every PMT.

    Args:
        qe: of the logarithm of the efficiency, per year.
        gain: of the logarithm of the gain, per year.
        time_offset: ns per year.
    """

    qe: Float64[np.ndarray, " pmt"]
    gain: Float64[np.ndarray, " pmt"]
    time_offset: Float64[np.ndarray, " pmt"]


@dataclass(frozen=True, slots=True, eq=False)
class Year:
    """What a year of runs is made with.

    Args:
        seed: decides everything.
        runs: run numbers.
        day: of the year, for each run.
        base: constants at its begin.
        drift: slow changes.
        changes: sudden ones, in order of time.
    """

    seed: int
    runs: tuple[int, ...]
    day: Float64[np.ndarray, " run"]
    base: DemoTruth
    drift: Drift
    changes: tuple[Change, ...]

    def truth(self, row: int) -> DemoTruth:
        """Constants of every PMT in a run, counted from 0."""
        day = float(self.day[row])
        years = day / YEAR_DAYS
        season = 1 + SEASON * np.cos(2 * np.pi * years)
        values = {field.name: getattr(self.base, field.name).copy() for field in fields(DemoTruth)}
        values["qe"] *= np.exp(self.drift.qe * years)
        values["gain"] *= np.exp(self.drift.gain * years)
        values["time_offset"] += self.drift.time_offset * years
        values["dark_rate"] *= season
        for change in self.changes:
            if change.holds(day):
                _apply(change, values)
        return DemoTruth(**values)

    def light(self, row: int) -> PlainLight:
        """Light in a run, counted from 0."""
        years, start = float(self.day[row]) / YEAR_DAYS, PlainLight()
        return replace(
            start,
            photoelectrons=start.photoelectrons * (1 + LIGHT_YIELD_PER_YEAR * years),
            attenuation=start.attenuation * (1 + ATTENUATION_PER_YEAR * years),
        )

    def span(self, change: Change) -> RunRange | None:
        """The runs that see a change, open if it stays; None if none does."""
        seen = [run for run, day in zip(self.runs, self.day, strict=True) if change.holds(day)]
        if not seen:
            return None
        return RunRange(seen[0], None if np.isinf(change.until) else seen[-1])


def _apply(change: Change, values: dict[str, np.ndarray]) -> None:
    """Change the constants of one run."""
    cables, sizes = list(change.cables), np.array(change.sizes)
    if change.quantity == "status":
        values["status"][cables] = np.where(sizes > 0, "good", "dead")
        return
    if change.quantity == "time_offset":
        values["time_offset"][cables] += sizes
        return
    values[change.quantity][cables] *= sizes
    if change.quantity == "dark_rate":
        hot = [cable for cable, size in zip(cables, sizes, strict=True) if size > HOT_FACTOR]
        values["status"][hot] = "hot"


def draw_year(detector: Detector, *, seed: int, n_runs: int, first_run: int = 1) -> Year:
    """Draw a year; the same seed tells the same story whatever the number of its runs.

    Args:
        detector: whose PMTs they are.
        seed: decides everything.
        n_runs: runs, evenly spread over the year.
        first_run: number of the first one.

    Raises:
        ConfigurationError: there is no run.
    """
    if n_runs < 1:
        message = f"a year has one run at least, got {n_runs}"
        raise ConfigurationError(message)
    rng = np.random.default_rng([seed, 5])
    base, n = draw_truth(detector, seed=seed), detector.n_pmt
    drift = Drift(
        qe=rng.normal(0.0, 0.01, n),
        gain=rng.normal(-0.015, 0.02, n),
        time_offset=rng.normal(0.0, 0.1, n),
    )
    return Year(
        seed=seed,
        runs=tuple(range(first_run, first_run + n_runs)),
        day=YEAR_DAYS * (np.arange(n_runs) + 0.5) / n_runs,
        base=base,
        drift=drift,
        changes=draw_changes(base, generator=rng),
    )
