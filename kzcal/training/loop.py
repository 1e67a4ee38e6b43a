"""The loop of a training: steps, validations, checkpoints, an end."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol, TypeVar

from kzcal.errors import TrainingError
from kzcal.training.config import TrainingConfig

if TYPE_CHECKING:
    from torch import Tensor


class Choice(IntEnum):
    """What comes after a step; all but the first two end the training."""

    ON = 0
    JUDGE = 1
    TIME = 2
    STEPS = 3
    PATIENCE = 4
    INTERRUPT = 5


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training has got.

    Args:
        step: steps done.
        seconds: that they took, validations included.
        best: smallest distance that a validation found so far.
        best_step: the step that it was found after.
        waited: validations since then.
    """

    step: int = 0
    seconds: float = 0.0
    best: float = math.inf
    best_step: int = 0
    waited: int = 0

    def after(self, distance: float) -> Progress:
        """The same after one more validation."""
        if distance < self.best:
            return replace(self, best=distance, best_step=self.step, waited=0)
        return replace(self, waited=self.waited + 1)

    def text(self) -> str:
        """For a checkpoint."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Progress:
        """The inverse of text."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Validation:
    """A row of the curves.

    Args:
        step: steps done.
        seconds: that they took.
        distance: that it found: of the scorecard, or another number that ought to be small.
        losses: mean of each since the validation before, or the resumption.
    """

    step: int
    seconds: float
    distance: float
    losses: Mapping[str, float]


@dataclass(slots=True)
class Losses:
    """Means of what steps tell."""

    total: dict[str, float] = field(default_factory=dict)
    steps: int = 0

    def add(self, told: Mapping[str, float], progress: Progress) -> None:
        """Take in a step; ``progress`` is how far the training was before it.

        Raises:
            TrainingError: a number is not finite.
        """
        for name, value in told.items():
            if not math.isfinite(value):
                kept = "the best weights so far are kept; " if progress.best < math.inf else ""
                message = (
                    f"what a step tells must be finite, got {name}={value} in step "
                    f"{progress.step + 1}: {kept}train with smaller steps or another --seed"
                )
                raise TrainingError(message)
            self.total[name] = self.total.get(name, 0.0) + value
        self.steps += 1

    def means(self) -> dict[str, float]:
        """Means since the last call."""
        means = {name: total / max(self.steps, 1) for name, total in self.total.items()}
        self.total, self.steps = {}, 0
        return means


class Learner(Protocol):
    """A translator or a classifier while it learns."""

    def step(self) -> Mapping[str, float]:
        """One step of training; losses and other numbers worth a curve, by name."""

    def state(self) -> Mapping[str, Tensor]:
        """All that decides what comes next."""

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on exactly where ``state`` was taken."""

    def weights(self) -> Mapping[str, Tensor]:
        """What can be used of it now."""


L_contra = TypeVar("L_contra", bound=Learner, contravariant=True)
L = TypeVar("L", bound=Learner)


class Keeper(Protocol[L_contra]):
    """Judges a training and keeps what it leaves."""

    def judged(self, learner: L_contra, progress: Progress) -> float:
        """Distance from what it should be now; what there is to draw is drawn."""

    def improved(self, learner: L_contra) -> None:
        """Keep weights that are the best so far."""

    def recorded(self, validation: Validation) -> None:
        """Keep a row of the curves."""

    def kept(self, learner: L_contra, progress: Progress) -> None:
        """Keep all that a resumption needs."""

    def agreed(self, choice: int) -> int:
        """What the first of several processes chose."""


def train(
    learner: L,
    keeper: Keeper[L],
    config: TrainingConfig,
    progress: Progress,
    *,
    interrupted: Callable[[], bool] = lambda: False,
    advance: Callable[[float], None] = lambda _seconds: None,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Progress, Choice]:
    """Train until time, steps or patience are used up, or somebody interrupts.

    Steps depend on nothing but the learner's state, so that neither validations nor interruptions
    change a weight. An interruption is no occasion for a validation, so that with
    ``validate_steps`` the best weights do not depend on interruptions either.

    Args:
        learner: that learns.
        keeper: judges it and keeps what it leaves.
        config: the settings.
        progress: how far the training has got before.
        interrupted: whether somebody wants it to end after this step.
        advance: told how many seconds have passed.
        clock: in seconds.

    Returns:
        How far it has got, and why it ended.

    Raises:
        TrainingError: a step tells a number that is not finite.
    """
    start, last, losses = clock() - progress.seconds, clock(), Losses()
    judged = progress

    def choose() -> Choice:
        return Choice(keeper.agreed(_choice(config, progress, judged, interrupted())))

    choice = choose()
    while choice <= Choice.JUDGE:
        losses.add(learner.step(), progress)
        now = clock()
        advance(now - last)
        last = now
        progress = replace(progress, step=progress.step + 1, seconds=now - start)
        choice = choose()
        if choice == Choice.INTERRUPT:
            _paused(learner, keeper, progress)
        elif choice != Choice.ON:
            judged = progress = _validated(learner, keeper, progress, losses.means())
            choice = choose()
    return progress, choice


def _choice(
    config: TrainingConfig, progress: Progress, judged: Progress, interrupted: bool
) -> Choice:
    """What comes next; ``judged`` is how far the training was at the last validation.

    Whoever interrupts waits for a validation that is due anyway: a checkpoint at a step of
    ``validate_steps`` has always been judged.
    """
    if config.steps and progress.step >= config.steps:
        return Choice.STEPS
    if progress.seconds >= 60 * config.minutes:
        return Choice.TIME
    if progress.waited >= config.patience:
        return Choice.PATIENCE
    if config.validate_steps:
        due = progress.step > judged.step and progress.step % config.validate_steps == 0
    else:
        due = progress.seconds - judged.seconds >= config.validate_seconds
    if due:
        return Choice.JUDGE
    return Choice.INTERRUPT if interrupted else Choice.ON


def _validated(
    learner: L, keeper: Keeper[L], progress: Progress, losses: Mapping[str, float]
) -> Progress:
    """Judge a training, and keep what it leaves."""
    distance = keeper.judged(learner, progress)
    progress = progress.after(distance)
    if progress.waited == 0 or math.isinf(progress.best):
        keeper.improved(learner)
    keeper.recorded(Validation(progress.step, progress.seconds, distance, losses))
    keeper.kept(learner, progress)
    return progress


def _paused(learner: L, keeper: Keeper[L], progress: Progress) -> None:
    """Keep what an interrupted training leaves.

    Before the first distance that is known, its weights are the best there are; the next
    validation replaces them.
    """
    if math.isinf(progress.best):
        keeper.improved(learner)
    keeper.kept(learner, progress)
