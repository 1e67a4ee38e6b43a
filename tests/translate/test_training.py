"""The loop: when it judges, when it ends, and that nothing of this moves a weight."""

import math
from dataclasses import dataclass, field

import pytest
import torch
from thinning import Counting

from kzcal.errors import TrainingError
from kzcal.testing import synthetic_run, translator_task
from kzcal.translate.config import TrainingConfig
from kzcal.translate.training import Choice, Progress, train


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
        self.best_after.append(self.judged_after[-1])

    def kept(self, learner, progress, validation):
        self.rows.append(validation)
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
    calls = iter([False, False, True])
    diary = Diary()
    config = TrainingConfig(validate_steps=50)
    progress, ended = train(
        Steps([0.0] * 9), diary, config, Progress(), interrupted=lambda: next(calls, True)
    )
    assert ended is Choice.INTERRUPT
    assert diary.progress.step == progress.step == 2
    assert diary.best_after == [2]


def test_what_is_not_finite_is_an_error_that_names_it():
    with pytest.raises(TrainingError, match=r"loss=nan in step 2"):
        train(Steps([1.0, math.nan]), Diary(), TrainingConfig(), Progress())


def test_a_distance_that_is_never_known_keeps_the_last_weights():
    diary = Diary([math.inf, math.inf])
    train(Steps([0.0] * 9), diary, TrainingConfig(steps=2, validate_steps=1), Progress())
    assert diary.best_after == [1, 2]


def test_a_resumed_training_ends_with_the_same_bits():
    task = translator_task(synthetic_run(n_events=60))
    whole, first, second = (Counting(task, batch=4) for _ in range(3))
    train(whole, Diary(), TrainingConfig(steps=9, validate_steps=2), Progress())
    diary = Diary()
    train(first, diary, TrainingConfig(steps=5, validate_steps=3), Progress())
    second.restore(diary.state)
    train(second, Diary(), TrainingConfig(steps=9), Progress.from_text(diary.progress.text()))
    for name, tensor in whole.state().items():
        assert torch.equal(tensor, second.state()[name]), name
