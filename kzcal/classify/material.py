"""What a classifier is trained and judged on: examples of two classes, some of them held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64, Shaped

from kzcal.candidates import Candidates
from kzcal.classify.config import ClassifierConfig
from kzcal.classify.matching import matching_weights
from kzcal.errors import ConfigurationError
from kzcal.evaluate.kinds import KIND
from kzcal.geometry import Detector
from kzcal.learning import CandidateTask, ClassifierTask, CorrectedEvents
from kzcal.training.loop import Learner

FEWEST_JUDGED = 20
"""Events of each class that a validation needs."""


class Scorer(Protocol):
    """A classifier of events or of candidates, for whoever gives it what it takes."""

    def score(self, examples: Any, /) -> Float64[np.ndarray, " event"]:  # noqa: ANN401
        """A finite number for each, the larger the more signal-like."""


class LearningScorer(Learner, Scorer, Protocol):
    """The same while it learns."""


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Events or candidates to learn from, and others to judge by.

    Args:
        task: to learn from.
        events: held out, candidates where the task is of candidates.
        signal: whether each of these is signal.
        weight: of each of these.
    """

    task: ClassifierTask | CandidateTask
    events: CorrectedEvents | Candidates
    signal: Bool[np.ndarray, " event"]
    weight: Float32[np.ndarray, " event"]

    @classmethod
    def parted(
        cls,
        examples: CorrectedEvents | Candidates,
        signal: Bool[np.ndarray, " event"],
        held: Bool[np.ndarray, " event"],
        detector: Detector,
        config: ClassifierConfig,
        device: torch.device,
    ) -> Material:
        """Examples to learn from and those held out, with the weights that each need.

        Args:
            examples: of both classes, enough of each on both sides: see ``check_counts``.
            signal: whether each is signal.
            held: whether each is held out.
            detector: of all.
            config: the settings.
            device: where to calculate.
        """
        learned, judged = examples.take(~held), examples.take(held)
        if isinstance(judged, Candidates):
            judged = judged.blind()
        task = _task(learned, signal[~held], detector, config.match, device, config.seed)
        weight = matching_weights(judged, signal[held], config.match)
        return cls(task, judged, signal[held], weight)


def resampled(material: Material, seed: int, match: str) -> Material:
    """The same with examples to learn from drawn anew from them, with replacement.

    Args:
        material: of the training.
        seed: of the draw, and of the training on it.
        match: what weights make alike.
    """
    task = material.task
    generator = np.random.default_rng(seed)
    rows = np.sort(generator.integers(0, len(task.signal), len(task.signal)))
    examples = task.candidates if isinstance(task, CandidateTask) else task.events
    drawn = _task(examples.take(rows), task.signal[rows], task.detector, match, task.device, seed)
    return replace(material, task=drawn)


def _task(
    examples: CorrectedEvents | Candidates,
    signal: Bool[np.ndarray, " event"],
    detector: Detector,
    match: str,
    device: torch.device,
    seed: int,
) -> ClassifierTask | CandidateTask:
    """The task of learning from examples."""
    weight = matching_weights(examples, signal, match)
    if isinstance(examples, Candidates):
        return CandidateTask(examples, signal, weight, detector, device, seed)
    return ClassifierTask(examples, signal, weight, detector, device, seed)


def check_counts(
    signal: Bool[np.ndarray, " event"],
    held: Bool[np.ndarray, " event"],
    names: tuple[Sequence[str], Sequence[str]],
) -> None:
    """Refuse too few examples of a class.

    Args:
        signal: whether each example is signal.
        held: whether each is held out.
        names: kinds of signal and of background.

    Raises:
        ConfigurationError: a class lacks examples to learn from or to judge by.
    """
    for kinds, mine in zip(names, (signal, ~signal), strict=True):
        learned, judged = int((mine & ~held).sum()), int((mine & held).sum())
        if not learned or judged < FEWEST_JUDGED:
            message = (
                f"a training needs events of each class to learn from and {FEWEST_JUDGED} to "
                f"judge by, got {learned} and {judged} of {', '.join(kinds)}: give more "
                f"events, or raise the setting held_out"
            )
            raise ConfigurationError(message)


def labels(
    path: Path,
    truth: Mapping[str, Shaped[np.ndarray, " event"]],
    signal: Sequence[str],
    background: Sequence[str],
) -> tuple[Bool[np.ndarray, " event"], Bool[np.ndarray, " event"]]:
    """Which events or candidates of a file are of a known class, and which are signal.

    Args:
        path: of the file.
        truth: of all of them, by column.
        signal: values of truth/kind that are signal.
        background: those that are background.

    Raises:
        ConfigurationError: the file does not say what they are, or has none of these.
    """
    if KIND not in truth:
        message = f"a classifier learns from events of known kinds, got no truth/kind in {path}"
        raise ConfigurationError(message)
    kind = truth[KIND].astype(str)
    is_signal = np.isin(kind, list(signal))
    is_known = is_signal | np.isin(kind, list(background))
    if not is_known.any():
        message = (
            f"{path}: signal is {', '.join(signal)} and background {', '.join(background)}, "
            f"got only events of {', '.join(np.unique(kind)[:10])}: name kinds that it has"
        )
        raise ConfigurationError(message)
    return is_known, is_signal


def thinned(held: Bool[np.ndarray, " event"], most: int) -> Bool[np.ndarray, " event"]:
    """The same mask with at most so many events, evenly over all of them."""
    rows = np.flatnonzero(held)
    kept = np.zeros_like(held)
    kept[rows[:: max(1, -(-len(rows) // most))]] = True
    return kept
