"""Weights make a quantity alike in both classes."""

from dataclasses import replace

import numpy as np
import pytest

from kzcal.classify.judging import judge
from kzcal.classify.matching import matching_weights
from kzcal.errors import ConfigurationError
from kzcal.hits import Hits
from kzcal.learning import CorrectedEvents


def events(nhit, energy):
    n = len(nhit)
    total = int(np.sum(nhit))
    hits = Hits.from_counts(
        nhit, np.zeros(total, np.uint16), np.zeros(total, np.float32), np.ones(total, np.float32)
    )
    vertex = np.zeros((n, 3), np.float32)
    live = np.ones((1, 10), bool)
    return CorrectedEvents(hits, vertex, energy.astype(np.float32), np.zeros(n, np.int64), live)


def two_classes(n=4000, shift=30):
    generator = np.random.default_rng(1)
    signal = np.arange(n) % 2 == 0
    nhit = generator.poisson(np.where(signal, 300, 300 + shift))
    energy = generator.normal(np.where(signal, 2.3, 2.4), 0.1)
    return events(nhit, energy), signal


@pytest.mark.parametrize("match", ["nhit", "energy"])
def test_the_matched_quantity_no_longer_tells_the_classes(match):
    some, signal = two_classes()
    values = some.hits.counts if match == "nhit" else some.energy
    weight = matching_weights(some, signal, match)
    before = values[signal].mean() - values[~signal].mean()
    after = np.average(values[signal], weights=weight[signal]) - np.average(
        values[~signal], weights=weight[~signal]
    )
    assert abs(after) < 0.05 * abs(before)
    told = [
        judge(values.astype(np.float64), signal, w).auc for w in (np.ones_like(weight), weight)
    ]
    assert abs(told[0] - 0.5) > 0.2
    # 2,000 events of each class: 0.5 scatters by 0.009.
    assert abs(told[1] - 0.5) < 0.03
    for part in (signal, ~signal):
        assert weight[part].mean() == pytest.approx(1.0, abs=1e-5)
    assert (weight >= 0).all()


def test_alike_classes_keep_weights_near_one():
    some, signal = two_classes(shift=0)
    assert abs(matching_weights(some, signal, "nhit") - 1).mean() < 0.15
    assert (matching_weights(some, signal, "none") == 1).all()


def test_events_that_the_other_class_does_not_have_weigh_nothing():
    some, signal = two_classes(n=400)
    far = replace(some, energy=np.where(np.arange(400) < 40, 9.0, some.energy).astype(np.float32))
    only = signal | (np.arange(400) >= 40)
    weight = matching_weights(far.take(only), signal[only], "energy")
    outside = far.energy[only] > 5
    assert (weight[outside] == 0).all()
    assert (weight[~outside] > 0).mean() > 0.9
    with pytest.raises(ConfigurationError, match="--match none"):
        matching_weights(
            replace(some, energy=np.where(signal, 1.0, 5.0).astype(np.float32)), signal, "energy"
        )
