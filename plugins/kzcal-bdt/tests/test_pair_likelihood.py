"""Laws of the product of one-dimensional densities."""

import numpy as np
import pytest
import torch
from kzcal_bdt import PAIR_LIKELIHOOD
from kzcal_bdt.likelihood import PairLikelihood, PairLikelihoodLearner, check_likelihood, log_ratio
from pair_laws import lawful_pairs

from kzcal.errors import ConfigurationError
from kzcal.evaluate.area import areas
from kzcal.geometry import load_detector
from kzcal.learning import CandidateTask

PAIRS, SIGNAL, _ = lawful_pairs(6000)
OTHERS, OTHER_SIGNAL, RATIO = lawful_pairs(6000, seed=2)
ONES = np.ones(6000, np.float32)


def counted(pairs=PAIRS, signal=SIGNAL, weight=ONES, **options):
    task = CandidateTask(pairs, signal, weight, load_detector(), torch.device("cpu"), 1)
    learner = PairLikelihoodLearner(task, **options)
    learner.step()
    return learner


def test_independent_inputs_make_it_the_exact_ratio():
    """Up to what 6,000 pairs leave uncertain and bins smear."""
    score = counted().score(OTHERS)
    lost, error = areas(np.stack([RATIO, score]), OTHER_SIGNAL).difference(0, 1)
    assert -3 * error < lost < 0.001
    near = np.abs(RATIO) < 2
    assert near.sum() > 200
    assert np.abs(score - RATIO)[near].mean() < 0.4


def test_the_ratio_of_two_exponentials_is_a_straight_line():
    """Densities 2 exp(-2 x) and exp(-x): log 2 - x, within four standard deviations of counts."""
    generator = np.random.default_rng(3)
    n = 200_000
    signal = np.arange(n) % 2 == 0
    x = generator.exponential(np.where(signal, 0.5, 1.0))
    middle, ratio = log_ratio(x, signal, np.ones(n, np.float32), 20)
    inner = slice(1, -2)
    counts = n / 20
    share = 1 / (1 + np.exp(-(np.log(2) - middle)))
    error = 1 / np.sqrt(counts * share * (1 - share))
    expected = np.log(2) - middle
    assert (np.abs(ratio - expected) < 4 * error + 0.01)[inner].all()


def test_weights_count_as_so_many_pairs():
    """Signal of early pairs counted thrice: log 3 between early and late bins, on top."""
    x = PAIRS.columns["dt"].astype(np.float64)
    early = x < np.median(x)
    weight = np.where(SIGNAL & early, 3.0, 1.0).astype(np.float32)
    middle, plain = log_ratio(x, SIGNAL, ONES, 20)
    _, weighted = log_ratio(x, SIGNAL, weight, 20)
    added, first = weighted - plain, middle < np.median(x)
    assert added[first] - added[~first].mean() == pytest.approx(np.log(3), abs=0.01)


def test_an_input_that_is_not_known_adds_nothing():
    values = np.concatenate([PAIRS.columns["dr"], [np.nan] * 50]).astype(np.float64)
    signal = np.concatenate([SIGNAL, np.ones(50, bool)])
    weight = np.ones(len(values), np.float32)
    middle, ratio = log_ratio(values, signal, weight, 20)
    plain = log_ratio(values[:-50], SIGNAL, ONES, 20)
    assert (middle == plain[0]).all()
    assert (ratio == plain[1]).all()
    unknown = OTHERS.take(np.arange(3))
    for value in (np.nan, np.inf):
        for column in unknown.columns.values():
            column[:] = value
        assert (PairLikelihood(counted().weights()).score(unknown) == 0).all()


def test_a_number_that_never_varies_tells_nothing():
    middle, ratio = log_ratio(np.full(6000, 2.2), SIGNAL, ONES, 20)
    assert np.isfinite(middle).all()
    assert ratio == pytest.approx(0.0, abs=1e-12)


def test_only_the_first_step_counts():
    learner = counted()
    before = learner.weights()
    learner.step()
    assert all(torch.equal(value, learner.weights()[name]) for name, value in before.items())


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("bins", 1.0, "bins is a whole number from 2 to 1000, got 1"),
        ("bins", 20.5, "bins is a whole number"),
        ("scores", 3.0, "scores is 0 or 1, got 3"),
    ],
)
def test_an_option_out_of_range_is_refused(name, value, rule):
    options = {option.name: option.default for option in PAIR_LIKELIHOOD.options}
    check_likelihood(options)
    with pytest.raises(ConfigurationError, match=rule):
        check_likelihood({**options, name: value})
