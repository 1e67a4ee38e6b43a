"""Populations of a quantity: found from estimates, and what they make of an estimate."""

import math

import pytest
import torch

from kzcal.calibrate.population import Population, population_of, unpooled

N = 1000
MEAN, SIGMA = (1.3, 2.5), (0.12, 0.25)


@pytest.fixture(scope="module")
def drawn():
    """True values of two types, estimates and the variances of these."""
    generator = torch.Generator().manual_seed(8)

    def normal():
        return torch.randn(2 * N, generator=generator, dtype=torch.float64)

    kind = torch.arange(2 * N) % 2
    true = torch.tensor(MEAN).double()[kind] + torch.tensor(SIGMA).double()[kind] * normal()
    error = 0.05 + 0.4 * torch.rand(2 * N, generator=generator, dtype=torch.float64)
    return kind, true, true + error * normal(), error**2


ALL = torch.ones(2 * N, dtype=torch.bool)


def test_mean_and_variance_are_found(drawn):
    """Within four errors, from the Fisher information: false alarm 3e-4 in all."""
    kind, _, value, variance = drawn
    found = population_of(value, variance, kind, ALL)
    for k in (0, 1):
        weight = 1 / (variance[kind == k] + SIGMA[k] ** 2)
        assert abs(float(found.mean[k]) - MEAN[k]) < 4 * float(weight.sum()) ** -0.5
        error = math.sqrt(2 / float((weight**2).sum()))
        assert abs(float(found.variance[k]) - SIGMA[k] ** 2) < 4 * error


def test_outliers_are_held_back(drawn):
    kind, _, value, variance = drawn
    broken = value.clone()
    broken[:40] = 50.0
    one, other = (population_of(v, variance, kind, ALL) for v in (value, broken))
    torch.testing.assert_close(one.mean, other.mean, rtol=0.02, atol=0)
    torch.testing.assert_close(one.variance, other.variance, rtol=0.15, atol=0)


def test_those_not_chosen_have_no_say(drawn):
    kind, _, value, variance = drawn
    chosen = torch.arange(2 * N) >= 400
    broken = value.clone()
    broken[:400] = torch.nan
    one, other = (population_of(v, variance, kind, chosen) for v in (value, broken))
    assert torch.equal(one.mean, other.mean)
    assert torch.equal(one.variance, other.variance)


def test_too_few_make_no_population(drawn):
    kind, _, value, variance = drawn
    found = population_of(value, variance, kind, torch.arange(2 * N) < 12)
    assert bool(torch.isnan(found.mean).all())


def pooled(value, variance, population, kind):
    """Estimates after one Newton step with the population as prior, and their variances."""
    score = torch.zeros(len(value), 2, dtype=torch.float64)
    information = torch.diag_embed(torch.stack([torch.ones_like(variance), 1 / variance], 1))
    score, information = population.added(score, information, value, kind, 1)
    return value + score[:, 1] / information[:, 1, 1], 1 / information[:, 1, 1]


def test_pulls_of_pooled_estimates_have_width_one(drawn):
    """2,000 pulls: mean within 0.09 and width within 0.065 of theirs, false alarm 1e-4."""
    kind, true, value, variance = drawn
    found = population_of(value, variance, kind, ALL)
    estimate, smaller = pooled(value, variance, found, kind)
    pull = (estimate - true) / smaller.sqrt()
    assert abs(float(pull.mean())) < 0.09
    assert abs(float(pull.std()) - 1) < 0.065
    assert bool((smaller < variance).all())
    assert float((estimate - true).std()) < 0.6 * float((value - true).std())


def test_unpooling_takes_pooling_back(drawn):
    kind, _, value, variance = drawn
    population = Population(*torch.tensor([[1.0, 2.0], [0.01, 0.3]], dtype=torch.float64))
    estimate, _ = pooled(value, variance, population, kind)
    torch.testing.assert_close(unpooled(estimate, variance, population, kind), value)


def test_a_wide_population_hardly_says_anything(drawn):
    kind, _, value, _ = drawn
    wide = Population.wide(torch.tensor(MEAN, dtype=torch.float64))
    assert wide.variance.tolist() == pytest.approx([0.25 * m**2 for m in MEAN])
    score = torch.zeros(2 * N, 2, dtype=torch.float64)
    information = torch.zeros(2 * N, 2, 2, dtype=torch.float64)
    _, added = wide.added(score, information, value, kind, 1)
    assert bool((added[:, 1, 1] == 1 / wide.variance[kind]).all())
    assert float(added[:, 0].abs().sum() + added[:, 1, 0].abs().sum()) == 0
    assert float(information.abs().sum()) == 0
