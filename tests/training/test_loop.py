"""The loop: when it judges, when it ends, and that nothing of this moves a weight."""

import math
from dataclasses import dataclass, field, replace

import pytest
import torch
from thinning import Counting

from kzcal.errors import TrainingError
from kzcal.testing import synthetic_run, translator_task
from kzcal.training.config import TrainingConfig
from kzcal.training.loop import Choice, Progress, train


@dataclass
class Diary:
    """A keeper that remembers what it was told; distances are given."""

    distances: list = field(default_factory=list)
    judged_after: list = field(default_factory=list)
    best_after: list = field(default_factory=list)
    rows: list = field(default_factory=list)

    def judged(self, learner, progress):
        self.judged_after.append(progress.step)
        return self.distances.pop(0) if self.distances else 1.0

    def improved(self, learner):
        self.best_after.append(self.judged_after[-1] if self.judged_after else None)
        self.best = {name: t.clone() for name, t in learner.weights().items()}

    def recorded(self, validation):
        self.rows.append(validation)

    def kept(self, learner, progress):
        self.state = {name: t.clone() for name, t in learner.state().items()}
        self.progress = progress

    def agreed(self, choice):
        return choice


@dataclass
class Steps:
    """A learner that tells what it is given."""

    told: list

    def step(self):
        return {"loss": self.told.pop(0)}

    def state(self):
        return {}

    def weights(self):
        return {}


class LuckyAtFive(Diary):
    """Distances that depend on the step alone, and would be smallest after the fifth."""

    def judged(self, learner, progress):
        super().judged(learner, progress)
        return {2: 4.0, 4: 2.0, 5: 0.0}.get(progress.step, 3.0)


def after(calls):
    """Somebody who interrupts when asked for that often."""
    asked = iter([False] * calls)
    return lambda: next(asked, True)


def clock(seconds=1.0):
    ticks = iter(range(1_000_000))
    return lambda: seconds * next(ticks)


def test_a_training_ends_after_so_many_steps_and_is_judged_in_between():
    diary = Diary([3.0, 2.0, 1.0])
    config = TrainingConfig(steps=7, validate_steps=3)
    progress, ended = train(Steps([1.0, 2.0, 3.0] * 3), diary, config, Progress())
    assert ended is Choice.STEPS
    assert diary.judged_after == [3, 6, 7]
    assert progress.step == 7
    assert [row.losses["loss"] for row in diary.rows] == [2.0, 2.0, 1.0]


def test_the_best_weights_are_kept_and_patience_ends():
    diary = Diary([5.0, 4.0, 6.0, 4.5, 4.1])
    config = TrainingConfig(validate_steps=1, patience=3)
    progress, ended = train(Steps([0.0] * 9), diary, config, Progress())
    assert ended is Choice.PATIENCE
    assert diary.best_after == [1, 2]
    assert (progress.best, progress.best_step, progress.step) == (4.0, 2, 5)


def test_time_ends_a_training_and_that_of_before_counts():
    config = TrainingConfig(minutes=0.5, validate_seconds=10.0)
    progress, ended = train(Steps([0.0] * 99), Diary(), config, Progress(), clock=clock())
    assert ended is Choice.TIME
    assert progress.seconds >= 30.0
    diary = Diary()
    later, ended = train(Steps([0.0] * 99), diary, config, progress, clock=clock())
    assert ended is Choice.TIME
    assert later == progress
    assert diary.judged_after == []


def test_an_interrupted_training_keeps_what_it_has():
    diary = Diary()
    config = TrainingConfig(validate_steps=50)
    progress, ended = train(
        Steps([0.0] * 9), diary, config, Progress(), interrupted=after(calls=2)
    )
    assert ended is Choice.INTERRUPT
    assert diary.progress == progress
    assert (progress.step, progress.best, progress.waited) == (2, math.inf, 0)
    assert (diary.judged_after, diary.rows) == ([], [])
    assert diary.best_after == [None]


def test_an_interruption_waits_for_a_validation_that_is_due():
    diary = Diary()
    config = TrainingConfig(validate_steps=2)
    progress, ended = train(
        Steps([0.0] * 9), diary, config, Progress(), interrupted=after(calls=2)
    )
    assert ended is Choice.INTERRUPT
    assert diary.judged_after == [progress.step] == [2]


def test_what_is_not_finite_is_an_error_that_names_it():
    with pytest.raises(TrainingError, match=r"loss=nan in step 2: train with smaller"):
        train(Steps([1.0, math.nan]), Diary(), TrainingConfig(), Progress())
    config = TrainingConfig(validate_steps=1)
    with pytest.raises(TrainingError, match=r"the best weights so far are kept"):
        train(Steps([1.0, math.nan]), Diary(), config, Progress())


def test_a_distance_that_is_never_known_keeps_the_last_weights():
    diary = Diary([math.inf, math.inf])
    train(Steps([0.0] * 9), diary, TrainingConfig(steps=2, validate_steps=1), Progress())
    assert diary.best_after == [1, 2]


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 7])
def test_an_interruption_changes_no_bit(steps):
    task = translator_task(synthetic_run(n_events=60))
    config = TrainingConfig(steps=9, validate_steps=2, patience=3)
    whole, first, second = (Counting(task, batch=4) for _ in range(3))
    diary, before, later = (LuckyAtFive() for _ in range(3))
    progress, ended = train(whole, diary, config, Progress())
    interrupted = after(calls=steps + (steps - 1) // 2)  # asked again after each validation
    train(first, before, config, Progress(), interrupted=interrupted)
    assert before.progress.step == steps
    second.restore(before.state)
    begin = Progress.from_text(before.progress.text())
    resumed, how = train(second, later, config, begin)
    assert how is ended
    assert replace(resumed, seconds=0.0) == replace(progress, seconds=0.0)
    assert before.judged_after + later.judged_after == diary.judged_after == [2, 4, 6, 8, 9]
    best = later.best if later.best_after else before.best
    for found, wanted in ((second.state(), whole.state()), (best, diary.best)):
        for name, tensor in wanted.items():
            assert torch.equal(tensor, found[name]), name
