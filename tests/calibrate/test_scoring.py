"""Scoring of many PMTs that share parameters, against the dense system that it stands for."""

import math

import pytest
import torch

from kzcal.calibrate.scoring import (
    SharedPrior,
    SharedScoring,
    Sharing,
    follow,
    own_inverse,
    profiled_score,
    shared_step,
    spared_volume,
    within,
)

N_PMT, N_OWN, N_SHARED = 9, 2, 3
FREE = ((-1e9, 1e9),)
KIND = torch.tensor([0, 0, 1, 0, 1, 1, 0, 1, 0])
FITTED = torch.tensor([True] * 7 + [False, True])
COUNTING = torch.tensor([True] * 5 + [False, True, True, True])


def random(*shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def scoring():
    n = N_OWN + N_SHARED
    root = 30 * random(N_PMT, n, n, seed=1)
    value = random(N_PMT, seed=9)
    return SharedScoring(random(N_PMT, n, seed=2), root @ root.transpose(1, 2), value, N_OWN)


@pytest.fixture
def state():
    own, shared = random(N_PMT, N_OWN, seed=3), 5 + random(2, N_SHARED, seed=4).abs()
    return Sharing(own, shared, KIND, FITTED, COUNTING)


def dense(scoring, kind):
    """Score and information of all counting PMTs of a type and of their shared parameters."""
    rows = torch.nonzero(FITTED & COUNTING & (kind == KIND))[:, 0].tolist()
    n = N_OWN * len(rows) + N_SHARED
    score, information = torch.zeros(n).double(), torch.zeros(n, n).double()
    for i, row in enumerate(rows):
        index = torch.cat([torch.arange(N_OWN) + N_OWN * i, torch.arange(N_SHARED) + n - N_SHARED])
        score[index] += scoring.score[row]
        information[index[:, None], index] += scoring.information[row]
    return rows, score, information


@pytest.mark.parametrize("kind", [0, 1])
def test_a_step_solves_the_dense_system(scoring, state, kind):
    moved, largest = shared_step(
        state, scoring, own_bounds=FREE * N_OWN, shared_bounds=FREE * N_SHARED
    )
    rows, score, information = dense(scoring, kind)
    step = torch.linalg.solve(information, score)
    torch.testing.assert_close(
        (moved.shared - state.shared)[kind], step[-N_SHARED:], rtol=1e-4, atol=1e-12
    )
    own = (moved.own - state.own)[rows].reshape(-1)
    torch.testing.assert_close(own, step[:-N_SHARED], rtol=1e-4, atol=1e-12)
    assert largest > 0


def test_a_tube_that_does_not_count_follows_the_shared_step(scoring, state):
    moved, _ = shared_step(state, scoring, own_bounds=FREE * N_OWN, shared_bounds=FREE * N_SHARED)
    change = (moved.shared - state.shared)[KIND[5]]
    block = scoring.information[5]
    alone = scoring.score[5, :N_OWN] - block[:N_OWN, N_OWN:] @ change
    expected = torch.linalg.solve(block[:N_OWN, :N_OWN], alone)
    torch.testing.assert_close((moved.own - state.own)[5], expected, rtol=1e-4, atol=1e-12)
    assert torch.equal(moved.own[7], state.own[7])


@pytest.mark.parametrize("kind", [0, 1])
def test_covariances_are_blocks_of_the_dense_inverse(scoring, state, kind):
    own, shared = scoring.covariance(state)
    rows, _, information = dense(scoring, kind)
    inverse = torch.linalg.inv(information)
    torch.testing.assert_close(shared[kind], inverse[-N_SHARED:, -N_SHARED:], rtol=1e-4, atol=0)
    for i, row in enumerate(rows):
        block = slice(N_OWN * i, N_OWN * (i + 1))
        torch.testing.assert_close(own[row], inverse[block, block], rtol=1e-4, atol=1e-12)


def test_steps_stay_within_bounds_and_reach(scoring, state):
    scoring.score.mul_(1e9)
    bounds = {"own_bounds": ((-0.5, 0.5),) * N_OWN, "shared_bounds": ((4.9, 7.0),) * N_SHARED}
    moved, _ = shared_step(state, scoring, **bounds)
    assert float(moved.own[FITTED].abs().max()) <= 0.5
    assert float(moved.shared.min()) >= 4.9
    assert float(moved.shared.max()) <= 7.0


def test_a_slope_of_its_own_adds_to_that_of_the_likelihood(scoring, state):
    slope = random(2, N_SHARED, seed=6)
    bounds = {"own_bounds": FREE * N_OWN, "shared_bounds": FREE * N_SHARED}
    moved, _ = shared_step(state, scoring, **bounds, shared_slope=slope)
    for kind in (0, 1):
        _, score, information = dense(scoring, kind)
        score[-N_SHARED:] += slope[kind]
        step = torch.linalg.solve(information, score)[-N_SHARED:]
        torch.testing.assert_close(
            (moved.shared - state.shared)[kind], step, rtol=1e-4, atol=1e-12
        )


def with_prior(prior, state, scoring, kind):
    """The dense system with the prior of the shared parameters."""
    rows, score, information = dense(scoring, kind)
    score[-N_SHARED:] += prior.information * (prior.mean - state.shared[kind])
    information[-N_SHARED:, -N_SHARED:] += torch.diag(prior.information)
    return rows, score, information


@pytest.fixture
def prior(scoring):
    """As strong as the data, but for a parameter of which nothing is known."""
    strength = 0.1 * scoring.information[:, N_OWN:, N_OWN:].sum(0).diagonal()
    return SharedPrior(random(N_SHARED, seed=7), strength * torch.tensor([1.0, 0.0, 3.0]))


@pytest.mark.parametrize("kind", [0, 1])
def test_a_prior_of_the_shared_parameters_adds_to_the_system(scoring, state, prior, kind):
    bounds = {"own_bounds": FREE * N_OWN, "shared_bounds": FREE * N_SHARED, "longest": 1e3}
    moved, _ = shared_step(state, scoring, **bounds, prior=prior)
    rows, score, information = with_prior(prior, state, scoring, kind)
    step = torch.linalg.solve(information, score)
    change = (moved.shared - state.shared)[kind]
    torch.testing.assert_close(change, step[-N_SHARED:], rtol=1e-4, atol=1e-9)
    own, shared = scoring.covariance(state, prior)
    inverse = torch.linalg.inv(information)
    torch.testing.assert_close(shared[kind], inverse[-N_SHARED:, -N_SHARED:], rtol=1e-4, atol=0)
    torch.testing.assert_close(own[rows[0]], inverse[:N_OWN, :N_OWN], rtol=1e-4, atol=1e-12)


@pytest.mark.parametrize("taken", [0.0, 0.7])
def test_the_own_parameters_follow_the_share_of_a_step_that_is_taken(scoring, state, taken):
    bounds = {"own_bounds": FREE * N_OWN, "shared_bounds": FREE * N_SHARED}
    whole, _ = shared_step(state, scoring, **bounds)
    some, largest = shared_step(state, scoring, **bounds, taken=taken)
    change = some.shared - state.shared
    torch.testing.assert_close(change, taken * (whole.shared - state.shared))
    block = scoring.information[0]
    alone = scoring.score[0, :N_OWN] - block[:N_OWN, N_OWN:] @ change[KIND[0]]
    expected = torch.linalg.solve(block[:N_OWN, :N_OWN], alone)
    torch.testing.assert_close((some.own - state.own)[0], expected, rtol=1e-4, atol=1e-12)
    assert math.isfinite(largest)


def test_the_largest_change_is_also_of_shared_values(scoring, state):
    scoring.score[:, :N_OWN] = 0
    scoring.information[:, :N_OWN, N_OWN:] = 0
    scoring.information[:, N_OWN:, :N_OWN] = 0
    bounds = {"own_bounds": FREE * N_OWN, "shared_bounds": FREE * N_SHARED}
    moved, largest = shared_step(state, scoring, **bounds)
    errors = torch.diagonal(scoring.covariance(state)[1], dim1=1, dim2=2).sqrt()
    assert largest == pytest.approx(float(((moved.shared - state.shared).abs() / errors).max()))


def test_the_profiled_score_is_what_the_own_parameters_leave(scoring):
    """Of one PMT, against the dense elimination."""
    information, score = scoring.information[0], scoring.score[0]
    own = information[:N_OWN, :N_OWN]
    expected = score[N_OWN:] - information[N_OWN:, :N_OWN] @ torch.linalg.solve(own, score[:N_OWN])
    found = profiled_score(scoring, own_inverse(scoring))[0]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-8)


