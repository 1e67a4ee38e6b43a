"""Optuna's fitters: contract, correlated and curved valleys, ends of ranges, noise, pruning."""

import logging

import numpy as np
import optuna
import pytest
from kzcal_optuna import CMAES, GP, GRADIENT, TPE, kzcal_fitters
from kzcal_optuna.evaluation import ceiling_of, evaluate
from kzcal_optuna.fitter import OptunaFitter
from optuna.trial import TrialState, create_trial
from optuna_counts import PARAMETERS as COUNTED
from optuna_counts import decays
from optuna_objectives import TWO, TWO_PARAMETERS, Banana, Valley, six

from kzcal.errors import CalibrationError, ConfigurationError, PluginError
from kzcal.fit.newton import Newton
from kzcal.parts import Effort, Parameter
from kzcal.testing import FitterContract


class TestEvolution(FitterContract):
    component = CMAES


class TestGradient(FitterContract):
    component = GRADIENT


@pytest.mark.slow
class TestTpe(FitterContract):
    component = TPE


@pytest.mark.slow
class TestGaussianProcess(FitterContract):
    component = GP


def fit(component, objective, parameters, trials=60, seed=1, **effort):
    effort = Effort(trials=trials, **effort)
    return component.build().minimise(objective, parameters, seed=seed, effort=effort)


def test_a_gaussian_process_proposes_after_its_first_trials():
    found = fit(GP, TWO, TWO_PARAMETERS, trials=13)
    np.testing.assert_allclose(found.values, TWO.truth, rtol=1e-3)


def test_the_plugin_offers_four_and_names_them_when_another_is_asked_for():
    names = [record.name for record in kzcal_fitters()]
    assert names == ["optuna-cmaes", "optuna-gp", "optuna-tpe", "optuna-gradient"]
    with pytest.raises(PluginError, match=r"'optuna-nsga' \(choices: optuna-cmaes, optuna-gp"):
        OptunaFitter("nsga").minimise(TWO, TWO_PARAMETERS, seed=1)


@pytest.mark.parametrize("component", [CMAES, GRADIENT, TPE])
def test_six_correlated_parameters_of_all_sizes(component):
    objective, parameters, covariance = six()
    found = fit(component, objective, parameters)
    sigma = np.sqrt(np.diag(covariance))
    assert (np.abs(found.values - objective.truth) < 0.1 * sigma).all()
    scale = np.outer(sigma, sigma)
    np.testing.assert_allclose(found.covariance / scale, covariance / scale, atol=0.01)


@pytest.mark.parametrize("component", [CMAES, GRADIENT, TPE])
def test_a_curved_valley_is_followed_to_its_end(component):
    parameters = [Parameter("x", -1.2, -3.0, 3.0, "1"), Parameter("y", 1.0, -3.0, 5.0, "1")]
    found = fit(component, Banana(), parameters)
    np.testing.assert_allclose(found.values, 1.0, atol=0.02)
    # y = x**2 and x = 1 ± 1 there: d(x, y) = J^-1 d(residuals)
    jacobian = np.array([[-60.0, 30.0], [-1.0, 0.0]])
    expected = np.linalg.inv(jacobian.T @ jacobian)
    np.testing.assert_allclose(found.covariance, expected, rtol=0.1)


@pytest.mark.parametrize("component", [CMAES, GRADIENT])
def test_a_parameter_that_ends_at_its_range_is_as_if_fixed(component):
    """The other one takes its conditional value and variance."""
    objective = Valley((1.0, 2.0), ((1.0, 0.8), (0.8, 1.0)))
    parameters = [Parameter("x", -1.0, -3.0, 0.5, "1"), Parameter("y", 0.0, -9.0, 9.0, "1")]
    found = fit(component, objective, parameters)
    np.testing.assert_allclose(found.values, (0.5, 2.0 - 0.8 * 0.5), atol=0.02)
    np.testing.assert_allclose(found.covariance, np.diag([0.0, 1.0 - 0.8**2]), atol=0.02)


def test_a_gradient_stops_by_itself():
    objective, parameters, _ = six()
    few, many = (fit(GRADIENT, objective, parameters, trials=n).n_calls for n in (20, 400))
    assert few == many


def test_pulls_of_a_noisy_objective_have_width_one():
    """Where the minimum is scatters by what the covariance says beyond that of the data.

    Of 24 fits of two parameters, the chi-square lies within its central 99.9 %.
    """
    total = 0.0
    inside = np.linalg.inv(np.array(TWO.covariance))
    for seed in range(24):
        noisy = Valley((1.0 + 1e-3 * seed, 17.0), TWO.covariance, noise=4.0)
        found = fit(CMAES, noisy, TWO_PARAMETERS, trials=80, seed=seed)
        by_noise = found.covariance - np.linalg.inv(inside)
        off = found.values - noisy.truth
        total += off @ np.linalg.solve(by_noise, off)
    assert 22.0 < total < 84.0, total


