"""What translators and classifiers learn from, their training step by step, and what it leaves.

kzcal.translate and kzcal.classify drive the training: they keep time, judge by events held out,
write checkpoints and stop. A plugin brings the step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from kzcal.candidates import Candidates
from kzcal.hits import Events, Hits

if TYPE_CHECKING:
    import torch

    from kzcal.geometry import Detector


@dataclass(frozen=True, slots=True, eq=False)
class TranslatorTask:
    """Events to learn a translation from.

    Args:
        source: with photoelectrons as hits, GTQ, or simulated hits.
        target: with the hits that the translation should give.
        ceiling: relative efficiency of the PMTs that the source's photoelectrons are drawn for.
        paired: whether both hold the same events in the same order.
        detector: of both.
        device: where to calculate.
        seed: decides every random number of the training.
    """

    source: Events
    target: Events
    ceiling: float
    paired: bool
    detector: Detector
    device: torch.device
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What training leaves of a translator or a classifier.

    Args:
        weights: tensors by name; all that a translation or a score needs.
        options: value by name of the record's options.
        detector: that it was trained for.
        device: where to calculate.
    """

    weights: Mapping[str, torch.Tensor]
    options: Mapping[str, float]
    detector: Detector
    device: torch.device


class LearningTranslator(Protocol):
    """A translator while it learns."""

    def step(self) -> Mapping[str, float]:
        """One step of training; losses and other numbers worth a curve, by name."""

    def state(self) -> Mapping[str, torch.Tensor]:
        """All that decides what comes next: weights, optimiser, data to come, random state."""

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on exactly where ``state`` was taken."""

    def weights(self) -> Mapping[str, torch.Tensor]:
        """What a translation needs of it now, for ``Trained``."""

    def translate(
        self, events: Events, detector: Detector, *, generator: np.random.Generator
    ) -> Events:
        """Translate with what is learned so far."""


@dataclass(frozen=True, slots=True, eq=False)
class CorrectedEvents:
    """Events as a classifier of hits sees them: less all that the calibration of their run knows.

    Args:
        hits: of the PMTs in use. The time is the residual: hit time less t0, less the time of
            flight from the vertex, less the PMT's time offset, ns; the charge is over its gain.
        vertex: reconstructed, m.
        energy: reconstructed, visible, MeV.
        run: row of ``live`` that each event belongs to.
        live: PMTs in use in each run.
    """

    hits: Hits
    vertex: Float32[np.ndarray, "event 3"]
    energy: Float32[np.ndarray, " event"]
    run: Int64[np.ndarray, " event"]
    live: Bool[np.ndarray, "run pmt"]

    def __len__(self) -> int:
        """Number of events."""
        return len(self.run)

    def take(
        self, rows: Bool[np.ndarray, " event"] | Int64[np.ndarray, " taken"]
    ) -> CorrectedEvents:
        """The chosen events (mask or rows), in the order given."""
        return CorrectedEvents(
            self.hits.take(rows), self.vertex[rows], self.energy[rows], self.run[rows], self.live
        )


@dataclass(frozen=True, slots=True, eq=False)
class ClassifierTask:
    """Events to learn a score from.

    Args:
        events: of both classes; those held out for judging are not among them.
        signal: whether each is signal.
        weight: of each in the loss; they make what must not be learned, such as the number of
            hits, alike in both classes.
        detector: of all.
        device: where to calculate.
        seed: decides every random number of the training.
    """

    events: CorrectedEvents
    signal: Bool[np.ndarray, " event"]
    weight: Float32[np.ndarray, " event"]
    detector: Detector
    device: torch.device
    seed: int


class HitClassifier(Protocol):
    """Scores events by their corrected hits."""

    def score(self, events: CorrectedEvents) -> Float64[np.ndarray, " event"]:
        """A finite number per event, the larger the more signal-like: a logit where it can be."""


class LearningClassifier(HitClassifier, Protocol):
    """A classifier while it learns; scores with what is learned so far."""

    def step(self) -> Mapping[str, float]:
        """One step of training; losses and other numbers worth a curve, by name."""

    def state(self) -> Mapping[str, torch.Tensor]:
        """All that decides what comes next: weights, optimiser, data to come, random state."""

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on exactly where ``state`` was taken."""

    def weights(self) -> Mapping[str, torch.Tensor]:
        """What a score needs of it now, for ``Trained``."""


@dataclass(frozen=True, slots=True, eq=False)
class CandidateTask:
    """Candidates to learn a score from.

    Args:
        candidates: of both classes; those held out for judging are not among them. Their truth
            says nothing but the ``lag``, where it is known: time since the parent in seconds,
            not a number for those without one. Candidates to be scored have no truth.
        signal: whether each is signal.
        weight: of each in the loss.
        detector: of all.
        device: where to calculate.
        seed: decides every random number of the training.
    """

    candidates: Candidates
    signal: Bool[np.ndarray, " candidate"]
    weight: Float32[np.ndarray, " candidate"]
    detector: Detector
    device: torch.device
    seed: int


class CandidateClassifier(Protocol):
    """Scores candidates by what is known of each group of events."""

    def score(self, candidates: Candidates) -> Float64[np.ndarray, " candidate"]:
        """A finite number each, the larger the more signal-like: a logit where it can be."""


class LearningCandidateClassifier(CandidateClassifier, Protocol):
    """A classifier of candidates while it learns; scores with what is learned so far."""

    def step(self) -> Mapping[str, float]:
        """One step of training; losses and other numbers worth a curve, by name."""

    def state(self) -> Mapping[str, torch.Tensor]:
        """All that decides what comes next: weights, optimiser, data to come, random state."""

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on exactly where ``state`` was taken."""

    def weights(self) -> Mapping[str, torch.Tensor]:
        """What a score needs of it now, for ``Trained``."""
