"""Populations of a quantity: found from estimates, and what they make of an estimate."""

import math
from dataclasses import replace

import pytest
import torch

from kzcal.calibrate.population import (
    DEPENDENCE,
    Population,
    Prior,
    drawn_covariance,
    population_from_scores,
    population_of,
    unpooled,
)

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
        assert float(found.variance_error[k]) == pytest.approx(error, rel=0.2)


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
    prior = Prior(population.mean[kind], population.variance[kind], population.variance[kind])
    score, information = prior.added(score, information, value, 1)
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
    population = Population(
        *torch.tensor([[1.0, 2.0], [0.01, 0.3], [0.0, 0.0]], dtype=torch.float64)
    )
    estimate, _ = pooled(value, variance, population, kind)
    torch.testing.assert_close(unpooled(estimate, variance, population, kind), value)


def test_a_wide_population_hardly_says_anything(drawn):
    kind, _, value, _ = drawn
    wide = Population.wide(torch.tensor(MEAN, dtype=torch.float64))
    assert wide.variance.tolist() == pytest.approx([0.25 * m**2 for m in MEAN])
    score = torch.zeros(2 * N, 2, dtype=torch.float64)
    information = torch.zeros(2 * N, 2, 2, dtype=torch.float64)
    _, added = wide.prior(torch.ones(2 * N).double(), kind).added(score, information, value, 1)
    assert bool((added[:, 1, 1] == 1 / wide.variance[kind]).all())
    assert float(added[:, 0].abs().sum() + added[:, 1, 0].abs().sum()) == 0
    assert float(information.abs().sum()) == 0


TUBES, REPEATS = 400, 40
MEAN_OF_POOR, POOR = 10.0, 5.0
"""Variance of an estimate, that of the population being 1."""


def poorly_known(generator):
    """Scores at the mean and information of a second parameter, and what differs from the mean."""

    def normal():
        return torch.randn(TUBES, generator=generator, dtype=torch.float64)

    own = normal()
    information = torch.zeros(TUBES, 2, 2, dtype=torch.float64)
    information[:, 0, 0], information[:, 1, 1] = 1.0, 1 / POOR
    score = torch.stack([torch.zeros_like(own), own / POOR + normal() / POOR**0.5], dim=1)
    return own, score, information


@pytest.fixture(scope="module")
def widths():
    """Widths of pulls of many populations that are poorly known: exact and wider priors; v, its
    error."""
    generator = torch.Generator().manual_seed(11)
    kind, ones = torch.zeros(TUBES, dtype=torch.long), torch.ones(TUBES, dtype=torch.bool)
    mean, rows = torch.tensor([MEAN_OF_POOR], dtype=torch.float64), []
    for _ in range(REPEATS):
        own, score, information = poorly_known(generator)
        found = population_from_scores(score, information, mean, kind, ones)
        row = []
        exact = replace(found, variance_error=torch.zeros(1).double())
        for prior in (
            exact.prior(information[:, 1, 1], kind),
            found.prior(information[:, 1, 1], kind),
        ):
            full, value = (
                information.clone(),
                torch.full((TUBES,), MEAN_OF_POOR, dtype=torch.float64),
            )
            pooled_score, pooled = prior.added(score, full, value, 1)
            inverse = torch.linalg.inv(pooled)
            error = drawn_covariance(inverse, {1: prior})[:, 1, 1].sqrt()
            pull = (inverse[:, 1, 1] * pooled_score[:, 1] - own) / error
            row.append(float(pull.std()))
        rows.append([*row, float(found.variance), float(found.variance_error)])
    return torch.tensor(rows)


def test_the_error_of_a_variance_is_its_scatter(widths):
    """40 variances scatter by what each says, within 40 %: three and a half errors."""
    _, _, variance, error = widths.T
    assert float(variance.std() / error.median()) == pytest.approx(1, abs=0.4)


def test_wider_priors_keep_errors_right_where_the_population_is_poorly_known(widths):
    """With the exact prior widths scatter by a quarter: there is something to mend."""
    exact, wider, _, _ = widths.T
    assert float(exact.std()) > 0.15
    assert float(wider.mean()) == pytest.approx(1, abs=0.03)
    of_tubes = (2 * TUBES) ** -0.5
    assert float(wider.std()) < 1.4 * math.hypot(DEPENDENCE, of_tubes)


def test_a_population_that_is_well_known_is_the_prior():
    """Its variance 1 is known to 6 %, which is what an error may depend on at most."""
    population = Population(*torch.tensor([[0.0], [1.0], [2 * DEPENDENCE]], dtype=torch.float64))
    kind, information = torch.zeros(3, dtype=torch.long), torch.tensor([0.1, 1.0, 10.0]).double()
    prior = population.prior(information, kind)
    assert torch.equal(prior.variance, prior.population)
    inverse = torch.diag_embed(1 / (information[:, None] + 1))
    assert torch.equal(drawn_covariance(inverse, {0: prior}), inverse)


def test_the_prior_brings_the_dependence_down_to_its_limit():
    population = Population(*torch.tensor([[0.0], [1.0], [0.5]], dtype=torch.float64))
    information = torch.tensor([0.1, 1.0, 3.0], dtype=torch.float64)
    prior = population.prior(information, torch.zeros(3, dtype=torch.long))
    dependence = 0.5 / (2 * (information * prior.variance**2 + 1))
    torch.testing.assert_close(dependence, torch.full_like(dependence, DEPENDENCE))
    known = population.prior(torch.tensor([1e3]).double(), torch.zeros(1, dtype=torch.long))
    assert float(known.variance) == 1.0


def test_covariances_are_those_of_the_estimates():
    """Two parameters with a prior each, against C (I + P V P) C written out."""
    generator = torch.Generator().manual_seed(12)
    root = torch.randn(5, 2, 2, generator=generator, dtype=torch.float64)
    information = root @ root.transpose(1, 2) + torch.eye(2)
    population = torch.rand(2, 5, generator=generator, dtype=torch.float64)
    variance = population * torch.tensor([3.0, 1.5])[:, None]
    priors = {k: Prior(torch.zeros(5), variance[k], population[k]) for k in (0, 1)}
    wanted = torch.diag_embed(1 / variance.T)
    inverse = torch.linalg.inv(information + wanted)
    noise = information + wanted @ torch.diag_embed(population.T) @ wanted
    torch.testing.assert_close(drawn_covariance(inverse, priors), inverse @ noise @ inverse)
