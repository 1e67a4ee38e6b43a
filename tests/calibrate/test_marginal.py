"""Averages over own parameters, against integrals that are known."""

import math

import pytest
import torch

from kzcal.calibrate.marginal import hexagon, marginal, marginal_value
from kzcal.calibrate.scoring import SharedScoring, Sharing, own_inverse

N_PMT, N_DRAWS = 4000, 3
EVERYWHERE = ((-1e9, 1e9),) * 2


@pytest.mark.parametrize(
    ("powers", "moment"),
    [((0, 0), 1), ((2, 0), 1), ((1, 1), 0), ((0, 4), 3), ((2, 2), 1), ((1, 4), 0), ((5, 0), 0)],
)
def test_the_seven_points_average_polynomials_of_degree_five(powers, moment):
    points = hexagon(torch.device("cpu"))
    found = sum(float(w * x[0] ** powers[0] * x[1] ** powers[1]) for x, w in points)
    assert found == pytest.approx(moment, abs=1e-12)


@pytest.fixture
def drawn():
    """Three draws of each of a PMT's two values, which are drawn from a population themselves."""
    stream = torch.Generator().manual_seed(1)
    own = 0.7 * torch.randn(N_PMT, 2, generator=stream, dtype=torch.float64)
    noise = torch.randn(N_PMT, 2, N_DRAWS, generator=stream, dtype=torch.float64)
    return own[..., None] + 1.3 * noise


def scored_at(draws, spread, population=0.7):
    """Scoring by two means and the log of the draws' spread, the population as prior."""

    def scored(own):
        off = draws - own[..., None]
        scoring = SharedScoring.zeros(len(draws), 2, 1, draws.device)
        scoring.score[:, :2] = off.sum(2) / spread**2 - own / population**2
        scoring.score[:, 2] = (off**2).sum((1, 2)) / spread**2 - 2 * N_DRAWS
        block = N_DRAWS / spread**2 + 1 / population**2
        scoring.information[:, :2, :2] = block * torch.eye(2, dtype=torch.float64)
        scoring.information[:, 2, 2] = 4 * N_DRAWS
        scoring.value[:] = -0.5 * (off**2).sum((1, 2)) / spread**2
        scoring.value[:] -= 0.5 * (own**2).sum(1) / population**2
        return scoring

    return scored


def best(draws, spread, population=0.7):
    """Own values of largest likelihood, and the state with them."""
    own = draws.sum(2) / (N_DRAWS + spread**2 / population**2)
    everyone = torch.ones(len(draws), dtype=torch.bool)
    kind = torch.zeros(len(draws), dtype=torch.long)
    shared = torch.tensor([[math.log(spread)]], dtype=torch.float64)
    return Sharing(own, shared, kind, everyone, everyone)


def exact_log_marginal(draws, spread, population=0.7):
    """The draws of one value are jointly Gaussian, with the population's variance in common."""
    within, mean = spread**2, draws.mean(2)
    between = within + N_DRAWS * population**2
    scatter = ((draws - mean[..., None]) ** 2).sum(2)
    value = (N_DRAWS - 1) * math.log(within) + math.log(between)
    return -0.5 * float((value + scatter / within + N_DRAWS * mean**2 / between).sum())


@pytest.mark.parametrize("spread", [1.0, 1.3, 1.8])
def test_the_slope_is_that_of_the_likelihood_integrated_over_own_values(drawn, spread):
    state, scored = best(drawn, spread), scored_at(drawn, spread)
    found = marginal(state, scored, torch.zeros_like(state.own), EVERYWHERE)
    slope = float(scored(state.own).score[:, 2].sum() + found.slope[0, 0])
    step = 1e-4
    above, below = (exact_log_marginal(drawn, spread * math.exp(s)) for s in (step, -step))
    assert slope == pytest.approx((above - below) / (2 * step), rel=1e-6)


def test_the_likelihood_alone_would_prefer_another_value(drawn):
    """At the truth the average has no slope within its error; the best own values have one."""
    state, scored = best(drawn, 1.3), scored_at(drawn, 1.3)
    found = marginal(state, scored, torch.zeros_like(state.own), EVERYWHERE)
    alone = scored(state.own).score[:, 2]
    error = float(alone.std() * N_PMT**0.5)
    assert abs(float(alone.sum() + found.slope[0, 0])) < 3 * error
    assert float(alone.sum()) < -10 * error


def test_squares_are_those_of_the_gaussian_that_the_likelihood_is(drawn):
    state, scored = best(drawn, 1.3), scored_at(drawn, 1.3)
    found = marginal(state, scored, torch.zeros_like(state.own), EVERYWHERE)
    variance = 1 / (N_DRAWS / 1.3**2 + 1 / 0.7**2)
    torch.testing.assert_close(found.square, state.own**2 + variance)
    torch.testing.assert_close(found.variance, torch.full_like(state.own, variance))
    assert float(found.square.mean()) == pytest.approx(0.7**2, rel=0.03)


def test_pmts_that_do_not_count_move_nothing_shared(drawn):
    state, scored = best(drawn, 1.3), scored_at(drawn, 1.3)
    state.counting[::2] = False
    found = marginal(state, scored, torch.zeros_like(state.own), EVERYWHERE)
    half = marginal(
        best(drawn[1::2], 1.3),
        scored_at(drawn[1::2], 1.3),
        torch.zeros_like(state.own[1::2]),
        EVERYWHERE,
    )
    torch.testing.assert_close(found.slope, half.slope)


def test_the_value_is_that_of_the_likelihood_integrated_over_own_values(drawn):
    """Differences between two shared values, of each PMT and of all."""

    def value(spread):
        state, scored = best(drawn, spread), scored_at(drawn, spread)

        def valued(own):
            scoring = scored(own)
            return scoring.value - 2 * N_DRAWS * math.log(spread)

        return marginal_value(state, own_inverse(scored(state.own)), valued, EVERYWHERE)

    expected = exact_log_marginal(drawn, 1.5) - exact_log_marginal(drawn, 1.1)
    assert float((value(1.5) - value(1.1)).sum()) == pytest.approx(expected, rel=1e-6)
