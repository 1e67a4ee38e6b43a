"""What trees of antineutrino pairs lose where both events are further apart: a table of a page.

    python benchmarks/ibd_bdt_distance.py --model models/trees --judge ibd.h5 accidental.h5

Antineutrinos get a further error of the vertices, alike along all axes, such that the median of
their distances is as --median says; those that leave the window of 2 m are no pairs any more.

Assumption: accidental pairs fill space evenly, so that the error leaves their distances as they
are. The trees learned from distances as simulated, and radii keep their values.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from kzcal_bdt.booster import logits
from kzcal_bdt.model import opened_trees
from kzcal_bdt.working_point import balanced_accuracy
from pages import table, write_part
from scipy.optimize import brentq

from kzcal.calibrate.report.digits import measured
from kzcal.candidates import Candidates, joined
from kzcal.evaluate.area import areas
from kzcal.io.candidates import read_candidates

PAGE = Path(__file__).parents[1] / "docs" / "antineutrinos.md"
WINDOW_M, MOST_ERROR_M, SEED = 2.0, 1.0, 1


def smeared(distance: np.ndarray, normal: np.ndarray, error: float) -> np.ndarray:
    """Distances with a further error.

    Args:
        distance: of each pair, m.
        normal: three standard normal numbers of each.
        error: of the difference of both vertices along each axis, m.
    """
    moved = error * normal
    moved[:, 0] += distance
    return np.asarray(np.linalg.norm(moved, axis=1))


def error_for(distance: np.ndarray, normal: np.ndarray, median: float) -> float:
    """The error along each axis that gives distances a median, m."""

    def above(error: float) -> float:
        return float(np.median(smeared(distance, normal, error))) - median

    return float(brentq(above, 0.0, MOST_ERROR_M, xtol=1e-4))


def row(model: Path, pairs: Candidates, distance: np.ndarray, error: float) -> list[object]:
    """Median distance, the error, what is lost, and how the trees tell the rest apart."""
    signal, inside = pairs.truth["kind"] == b"ibd", distance < WINDOW_M
    columns = {**pairs.columns, "dr": distance.astype(np.float32)}
    seen = Candidates(
        pairs.purpose, pairs.event, pairs.run, columns, pairs.offsets, pairs.points, pairs.units
    )
    booster = opened_trees(model)[0][0]
    score, signal_inside = logits(booster, seen.take(inside)), signal[inside]
    accuracy, area = balanced_accuracy(score, signal_inside), areas(score[None], signal_inside)
    return [
        f"{np.median(distance[signal]):.3f}",
        f"{error:.3f}",
        f"{100 * (1 - inside[signal].mean()):.2f} %",
        f"{measured(100 * accuracy.value, 100 * accuracy.error)} %",
        measured(float(area.values[0]), float(area.errors[0])),
    ]


def main() -> None:
    """Write the comparison of docs/antineutrinos.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--judge", type=Path, nargs="+", required=True)
    parser.add_argument("--median", type=float, default=0.5, help="distance of antineutrinos, m")
    given = parser.parse_args()
    pairs = joined([read_candidates(path) for path in given.judge])
    signal = pairs.truth["kind"] == b"ibd"
    distance = pairs.columns["dr"].astype(np.float64)
    normal = np.random.default_rng(SEED).normal(size=(int(signal.sum()), 3))
    error = error_for(distance[signal], normal, given.median)
    further = distance.copy()
    further[signal] = smeared(distance[signal], normal, error)
    rows = [row(given.model, pairs, distance, 0.0), row(given.model, pairs, further, error)]
    head = ["median distance, m", "further error along an axis, m", "beyond 2 m"]
    head += ["balanced accuracy", "area"]
    write_part(PAGE, "distance", table(head, rows))


if __name__ == "__main__":
    main()
