"""Whether bound or free trees tell antineutrino pairs better: a table of a page.

    python benchmarks/ibd_bdt_monotone.py --learn ibd_learn.h5 off_time.h5
        --judge ibd.h5 accidental.h5

Both learn from the same pairs, drawn at random from --learn, and are judged by those of --judge.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from kzcal_bdt.trees import PairTreesLearner
from kzcal_bdt.working_point import balanced_accuracy
from pages import table, write_part

from kzcal.calibrate.report.digits import measured
from kzcal.candidates import Candidates, joined
from kzcal.evaluate.area import areas
from kzcal.geometry import load_detector
from kzcal.io.candidates import read_candidates
from kzcal.learning import CandidateTask

PAGE = Path(__file__).parents[1] / "docs" / "antineutrinos.md"
SIZES, DRAWS, TREES = (2_000, 20_000), 6, 300


def signal_of(pairs: Candidates) -> np.ndarray:
    """Whether each pair is an antineutrino."""
    return pairs.truth["kind"] == b"ibd"


def drawn(pairs: Candidates, n: int, seed: int) -> CandidateTask:
    """A task of so many pairs, half of either class."""
    generator, signal = np.random.default_rng(seed), signal_of(pairs)
    rows = [generator.choice(np.flatnonzero(c), n // 2, replace=False) for c in (signal, ~signal)]
    taken, weight = pairs.take(np.concatenate(rows)), np.ones(n, np.float32)
    return CandidateTask(
        taken, signal_of(taken), weight, load_detector(), torch.device("cpu"), seed
    )


def judged(task: CandidateTask, pairs: Candidates) -> tuple[np.ndarray, np.ndarray]:
    """Area and balanced accuracy of bound and of free trees."""
    scores = []
    for monotone in (1.0, 0.0):
        learner = PairTreesLearner(task, monotone=monotone)
        for _ in range(TREES):
            learner.step()
        scores.append(learner.score(pairs))
    signal = signal_of(pairs)
    accuracy = [balanced_accuracy(score, signal).value for score in scores]
    return areas(np.array(scores), signal).values, np.array(accuracy)


def mean(values: np.ndarray) -> str:
    """Mean over the draws, with its error."""
    return measured(float(values.mean()), float(values.std(ddof=1) / len(values) ** 0.5))


def main() -> None:
    """Write the comparison of docs/antineutrinos.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learn", type=Path, nargs="+", required=True)
    parser.add_argument("--judge", type=Path, nargs="+", required=True)
    given = parser.parse_args()
    learn, judge = (
        joined([read_candidates(path) for path in paths]) for paths in (given.learn, given.judge)
    )
    rows = []
    for n in SIZES:
        found = np.array([judged(drawn(learn, n, seed), judge) for seed in range(DRAWS)])
        area, accuracy = found[:, 0], 100 * found[:, 1]
        rows.append(
            [
                f"{n:,}",
                DRAWS,
                *(f"{mean(accuracy[:, i])} %" for i in range(2)),
                mean(accuracy[:, 0] - accuracy[:, 1]),
                mean(1e5 * (area[:, 0] - area[:, 1])),
                int((area[:, 0] > area[:, 1]).sum()),
            ]
        )
    head = ["pairs learned from", "draws", "accuracy, bound", "accuracy, free"]
    head += ["difference (%)", "difference of areas (10⁻⁵)", "draws with the larger area bound"]
    write_part(PAGE, "monotone", table(head, rows))


if __name__ == "__main__":
    main()
