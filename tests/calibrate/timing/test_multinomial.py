"""Fits of binned distributions: known values come back, with the errors that they say."""

import math

import numpy as np
import pytest
import torch

from kzcal.calibrate.timing.multinomial import Prior, fit_multinomial

EDGES = torch.linspace(-8, 8, 41, dtype=torch.float64)
TRUE = torch.tensor([0.4, 0.3, -1.2], dtype=torch.float64)
WEAK = Prior(torch.zeros(3, dtype=torch.float64), torch.full((3,), 30.0, dtype=torch.float64))


def two_cells(values):
    """A Gaussian alone, and one with a floor: centre, ln width, logit of the floor's share."""
    centre, width, floor = values[0], torch.exp(values[1]), torch.sigmoid(values[2])
    content = 0.5 * torch.erf((EDGES - centre) / (width * math.sqrt(2.0))).diff()
    line = content / content.sum() + 1e-12
    return torch.stack([line, (1 - floor) * line + floor / 40])


def drawn(n, seed):
    rng = np.random.default_rng(seed)
    share = two_cells(TRUE).numpy()
    counts = [rng.multinomial(n, row / row.sum()) for row in share]
    return torch.tensor(np.stack(counts), dtype=torch.float64)


def test_counts_as_expected_give_the_values_they_were_made_with():
    start = torch.tensor([-1.0, 1.0, 0.5], dtype=torch.float64)
    values, _ = fit_multinomial(two_cells, 1e6 * two_cells(TRUE), start, WEAK, tolerance=1e-6)
    torch.testing.assert_close(values, TRUE, rtol=0, atol=1e-4)


def test_pulls_have_width_one_and_information_is_the_inverse_covariance():
    """100 toys: each pull's width within 4 errors of one, its mean within 4: 4e-4 in all."""
    fits = [
        fit_multinomial(two_cells, drawn(2000, seed), TRUE, WEAK, tolerance=0.01)
        for seed in range(100)
    ]
    values = torch.stack([value for value, _ in fits]) - TRUE
    covariance = torch.linalg.inv(torch.stack([information for _, information in fits]))
    pull = values / covariance.diagonal(dim1=1, dim2=2).sqrt()
    assert float(pull.mean(0).abs().max()) < 4 / math.sqrt(100)
    assert float((pull.std(0) - 1).abs().max()) < 4 / math.sqrt(200)
    scatter, said = torch.cov(values.T), covariance.mean(0)
    size = said.diagonal().sqrt()
    assert float(((scatter - said) / (size[:, None] * size)).abs().max()) < 4 * math.sqrt(2 / 100)


def test_without_counts_the_prior_is_the_answer():
    prior = Prior(torch.tensor([0.1, -0.2, 0.5]).double(), torch.tensor([0.5, 0.2, 1.0]).double())
    none = torch.zeros(2, 40, dtype=torch.float64)
    values, information = fit_multinomial(two_cells, none, TRUE, prior, tolerance=1e-9)
    torch.testing.assert_close(values, prior.mean, rtol=0, atol=1e-3)
    torch.testing.assert_close(information, torch.diag(prior.sigma**-2))


@pytest.mark.parametrize("start", [(5.0, 1.5, 3.0), (-4.0, -0.5, -5.0)])
def test_a_start_far_away_ends_at_the_same_place(start):
    counts = drawn(2000, 1)
    near, _ = fit_multinomial(two_cells, counts, TRUE, WEAK, tolerance=1e-6)
    start = torch.tensor(start, dtype=torch.float64)
    far, _ = fit_multinomial(two_cells, counts, start, WEAK, iterations=60, tolerance=1e-6)
    torch.testing.assert_close(far, near, rtol=0, atol=2e-3)
