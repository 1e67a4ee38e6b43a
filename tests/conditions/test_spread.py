"""Numbers drawn together have the moments asked for and stay positive where they must."""

import numpy as np
import pytest

from kzcal.conditions.spread import Spread

N = 40_000


def many(mean, covariance, positive) -> Spread:
    """The same numbers in N rows."""
    row = (np.asarray(mean, float), np.asarray(covariance, float), np.asarray(positive))
    return Spread.of(*(np.broadcast_to(part, (N, *part.shape)) for part in row))


def drawn(spread: Spread, seed: int = 1) -> np.ndarray:
    return spread.at(spread.draw(np.random.default_rng(seed)))


@pytest.mark.parametrize("error", [0.02, 0.3, 0.8])
def test_mean_and_covariance_are_those_asked_for_whatever_the_sign(error):
    mean, sigma = np.array([2.0, -1.0, 5.0, 0.0]), np.array([2.0, 1.0, 5.0, 3.0]) * error
    correlation = np.array(
        [[1, 0.5, -0.3, 0.2], [0.5, 1, 0, -0.4], [-0.3, 0, 1, 0.6], [0.2, -0.4, 0.6, 1.0]]
    )
    covariance = (correlation * 0.6 + 0.4 * np.eye(4)) * np.outer(sigma, sigma)
    values = drawn(many(mean, covariance, [True, False, True, False]))
    # Half the rows against the other half tell the error of a moment; five of them per entry.
    halves = np.stack([np.cov(part.T) for part in (values[::2], values[1::2])])
    error_of = np.abs(halves[0] - halves[1]) / 2 + 0.01 * np.outer(sigma, sigma)
    assert np.all(np.abs(values.mean(0) - mean) < 5 * sigma / N**0.5)
    assert np.all(np.abs(np.cov(values.T) - covariance) < 5 * error_of)
    assert values[:, [0, 2]].min() > 0


def test_a_small_error_of_a_positive_number_is_gaussian():
    values = drawn(many([3.0], [[0.03**2]], [True]))[:, 0]
    pull = (values - 3.0) / 0.03
    assert np.quantile(pull, [0.159, 0.841]) == pytest.approx([-1, 1], abs=0.03)


def test_a_positive_number_at_zero_stays_there():
    values = drawn(many([0.0, 1.0], [[4.0, 0.1], [0.1, 0.01]], [True, True]))
    assert np.all(values[:, 0] == 0)
    assert values[:, 1].std() == pytest.approx(0.1, rel=0.03)


def test_zero_errors_are_identity():
    values = drawn(many([2.0, -3.0], np.zeros((2, 2)), [True, False]))
    assert np.all(values == [2.0, -3.0])


def test_a_covariance_without_full_rank_is_kept():
    values = drawn(many([0.0, 0.0], [[1.0, 2.0], [2.0, 4.0]], [False, False]))
    assert np.allclose(values[:, 1], 2 * values[:, 0], atol=1e-6)


def test_numbers_follow_others_by_their_slopes():
    other = Spread.of(np.array([[2.0]]), np.array([[[0.02**2]]]), np.array([[True]]))
    own = many([10.0, 0.0], np.diag([0.1**2, 0.5**2]), [True, False])
    slope = np.broadcast_to(np.array([[4.0], [-3.0]]), (N, 2, 1))
    moved, steep = own.moved_by(other, slope)
    z = np.array([0.015])
    shift = float(other.at(z[None])[0, 0] - 2.0)
    values = moved.at(own.draw(np.random.default_rng(1)) + steep @ z)
    error = np.array([0.1, 0.5]) / N**0.5
    assert np.all(np.abs(values.mean(0) - [10 + 4 * shift, -3 * shift]) < 5 * error + 0.002)


def test_impossible_correlations_leave_means_and_errors_as_they_are():
    covariance = np.array([[1.0, -0.99], [-0.99, 1.0]])
    values = drawn(many([1.0, 1.0], covariance, [True, True]))
    assert values.mean(0) == pytest.approx([1, 1], abs=0.025)
    assert values.std(0) == pytest.approx([1, 1], abs=0.08)
    assert np.corrcoef(values.T)[0, 1] < -0.3
