"""What the hits of an event share, in runs whose truth is known."""

import numpy as np
import pytest
import torch
from timed_run import TRUTH, TimedRun

from kzcal.fit.newton import Newton
from kzcal.fit.objective import FitObjective
from kzcal.fit.times.scatter import added, excess, hit_slopes, with_event_scatter
from kzcal.parts import Parameter

FREE = {"time_shift": (0.0, -5.0, 5.0), "tts_mean_17": (1.3, 0.5, 3.0)}
N_ELECTRONS, N_ALPHAS = 100, 60


def fitted(**truth):
    """A fitted run without vertex errors: its objective, its minimum, its cells and its hits."""
    toy = TimedRun(
        TRUTH | {"vertex_resolution": 0.0} | truth, n_events=(N_ELECTRONS, N_ALPHAS), seed=5
    )
    term = toy.term(2000, seed=6)
    parameters = [Parameter(name, *numbers, "1") for name, numbers in FREE.items()]
    fixed = {name: value for name, value in toy.truth.items() if name not in FREE}
    objective = FitObjective([term], parameters, fixed)
    minimum = Newton().minimise(objective, parameters, seed=1)
    return objective, minimum, toy.counts().cells, toy.hits


@pytest.fixture(scope="module")
def sharing():
    return fitted(t0_resolution=0.6)


def test_the_common_time_is_known_as_well_as_the_emission_times_of_its_events(sharing):
    """The added variance is that of the mean of a hundred errors, within four of its errors."""
    objective, minimum, cells, hits = sharing
    after = with_event_scatter(minimum, objective, cells, [hits])
    more = np.diag(after.covariance - minimum.covariance)
    wanted = 0.6**2 / N_ELECTRONS
    assert abs(more[0] - wanted) < 4 * wanted * (2 / N_ELECTRONS) ** 0.5
    assert more[1] < 0.5 * minimum.covariance[1, 1]
    np.testing.assert_array_equal(after.values, minimum.values)


def test_hits_on_their_own_add_nothing_beyond_noise():
    """Scatter against variance has an error of (2 / n)^1/2 for each parameter; four of them."""
    objective, minimum, cells, hits = fitted(t0_resolution=0.0)
    after = with_event_scatter(minimum, objective, cells, [hits])
    share = np.diag(after.covariance) / np.diag(minimum.covariance) - 1
    assert (share >= 0).all()
    assert (share < 4 * (2 / N_ELECTRONS) ** 0.5).all()


def test_hits_of_a_cell_and_charge_pull_nowhere_on_average(sharing):
    objective, minimum, _, _ = sharing
    (term,) = objective.terms
    slopes = hit_slopes(term, objective, minimum.values)
    expected = term.expected(objective.named(objective.vector(minimum.values))).mean
    pull = (expected[:, None] * slopes).reshape(*term.hits.shape, -1).sum(2)
    strength = (expected[:, None] * slopes.abs()).reshape(*term.hits.shape, -1).sum(2)
    assert float((pull.abs() / strength.clamp(min=1e-12)).max()) < 1e-9


def test_scatter_is_symmetric_and_that_of_the_slopes(sharing):
    objective, minimum, cells, hits = sharing
    (term,) = objective.terms
    slopes = hit_slopes(term, objective, minimum.values)
    whole = excess(term, slopes, cells, [hits])
    none = excess(term, torch.zeros_like(slopes), cells, [hits])
    assert whole[0, 0] > 0
    assert (none == 0).all()
    np.testing.assert_allclose(whole, whole.T, rtol=1e-12)


def test_noise_takes_nothing_from_a_variance():
    covariance = np.array([[4.0, 1.0], [1.0, 2.0]])
    scatter = np.array([[0.5, 0.0], [0.0, -0.3]])
    more = added(covariance, scatter)
    assert (np.linalg.eigvalsh(more) > -1e-12).all()
    positive = np.array([[0.5, 0.1], [0.1, 0.3]])
    np.testing.assert_allclose(added(covariance, positive), covariance @ positive @ covariance)
    fixed = np.array([[4.0, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(added(fixed, positive), [[8.0, 0.0], [0.0, 0.0]], atol=1e-12)
