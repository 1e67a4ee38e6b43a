r"""Neighbouring cables that move together by less than any of them shows alone.

A power cycle shifts the gains of a crate by a few per cent, which a PMT with errors as large does
not tell, but a hundred do. For every run each PMT has the difference of its means over the runs
after and before, in errors, z; a stretch of m cables scores :math:`|\sum z| / \sqrt m`.
Differences are held to a few errors, so that one PMT that jumps is no crate. The score that counts
is so high that of all stretches and runs together a share of false alarms is left (Bonferroni).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.stats import norm

from kzcal.monitor.series import Series

BLOCK = 8
"""Cables by which stretches are first told apart; the ends are then found to the cable."""
REACH = 8
"""Runs before and after that are compared, at most."""
HELD = 3.0
"""Largest difference that counts, in errors."""
MOST = 30
"""Crates of one constant, at most."""


@dataclass(frozen=True, slots=True)
class Crate:
    """Neighbouring cables that move with the same run.

    Args:
        run: first run after, counted from 0.
        cables: first and last.
        score: evidence, in standard deviations.
    """

    run: int
    cables: tuple[int, int]
    score: float


def crates(
    series: Series,
    slope_variance: Float64[np.ndarray, " pmt"],
    time: Float64[np.ndarray, " run"],
    rate: float,
) -> list[Crate]:
    """Stretches of cables that move together, the clearest first.

    Args:
        series: one constant, as ``noise.prepare`` left it.
        slope_variance: of the drift of each PMT.
        time: of each run, in runs.
        rate: false alarms of all stretches and runs together.
    """
    free = jumps(series, slope_variance, time)
    z = np.clip(free, -HELD, HELD)
    n_block = -(-len(z) // BLOCK)
    tests = max(z.shape[1] - 1, 1) * n_block * (n_block + 1)
    needed = float(norm.isf(rate / (2 * tests)))
    found: list[Crate] = []
    for _ in range(MOST):
        best = _clearest(z)
        if best.score < needed:
            break
        first, last = best.cables
        middle = np.abs(np.median(free[first : last + 1], axis=0))
        nearby = np.abs(np.arange(z.shape[1]) - best.run) <= REACH
        dated = int(np.where(nearby, middle, 0.0).argmax())
        found.append(Crate(dated, best.cables, best.score))
        z[first : last + 1, max(best.run - REACH, 0) : best.run + REACH + 1] = 0.0
    return found


def jumps(
    series: Series,
    slope_variance: Float64[np.ndarray, " pmt"],
    time: Float64[np.ndarray, " run"],
) -> Float64[np.ndarray, "pmt run"]:
    """Mean after less mean before each run, in errors; 0 where either is missing."""
    known = np.isfinite(series.value) & (series.error > 0)
    weight = np.where(known, 1 / np.where(known, series.error, 1.0) ** 2, 0.0)
    weighted = np.where(known, weight * series.value, 0.0)
    z = np.zeros(series.value.shape)
    for run in range(1, len(time)):
        sides = slice(max(run - REACH, 0), run), slice(run, run + REACH)
        before, after = (weight[:, side].sum(1) for side in sides)
        both = (before > 0) & (after > 0)
        before, after = np.where(both, before, 1.0), np.where(both, after, 1.0)
        level = [weighted[:, side].sum(1) for side in sides]
        when = [(weight[:, side] * time[side]).sum(1) for side in sides]
        step = level[1] / after - level[0] / before
        lag = when[1] / after - when[0] / before
        variance = 1 / before + 1 / after + slope_variance * lag**2
        z[:, run] = np.where(both, step / np.sqrt(variance), 0.0)
    return z


def _clearest(z: Float64[np.ndarray, "pmt run"]) -> Crate:
    """The stretch with the largest score over all runs, half the detector long at most."""
    blocks = np.arange(0, len(z), BLOCK)
    best = Crate(0, (0, 0), 0.0)
    for run in range(1, z.shape[1]):
        total = np.add.reduceat(z[:, run], blocks)
        number = np.add.reduceat((z[:, run] != 0).astype(float), blocks)
        score = _scores(total, number, len(z) / 2)
        at = int(score.argmax())
        first, last = divmod(at, len(blocks))
        if score.flat[at] > best.score:
            cables = (int(blocks[first]), min(int(blocks[last]) + BLOCK, len(z)) - 1)
            best = Crate(run, cables, float(score.flat[at]))
    return _sharpened(best, z) if best.score > 0 else best


def _scores(
    total: Float64[np.ndarray, " piece"], number: Float64[np.ndarray, " piece"], longest: float
) -> Float64[np.ndarray, "first last"]:
    """Score of the stretch from each piece to each later one; 0 for too short or long ones."""
    sums, counts = (
        np.concatenate([[0.0], part.cumsum()])[None, 1:]
        - np.concatenate([[0.0], part.cumsum()])[:-1, None]
        for part in (total, number)
    )
    fine = (counts >= BLOCK / 2) & (counts <= longest)
    return np.asarray(np.where(fine, np.abs(sums) / np.sqrt(np.maximum(counts, 1.0)), 0.0))


def _sharpened(rough: Crate, z: Float64[np.ndarray, "pmt run"]) -> Crate:
    """The same with ends to the cable."""
    low = max(rough.cables[0] - BLOCK, 0)
    high = min(rough.cables[1] + BLOCK + 1, len(z))
    here = z[low:high, rough.run]
    score = _scores(here, (here != 0).astype(float), len(z) / 2)
    first, last = divmod(int(score.argmax()), len(here))
    return Crate(rough.run, (low + first, low + last), float(score.max()))
