"""Newton's fitter: its contract, correlated and curved objectives, ends of ranges, refusals."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
import torch

from kzcal import plugins
from kzcal.errors import CalibrationError, ConfigurationError
from kzcal.fit.newton import Newton
from kzcal.fit.objective import FitObjective
from kzcal.fit.terms import Expectation
from kzcal.parts import Effort, Parameter
from kzcal.testing import FitterContract
from kzcal.testing.simulation import ChiSquare

FITTER = plugins.load(installed=False).fitters["newton"]
fit = partial(Newton().minimise, seed=1)


class TestNewton(FitterContract):
    component = FITTER
    tolerance = 1e-3
    covariance_tolerance = 1e-6


@dataclass(frozen=True)
class Banana:
    """Two residuals of unit error, one along a parabola; its minimum is at (1, 1)."""

    noise: float = 0.0
    steep: float = 30.0

    def residuals(self, values):
        x, y = values
        return np.array([self.steep * (y - x**2), 1.0 - x])

    def __call__(self, values):
        return float((self.residuals(values) ** 2).sum())

    def partial(self, values):
        yield self(values)

    def slopes(self, values):
        jacobian = np.array([[-2.0 * self.steep * values[0], self.steep], [-1.0, 0.0]])
        return 2.0 * self.residuals(values) @ jacobian, 2.0 * jacobian.T @ jacobian


def square(n: int = 6):
    """Parameters of very different sizes, strongly correlated."""
    generator = np.random.default_rng(5)
    mixing = generator.normal(size=(n, n))
    correlation = mixing @ mixing.T + 0.1 * np.eye(n)
    sigma = 10.0 ** np.linspace(-3, 2, n) / np.sqrt(np.diag(correlation))
    covariance = correlation * np.outer(sigma, sigma)
    truth = 50.0 * 10.0 ** np.linspace(-3, 2, n)
    parameters = [Parameter(f"p{i}", t * 1.5, 0.0, 4 * t, "1") for i, t in enumerate(truth)]
    return ChiSquare(tuple(truth), tuple(map(tuple, covariance))), parameters, covariance


def test_six_correlated_parameters_of_all_sizes_take_a_few_calls():
    objective, parameters, covariance = square()
    found = fit(objective, parameters)
    sigma = np.sqrt(np.diag(covariance))
    assert (np.abs(found.values - objective.truth) < 1e-3 * sigma).all()
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-6, atol=0)
    assert found.n_calls < 10


@pytest.mark.parametrize("start", [(-1.2, 1.0), (0.0, 5.0), (3.0, -4.0)])
def test_a_curved_valley_is_followed_to_its_end(start):
    parameters = [Parameter(n, s, -5.0, 5.0, "1") for n, s in zip("xy", start, strict=True)]
    found = fit(Banana(), parameters)
    np.testing.assert_allclose(found.values, 1.0, atol=2e-3)
    assert found.n_calls < 150


def test_a_parameter_that_ends_at_its_range_is_as_if_fixed():
    """The other one takes its conditional value and variance."""
    objective = ChiSquare((1.0, 2.0), ((1.0, 0.8), (0.8, 1.0)))
    parameters = [Parameter("x", -1.0, -3.0, 0.5, "1"), Parameter("y", 0.0, -9.0, 9.0, "1")]
    found = fit(objective, parameters)
    np.testing.assert_allclose(found.values, (0.5, 2.0 - 0.8 * 0.5), atol=1e-3)
    np.testing.assert_allclose(found.covariance, np.diag([0.0, 1.0 - 0.8**2]), atol=1e-9)


def test_starting_at_an_end_does_not_keep_it_there():
    objective = ChiSquare((1.0, 2.0), ((1.0, 0.8), (0.8, 1.0)))
    parameters = [Parameter("x", -3.0, -3.0, 5.0, "1"), Parameter("y", 9.0, -9.0, 9.0, "1")]
    np.testing.assert_allclose(fit(objective, parameters).values, (1.0, 2.0), atol=1e-3)


def test_parameters_that_cannot_be_told_apart_are_named():
    @dataclass(frozen=True)
    class Sum(Banana):
        def residuals(self, values):
            return np.array([values[0] + values[1] - 2.0])

        def slopes(self, values):
            jacobian = np.array([[1.0, 1.0, 0.0]])
            return 2.0 * self.residuals(values) @ jacobian, 2.0 * jacobian.T @ jacobian

    parameters = [Parameter(n, 0.5, -5.0, 5.0, "1") for n in ("light", "quench", "idle")]
    with pytest.raises(CalibrationError, match="got none for idle"):
        fit(Sum(), parameters)


def test_a_sum_alone_tells_neither_of_its_parts():
    objective = ChiSquare((1.0, 1.0), ((1.0, -1.0 + 1e-14), (-1.0 + 1e-14, 1.0)))
    parameters = [Parameter(n, 0.5, -5.0, 5.0, "1") for n in ("light", "quench")]
    with pytest.raises(CalibrationError, match="light, quench"):
        fit(objective, parameters)


@dataclass(frozen=True, eq=False)
class Decays:
    """Counts of a decaying source over a flat background, from a simulation of finite size."""

    counts: torch.Tensor
    name: str = "decays"

    def expected(self, values):
        time = torch.linspace(0.0, 5.0, 40, dtype=torch.float64)
        mean = values["height"] * torch.exp(-time / values["life"]) + values["flat"]
        return Expectation(mean, torch.full_like(mean, 1e-3))


def test_pulls_of_counts_have_width_one():
    """The chi-square of 60 fits of three parameters is in its central 99.9 %."""
    generator = torch.Generator().manual_seed(4)
    truth = {"height": 300.0, "life": 1.2, "flat": 20.0}
    parameters = [Parameter(n, 1.3 * v, 0.1 * v, 10.0 * v, "1") for n, v in truth.items()]
    exact = {name: torch.tensor(v, dtype=torch.float64) for name, v in truth.items()}
    total = 0.0
    for _ in range(60):
        mean = Decays(torch.zeros(40)).expected(exact).mean
        off = 1 + 1e-3**0.5 * torch.randn(40, generator=generator, dtype=torch.float64)
        counts = torch.poisson(mean * off, generator=generator)
        found = fit(FitObjective([Decays(counts)], parameters), parameters)
        step = found.values - list(truth.values())
        total += step @ np.linalg.solve(found.covariance, step)
    assert 124.0 < total < 250.0, total


def test_too_few_trials_are_said():
    parameters = [Parameter("x", -1.2, -5.0, 5.0, "1"), Parameter("y", 1.0, -5.0, 5.0, "1")]
    with pytest.raises(CalibrationError, match=r"after 3 trials .* allow more"):
        fit(Banana(), parameters, effort=Effort(trials=3))


def test_a_storage_is_refused():
    objective, parameters, _ = square(2)
    with pytest.raises(ConfigurationError, match="keeps no trials, got storage='journal:x'"):
        fit(objective, parameters, effort=Effort(storage="journal:x"))


def test_a_start_outside_of_its_range_is_refused():
    objective, _, _ = square(2)
    outside = [Parameter(n, 9.0, 0.0, 5.0, "m") for n in "xy"]
    with pytest.raises(ConfigurationError, match=r"got x starting at 9 m in \[0, 5\]"):
        fit(objective, outside)


@dataclass(frozen=True)
class Walled(Banana):
    def __call__(self, values):
        return np.nan if values[1] < -2.0 else Banana.__call__(self, values)


def test_points_where_the_objective_is_not_a_number_are_stepped_back_from():
    """The first full step would end at y = -3.8."""
    parameters = [Parameter("x", -1.2, -5.0, 5.0, "1"), Parameter("y", 1.0, -5.0, 5.0, "1")]
    np.testing.assert_allclose(fit(Walled(), parameters).values, 1.0, atol=2e-3)


def test_a_start_where_it_is_not_a_number_is_refused():
    parameters = [Parameter("x", -1.2, -5.0, 5.0, "1"), Parameter("y", -4.0, -5.0, 5.0, "1")]
    with pytest.raises(CalibrationError, match="finite where a fit starts, got nan"):
        fit(Walled(), parameters)