def test_own_parameters_follow_a_shared_one_to_their_best_values(scoring, state):
    """In a quadratic likelihood with its top at the state, the own slopes stay zero."""
    change = torch.zeros_like(state.shared)
    change[:, 1] = 0.1 * state.shared[:, 1]
    there = follow(state, scoring, change)
    expected = state.shared * torch.tensor([1.0, 1.1, 1.0])
    torch.testing.assert_close(there.shared, expected)
    change = torch.cat([there.own - state.own, (there.shared - state.shared)[KIND]], 1)
    slope = (scoring.information @ change[..., None])[:, :N_OWN, 0]
    size = scoring.information.abs().amax((1, 2))[:, None]
    assert float((slope / size).abs().max()) < 1e-6


def share_of(values):
    """Shares of five bins as a function of two own and one shared value."""
    logit = torch.stack([0 * values[0], values[0], values[1], values[2], values[0] * values[2]])
    return torch.softmax(logit, 0)


def test_a_multinomial_adds_its_score_and_its_expected_information():
    values = torch.tensor([0.3, -0.4, 0.8], dtype=torch.float64)
    share = share_of(values)
    slopes = torch.autograd.functional.jacobian(share_of, values).T
    counts = torch.tensor([3.0, 11.0, 7.0, 20.0, 9.0], dtype=torch.float64)
    scoring = SharedScoring.zeros(1, 2, 1, torch.device("cpu"))
    scoring.add(slopes[None], share[None], counts[None])
    score = torch.autograd.functional.jacobian(lambda v: counts @ share_of(v).log(), values)
    torch.testing.assert_close(scoring.score[0], score)
    expected = float(counts.sum()) * share
    hessian = torch.autograd.functional.hessian(lambda v: expected @ share_of(v).log(), values)
    torch.testing.assert_close(scoring.information[0], -hessian)


