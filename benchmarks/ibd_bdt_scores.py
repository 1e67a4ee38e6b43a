"""Whether a score of the prompt event tells antineutrino pairs better: a table of a page.

    python benchmarks/ibd_bdt_scores.py --ibd ibd_hits_pairs.h5...
        --accidental accidental_hits_pairs.h5 other_accidental_hits_pairs.h5

Pairs were built with `--scores NAME=scores.csv`, which gives the scores of events with hits. Trees
learn from every other antineutrino and the first file of accidental pairs, and are judged by the
rest; then the same with both exchanged, so that every pair judges once. Scores are means of five
trainings. Both files of accidental pairs are of single events of their own.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from kzcal_bdt.booster import loaded
from kzcal_bdt.importance import Importance, importance
from kzcal_bdt.inputs import DIRECTIONS
from kzcal_bdt.trees import BOOSTER, PairTreesLearner
from kzcal_bdt.working_point import balanced_accuracy
from pages import table, write_part

from kzcal.calibrate.report.digits import measured
from kzcal.candidates import Candidates, joined
from kzcal.evaluate.area import areas, chance
from kzcal.evaluate.resampling import rejections
from kzcal.geometry import load_detector
from kzcal.io.candidates import read_candidates
from kzcal.learning import CandidateTask

PAGE = Path(__file__).parents[1] / "docs" / "antineutrinos.md"
SMALLEST = 1e-9
TREES, SEEDS, DRAWS, CUTS = 200, 5, 300, (0.9, 0.99)


def grown(pairs: Candidates, seed: int, *, scores: float) -> PairTreesLearner:
    """Trees that learned from pairs, with or without scores."""
    signal, weight = pairs.truth["kind"] == b"ibd", np.ones(len(pairs), np.float32)
    task = CandidateTask(pairs, signal, weight, load_detector(), torch.device("cpu"), seed)
    learner = PairTreesLearner(task, scores=scores)
    for _ in range(TREES):
        learner.step()
    return learner


def crossed(halves: Sequence[Candidates], *, scores: float) -> tuple[np.ndarray, Importance]:
    """Scores of the second half by trees of the first, then the reverse; what inputs are worth.

    Scores are means of several trainings, so that chance in these does not hide a difference.
    """
    trees = [[grown(half, seed, scores=scores) for seed in range(SEEDS)] for half in halves]
    pairs = zip(trees, halves[::-1], strict=True)
    found = [np.mean([one.score(half) for one in learners], axis=0) for learners, half in pairs]
    boosters = [loaded(one.weights()[BOOSTER], {}) for learners in trees for one in learners]
    return np.concatenate(found), importance(boosters, joined(halves[::-1]))


def rows_of(names: Sequence[str], scores: np.ndarray, signal: np.ndarray) -> list[list[object]]:
    """A row for each score, held against the last but one."""
    area, generator = areas(scores, signal), np.random.default_rng(1)
    rejected = rejections(scores, signal, CUTS, draws=DRAWS, generator=generator)
    rows: list[list[object]] = []
    for i, name in enumerate(names):
        accuracy = balanced_accuracy(scores[i], signal)
        less, error = area.difference(i, len(names) - 2)
        apart = f"{less:+.5f} ± {error:.5f} (p {likely(chance(less, error))})"
        shares = zip(rejected.values[i], rejected.errors[i], strict=True)
        rows.append(
            [
                name,
                percent(accuracy.value, accuracy.error),
                measured(float(area.values[i]), float(area.errors[i])),
                "" if i == len(names) - 2 else apart,
                *(percent(float(value), float(error)) for value, error in shares),
            ]
        )
    return rows


def main() -> None:
    """Write the comparison of docs/antineutrinos.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ibd", type=Path, nargs="+", required=True)
    parser.add_argument("--accidental", type=Path, nargs=2, required=True)
    given = parser.parse_args()
    ibd = joined([read_candidates(path) for path in given.ibd])
    accidental = [read_candidates(path) for path in given.accidental]
    even = np.arange(len(ibd)) % 2 == 0
    parts = zip((even, ~even), accidental, strict=True)
    halves = [joined([ibd.take(rows), other]) for rows, other in parts]
    judged = joined(halves[::-1])
    signal = judged.truth["kind"] == b"ibd"
    columns = [name for name in judged.columns if name not in DIRECTIONS]
    alone = [judged.columns[name].astype(np.float64) for name in columns]
    without, _ = crossed(halves, scores=0.0)
    together, worth = crossed(halves, scores=1.0)
    names = [*(f"`{name}` alone" for name in columns), "trees", f"trees with {', '.join(columns)}"]
    rows = rows_of(names, np.array([*alone, without, together]), signal)
    added = ", ".join(
        f"`{name}` {measured(one['added'], one['added_error'])}"
        for name, one in worth.as_dict().items()
    )
    head = ["", "balanced accuracy", "area", "area less that of trees"]
    head += [f"rejected at {cut:.0%}" for cut in CUTS]
    counted = f"{signal.sum():,} antineutrinos and {(~signal).sum():,} accidental pairs."
    text = f"{counted}\n\n{table(head, rows)}\n\nWhat inputs add to the logit: {added}."
    write_part(PAGE, "scores", text)


def likely(probability: float) -> str:
    """A probability, or what it is below."""
    return f"= {probability:.2g}" if probability > SMALLEST else f"< {SMALLEST:g}"


def percent(value: float, error: float) -> str:
    """A share with its error in per cent."""
    return f"{measured(100 * value, 100 * error)} %"


if __name__ == "__main__":
    main()