def test_the_lowest_of_noisy_trials_is_biased_and_the_quadratic_is_not():
    noisy = Valley(TWO.truth, TWO.covariance, noise=5.0)
    found = [fit(CMAES, noisy, TWO_PARAMETERS, trials=80, seed=s).objective for s in range(8)]
    assert abs(np.mean(found)) < 2.5, found


def test_a_noisy_gradient_stops_by_itself_before_its_design():
    noisy = Valley(TWO.truth, TWO.covariance, noise=0.5)
    found = fit(GRADIENT, noisy, TWO_PARAMETERS, trials=100)
    assert 18 < found.n_calls < 50
    assert (np.abs(found.values - TWO.truth) < 0.5 * np.sqrt(np.diag(TWO.covariance))).all()


def test_a_noisy_objective_takes_enough_trials():
    noisy = Valley(TWO.truth, TWO.covariance, noise=1.0)
    with pytest.raises(ConfigurationError, match="2 parameters takes 36 trials or more, got 20"):
        fit(CMAES, noisy, TWO_PARAMETERS, trials=20)


def trial(value, state=TrialState.COMPLETE, steps=3):
    parts = {step: value * (step + 1) / steps for step in range(steps)}
    return create_trial(
        state=state,
        value=value if state == TrialState.COMPLETE else None,
        intermediate_values=parts,
    )


NEAR, FAR_OFF = np.array(TWO.truth), np.array([1.05, 26.0])


def test_hopeless_points_are_left_and_good_ones_are_not():
    trials = [trial(float(v)) for v in range(100, 130)]
    ceiling, steps = ceiling_of(trials, margin=25.0)
    assert (ceiling, steps) == (125.0, 3)
    assert not evaluate(TWO, NEAR, ceiling, steps).pruned
    far = evaluate(TWO, FAR_OFF, 60.0, steps)
    assert far.pruned
    assert len(far.partial) < 3
    assert far.partial[-1] > 60.0
    assert far.partial[-1] <= TWO(FAR_OFF)


def test_nothing_is_left_before_the_median_is_known_nor_at_its_last_part():
    assert ceiling_of([trial(1.0)] * 5, margin=25.0)[0] == np.inf
    whole = evaluate(TWO, FAR_OFF, 1e9, 3)
    last = evaluate(TWO, FAR_OFF, whole.partial[1], 3)
    assert last == whole
    assert not last.pruned


def test_while_all_are_far_the_better_half_is_followed():
    trials = [trial(v) for v in np.linspace(1e5, 2e5, 21)]
    assert ceiling_of(trials, margin=25.0)[0] > 1.4e5


class Holes(Valley):
    def partial(self, values):
        yield np.nan if values[0] < 1.1 else list(Valley.partial(self, values))[-1]

    def __call__(self, values):
        return Valley.__call__(self, values)


def test_points_where_the_objective_is_not_a_number_count_as_poor():
    objective = Holes((1.3, 17.0), TWO.covariance)
    found = fit(CMAES, objective, TWO_PARAMETERS, trials=60)
    np.testing.assert_allclose(found.values, (1.3, 17.0), rtol=1e-3)
    everywhere = [Parameter("x", 0.6, 0.5, 1.0, "1"), TWO_PARAMETERS[1]]
    with pytest.raises(CalibrationError, match="finite somewhere, got none in 20 trials"):
        fit(CMAES, objective, everywhere, trials=20)


def test_optuna_says_nothing_on_stderr_and_its_verbosity_is_as_before(capsys):
    optuna.logging.set_verbosity(logging.INFO)
    fit(CMAES, TWO, TWO_PARAMETERS, trials=5)
    assert optuna.logging.get_verbosity() == logging.INFO
    assert "Trial" not in capsys.readouterr().err


def test_the_same_seed_gives_the_same_and_another_seed_another():
    parameters = [Parameter("x", 0.7, 0.5, 2.0, "1"), Parameter("y", 1.0, 0.0, 5.0, "1")]
    first, same, other = (fit(TPE, Banana(), parameters, trials=20, seed=s) for s in (3, 3, 4))
    assert np.array_equal(first.values, same.values)
    assert not np.array_equal(first.values, other.values)


@pytest.mark.slow
def test_an_objective_with_tensors_goes_to_workers_and_gives_the_minimum_of_newton():
    objective = decays(seed=3)
    newton = Newton().minimise(objective, COUNTED, seed=1)
    found = CMAES.build().minimise(objective, COUNTED, seed=1, effort=Effort(12, workers=2))
    sigma = np.sqrt(np.diag(newton.covariance))
    assert (np.abs(found.values - newton.values) < 0.02 * sigma).all()
    np.testing.assert_allclose(np.diag(found.covariance), sigma**2, rtol=0.1)


@pytest.mark.parametrize("effort", [{"trials": 0}, {"workers": 0}])
def test_no_trial_or_no_worker_is_refused(effort):
    with pytest.raises(ConfigurationError, match="a trial and a worker or more"):
        fit(CMAES, TWO, TWO_PARAMETERS, **effort)