def test_values_move_into_their_bounds():
    values = torch.tensor([[-2.0, 0.5], [3.0, 9.0]])
    assert within(values, ((0.0, 1.0), (1.0, 4.0))).tolist() == [[0.0, 1.0], [1.0, 4.0]]


def test_the_log_likelihood_of_many_hits_is_added_up_in_double_precision():
    """Its differences of order one decide how likely neighbouring values are."""
    share = torch.softmax(torch.linspace(0, 3, 256), 0)[None].repeat(2, 1)
    counts = (2e6 * share).round()
    scoring = SharedScoring.zeros(2, 1, 0, share.device)
    scoring.add(torch.zeros(2, 1, 256), share, counts)
    expected = (counts.double() * share.double().log()).sum(1)
    torch.testing.assert_close(scoring.value, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("kind", [0, 1])
def test_what_is_held_stays_and_the_others_solve_the_system_without_it(scoring, state, kind):
    moved, _ = shared_step(
        state, scoring, own_bounds=FREE * N_OWN, shared_bounds=FREE * N_SHARED, held=1
    )
    _, score, information = dense(scoring, kind)
    free = [k for k in range(len(score)) if k != len(score) - 2]
    step = torch.linalg.solve(information[free][:, free], score[free])
    found = (moved.shared - state.shared)[kind]
    assert float(found[1]) == 0.0
    torch.testing.assert_close(found[[0, 2]], step[-2:], rtol=1e-4, atol=1e-12)


@pytest.mark.parametrize("kind", [0, 1])
def test_the_spared_volume_is_that_of_the_dense_system_without_one(scoring, state, kind):
    """Determinants over those of the own values, which the volume leaves to others."""
    prior = SharedPrior(torch.zeros(N_SHARED).double(), torch.tensor([2.0, 0.0, 7.0]).double())
    rows, _, information = dense(scoring, kind)
    information[-N_SHARED:, -N_SHARED:] += torch.diag(prior.information)
    free = [k for k in range(len(information)) if k != len(information) - 2]
    own = [torch.logdet(scoring.information[row, :N_OWN, :N_OWN]) for row in rows]
    expected = -0.5 * (torch.logdet(information[free][:, free]) - sum(own))
    found = spared_volume(state, scoring, prior, 1)[kind]
    assert float(found) == pytest.approx(float(expected), rel=1e-4)


def test_a_prior_has_the_logarithm_of_a_gaussian():
    prior = SharedPrior(torch.tensor([1.0, 5.0]).double(), torch.tensor([4.0, 0.0]).double())
    shared = torch.tensor([[2.0, 9.0], [1.0, -3.0]]).double()
    assert prior.value(shared).tolist() == [-2.0, 0.0]
