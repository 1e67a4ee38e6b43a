"""Laws of boosting on the logistic loss."""

import numpy as np
import pytest

from kzcal.training.boosting import LogisticBoosting

SIGNAL = np.random.default_rng(1).random(400) < 0.4
WEIGHT = np.random.default_rng(2).uniform(0.5, 2.0, 400).astype(np.float32)
STEP = 1e-5


def boosting(part=1.0, seed=3, signal=SIGNAL, weight=WEIGHT):
    return LogisticBoosting(signal, weight, part=part, seed=seed)


def loss_at(logit, moved=0.0):
    found = boosting()
    found.add(logit + moved)
    return found.loss()


def test_nothing_known_costs_log_two():
    assert boosting().loss() == pytest.approx(np.log(2.0), rel=1e-12)


def test_slopes_are_derivatives_of_the_loss():
    """By differences of the loss itself, along directions drawn at random."""
    generator = np.random.default_rng(4)
    logit, along = generator.normal(size=(2, len(SIGNAL)))
    found = boosting()
    found.add(logit)
    slope, curvature = found.slopes()
    up, down = loss_at(logit, STEP * along), loss_at(logit, -STEP * along)
    scale = WEIGHT.astype(np.float64).sum()
    assert (up - down) / (2 * STEP) == pytest.approx(slope @ along / scale, rel=1e-6)
    wide = 1e-3
    bend = loss_at(logit, wide * along) + loss_at(logit, -wide * along) - 2 * loss_at(logit)
    assert bend / wide**2 == pytest.approx(curvature @ along**2 / scale, rel=1e-5)


def test_steps_along_the_slopes_of_one_leaf_end_at_the_odds():
    """One leaf for all, by Newton: the logit of the weighted share of signal."""
    found = boosting()
    for _ in range(8):
        slope, curvature = found.slopes()
        found.add(np.full(len(SIGNAL), -slope.sum() / curvature.sum()))
    share = WEIGHT[SIGNAL].sum(dtype=np.float64) / WEIGHT.sum(dtype=np.float64)
    expected = np.log(share / (1 - share))
    assert found.state()["logit"].numpy() == pytest.approx(expected, rel=1e-9)


def test_a_part_leaves_the_others_without_a_slope():
    """Binomial: beyond five standard deviations in one of two million seeds."""
    slope, curvature = boosting(part=0.3).slopes()
    assert ((slope == 0) == (curvature == 0)).all()
    n = len(SIGNAL)
    assert abs((slope != 0).sum() - 0.3 * n) < 5 * np.sqrt(0.3 * 0.7 * n)


def test_the_next_tree_sees_others_and_a_resumed_one_the_same():
    found = boosting(part=0.5)
    first, _ = found.slopes()
    found.add(np.linspace(-1, 1, len(SIGNAL)))
    resumed = boosting(part=0.5, seed=99)
    resumed.restore(found.state())
    second, _ = found.slopes()
    again, _ = resumed.slopes()
    assert (second == again).all()
    assert ((first != 0) != (second != 0)).any()
