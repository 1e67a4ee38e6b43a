import pickle
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from kzcal.fit.newton import Newton
from kzcal.fit.objective import FitObjective
from kzcal.fit.terms import Expectation
from kzcal.parts import Parameter

TRUTH = np.array([400.0, 2.0])
PLACE = torch.linspace(0.0, 5.0, 50, dtype=torch.float64)
PARAMETERS = (
    Parameter("number", 300.0, 1.0, 1e4, "1"),
    Parameter("length", 1.5, 0.1, 20.0, "m"),
)


@dataclass(frozen=True)
class Falling:
    """Counts that fall with a length; a third value shifts them."""

    counts: torch.Tensor
    variance: float = 1e-3
    name: str = "falling"

    def expected(self, values):
        mean = values["number"] * torch.exp(-(PLACE - values["shift"]) / values["length"])
        return Expectation(mean, torch.full_like(mean, self.variance))


def objective(seed=1, prior=None, variance=1e-3, terms=1):
    rng = np.random.default_rng(seed)
    mean = TRUTH[0] * np.exp(-PLACE.numpy() / TRUTH[1])
    off = 1 + np.sqrt(variance) * rng.normal(size=(terms, len(mean)))
    counts = torch.from_numpy(rng.poisson(mean * off).astype(float))
    first, second = PARAMETERS
    if prior:
        first = Parameter("number", 300.0, 1.0, 1e4, "1", prior)
    falling = [Falling(row, variance) for row in counts]
    return FitObjective(falling, (first, second), {"shift": 0.0})


def test_slopes_are_those_of_the_objective():
    fit, point, step = objective(prior=(350.0, 50.0), terms=2), np.array([380.0, 1.9]), 1e-4
    gradient, _ = fit.slopes(point)
    for i in range(2):
        move = step * np.eye(2)[i]
        rise = (fit(point + move) - fit(point - move)) / (2 * step)
        assert gradient[i] == pytest.approx(rise, rel=1e-5, abs=1e-5)


def test_information_is_half_the_mean_curvature():
    rows = []
    for seed in range(60):
        fit, step = objective(seed, variance=0.0), 1e-3
        move = np.array([0.0, step])
        sides = fit(TRUTH + move) + fit(TRUTH - move) - 2 * fit(TRUTH)
        rows.append(sides / step**2)
    wanted = objective(variance=0.0).slopes(TRUTH)[1][1, 1]
    assert np.mean(rows) == pytest.approx(wanted, rel=0.05)


def test_partial_values_rise_to_the_whole():
    fit = objective(terms=3)
    values = list(fit.partial(TRUTH))
    assert len(values) == 3
    assert values == sorted(values)
    assert values[-1] == fit(TRUTH)


def test_a_prior_pulls_and_counts():
    free, bound = objective(), objective(prior=(200.0, 1.0))
    off = (TRUTH[0] - 200.0) ** 2
    assert bound(TRUTH) - free(TRUTH) == pytest.approx(off)
    assert bound.slopes(TRUTH)[1][0, 0] - free.slopes(TRUTH)[1][0, 0] == pytest.approx(2.0)


def test_workers_get_the_same_objective():
    fit = objective()
    assert pickle.loads(pickle.dumps(fit))(TRUTH) == fit(TRUTH)


def test_pulls_hold_for_finite_simulation_too():
    """Both widths within 1 +- 0.2: 3.5 standard deviations of 150 fits."""
    pulls = []
    for seed in range(150):
        fit = objective(seed, variance=4e-3)
        found = Newton().minimise(fit, fit.parameters, seed=1)
        pulls.append((found.values - TRUTH) / np.sqrt(np.diag(found.covariance)))
    width, mean = np.std(pulls, axis=0), np.mean(pulls, axis=0)
    assert (np.abs(width - 1) < 0.2).all(), width
    assert (np.abs(mean) < 0.3).all(), mean
