"""What the benchmarks of kzcal-pointnet share: parts of a sample, a training, the tagging."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from kzcal_pointnet import POINTNET
from kzcal_pointnet.choosing import classifier

from kzcal.candidates import Candidates, joined
from kzcal.evaluate.curve import Ranking
from kzcal.evaluate.resampling import Rejections, rejections
from kzcal.geometry import load_detector
from kzcal.io.candidates import read_candidates
from kzcal.learning import CandidateTask, Trained

SIGNAL, BACKGROUND = "xe136", "long-lived"
ACCEPTED = 0.9
"""Share of the double beta decays that are not tagged by mistake."""
JUDGED, EVERY = 0.15, 100
"""Share of the decays learned from that choose the step, and the steps between two judgements."""
DRAWS = 300
"""How often the held-out decays are drawn anew."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Decays of both classes, to learn from, to choose by, and to be judged by.

    Args:
        learned: from these.
        chosen: by these, such as the step.
        held_out: for the figures.
    """

    learned: Candidates
    chosen: Candidates
    held_out: Candidates


def sample(paths: Sequence[Path], *, seed: int = 1) -> Sample:
    """Parts of files, at random: two thirds to learn from, one to be judged by."""
    whole = joined([read_candidates(path) for path in paths])
    whole = whole.take(np.isin(whole.truth["kind"], (SIGNAL.encode(), BACKGROUND.encode())))
    order = np.random.default_rng(seed).permutation(len(whole))
    n = 2 * len(order) // 3
    judged = round(JUDGED * n)
    parts = (order[judged:n], order[:judged], order[n:])
    return Sample(*(whole.take(np.sort(rows)) for rows in parts))


def alone(candidates: Candidates) -> np.ndarray:
    """Which decays are double beta decays."""
    return np.asarray(candidates.truth["kind"] == SIGNAL.encode())


def tagged(score: np.ndarray, candidates: Candidates) -> float:
    """Share of the long-lived decays that are tagged."""
    curve = Ranking.of(score, alone(candidates)).curve()
    return float(curve.rejection(np.array([ACCEPTED]))[0])


def tagged_again(scores: Sequence[np.ndarray], candidates: Candidates) -> Rejections:
    """The same for several scores, with what chance does to each and to their differences."""
    generator = np.random.default_rng(1)
    cuts = (ACCEPTED,)
    return rejections(np.array(scores), alone(candidates), cuts, draws=DRAWS, generator=generator)


def chosen_options(preset: str, further: Mapping[str, float]) -> dict[str, float]:
    """Value of every option."""
    defaults = {option.name: float(np.float64(option.default)) for option in POINTNET.options}
    return defaults | dict(POINTNET.presets[preset]) | dict(further)


def trained(
    given: Sample, options: Mapping[str, float], *, seed: int = 1
) -> tuple[Trained, float]:
    """The network of the step that separates best, and the area under its curve there."""
    learned, device = given.learned, torch.device("cpu")
    weight = np.ones(len(learned), np.float32)
    task = CandidateTask(learned, alone(learned), weight, load_detector(), device, seed)
    assert POINTNET.learn is not None
    learner = POINTNET.learn(task, **options)
    best, kept = -1.0, dict(learner.weights())
    for number in range(1, round(options["schedule"]) + 1):
        learner.step()
        if number % EVERY == 0:
            score = learner.score(given.chosen)
            area = Ranking.of(score, alone(given.chosen)).curve().area
            if area > best:
                best, kept = area, dict(learner.weights())
    return Trained(kept, dict(options), load_detector(), device), best


def scored(found: Trained, candidates: Candidates) -> np.ndarray:
    """Score of each decay."""
    return classifier(found).score(candidates)
