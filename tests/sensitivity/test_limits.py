"""Limits against what is known exactly: no background, much of it, one bin, many data sets."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

from kzcal.errors import ConfigurationError
from kzcal.sensitivity.binned import Expected, expected
from kzcal.sensitivity.counting import classical_limit, unified_limits, unified_sensitivity
from kzcal.sensitivity.cuts import CutCurve
from kzcal.sensitivity.likelihood import Likelihood
from kzcal.sensitivity.limits import expected_limit, signal_limits, toy_limits
from kzcal.sensitivity.preset import load_preset
from kzcal.sensitivity.scans import limit, scan_cuts, scan_radius, variations

KLZ = load_preset("klz-800")
EXCESS = KLZ.excess


def made(signal, backgrounds, uncertainty):
    """Bins of one shell."""
    signal = np.asarray(signal, float)
    return Expected(
        signal,
        np.atleast_2d(np.asarray(backgrounds, float)),
        np.asarray(uncertainty, float),
        np.linspace(2.0, 3.0, len(signal) + 1),
        np.array([0.0, 1.9]),
        tuple(f"b{i}" for i in range(len(uncertainty))),
    )


def test_without_background_the_limit_is_exact_and_grows_with_the_exposure():
    clean = replace(KLZ, backgrounds=tuple(replace(b, events=0.0) for b in KLZ.backgrounds))
    whole = expected(clean)
    exact = 1e26 * 2 * whole.signal.sum() / EXCESS
    assert expected_limit(whole, EXCESS) == pytest.approx(exact, rel=1e-4)
    assert limit(replace(clean, days=3 * KLZ.days)) == pytest.approx(3 * exact, rel=1e-4)


def test_above_much_background_the_limit_grows_with_the_root_of_the_exposure():
    def much(factor):
        known = tuple(replace(b, events=1e4 * b.events, uncertainty=0.0) for b in KLZ.backgrounds)
        return limit(replace(KLZ, backgrounds=known, days=factor * KLZ.days))

    assert much(4.0) / much(1.0) == pytest.approx(2.0, rel=0.01)
    assert much(9.0) / much(1.0) == pytest.approx(3.0, rel=0.01)


@pytest.mark.parametrize("background", [0.5, 3.0, 40.0])
def test_one_bin_has_the_limit_of_its_formula(background):
    found = signal_limits(made([1.0], [[background]], [0.0]), np.array([[background]]), EXCESS)

    def excess(signal):
        return 2 * (signal - background * np.log1p(signal / background)) - EXCESS

    assert found[0] == pytest.approx(brentq(excess, 1e-6, 1e3), rel=1e-4)


def test_an_uncertain_background_adds_in_quadrature():
    b, u = 1e6, 0.003
    found = signal_limits(made([1.0], [[b]], [u]), np.array([[b]]), EXCESS)
    assert found[0] == pytest.approx(np.sqrt(EXCESS * (b + (u * b) ** 2)), rel=0.01)


def test_a_flank_without_signal_measures_the_background():
    alone = signal_limits(made([1.0], [[100.0]], [0.5]), np.array([[100.0]]), EXCESS)
    counts = np.array([[100.0, 1e5]])
    flanked = signal_limits(made([1.0, 0.0], [[100.0, 1e5]], [0.5]), counts, EXCESS)
    known = signal_limits(made([1.0], [[100.0]], [0.0]), np.array([[100.0]]), EXCESS)
    assert flanked[0] == pytest.approx(known[0], rel=0.01)
    assert alone[0] > 2 * flanked[0]


def test_the_median_of_data_sets_is_the_expected_limit():
    whole = expected(replace(KLZ, step=0.1, n_shells=4))
    toys = toy_limits(whole, EXCESS, 600, generator=np.random.default_rng(1))
    # The median of 600 with a spread of 0.5 in the logarithm has an error of 0.026: four of it.
    assert np.log(np.median(toys)) == pytest.approx(
        np.log(expected_limit(whole, EXCESS)), abs=0.104
    )


def test_signals_are_found_without_bias_and_with_their_errors():
    whole = expected(replace(KLZ, step=0.1, n_shells=4))
    generator = np.random.default_rng(2)
    truth = 2.0
    rates = np.exp(whole.uncertainty * generator.normal(size=(400, len(whole.names))))
    mean = truth * whole.signal + rates @ whole.backgrounds
    fitted = Likelihood(whole).fitted(generator.poisson(mean).astype(float))
    pulls = (fitted.signal - truth) / fitted.error
    # 400 pulls: errors 0.05 of the mean and 0.035 of the width, four of each.
    assert abs(pulls.mean()) < 0.2
    assert pulls.std() == pytest.approx(1.0, abs=0.14)


def test_a_fit_is_a_minimum():
    whole = expected(replace(KLZ, step=0.1, n_shells=4))
    generator = np.random.default_rng(3)
    counts = generator.poisson(1.3 * whole.backgrounds.sum(axis=0), (5, len(whole.signal)))
    likelihood = Likelihood(whole)
    best = likelihood.fitted(counts.astype(float))
    for shift in (-0.1, 0.1):
        moved = np.maximum(best.signal + shift, 0.0)
        other = likelihood.fitted(counts.astype(float), moved)
        assert (other.deviance >= best.deviance - 1e-6).all()
    again = likelihood.fitted(counts.astype(float), best.signal)
    np.testing.assert_allclose(again.deviance, best.deviance, atol=1e-6)
    np.testing.assert_allclose(again.rates, best.rates, atol=1e-3)


def test_the_same_seed_gives_the_same_data():
    whole = expected(replace(KLZ, step=0.1, n_shells=4))
    first, second, other = (
        toy_limits(whole, EXCESS, 20, generator=np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert (first == second).all()
    assert (first != other).any()


def test_bins_only_help():
    limits = [
        limit(replace(KLZ, step=step, n_shells=n)) for step, n in ((0.6, 1), (0.1, 5), (0.025, 20))
    ]
    assert limits[0] < limits[1] < limits[2]


def test_the_published_sensitivity_is_met_within_what_is_known():
    # KamLAND-Zen 800 by itself: a median of 1.3e26 years as remembered, by toy data of its own
    # background and a fit with more of it than is here. 15 % is the width of what is assumed.
    assert limit(KLZ) == pytest.approx(1.3e26, rel=0.15)


@pytest.mark.parametrize(
    ("observed", "background", "upper"),
    [
        (0, 0.0, 2.44),
        (0, 1.0, 1.61),
        (3, 0.0, 7.42),
        (3, 3.0, 4.42),
        (5, 2.0, 7.99),
        (10, 0.0, 16.50),
        (10, 3.0, 13.50),
    ],
)
def test_unified_limits_are_those_of_the_published_table(observed, background, upper):
    assert unified_limits(background, observed)[observed] == pytest.approx(upper, abs=0.02)


@pytest.mark.parametrize(("background", "mean"), [(0.0, 2.44), (1.0, 3.28), (3.0, 4.42)])
def test_unified_sensitivities_are_those_of_the_published_table(background, mean):
    assert unified_sensitivity(background) == pytest.approx(mean, abs=0.03)


def test_classical_limits_are_known_ones():
    assert classical_limit(0, 0.0) == pytest.approx(-np.log(0.1))
    assert classical_limit(3, 0.0) == pytest.approx(6.68, abs=0.005)
    assert classical_limit(0, 5.0) == 0.0


def test_the_best_cut_is_the_best_of_all():
    accepted = np.linspace(0.0, 1.0, 101)
    curve = CutCurve(("long-lived",), accepted, 1.0 - accepted**3)
    coarse = replace(KLZ, step=0.15, n_shells=4)
    scan = scan_cuts(coarse, curve)
    assert scan.half_lives[scan.best] == max(scan.half_lives) > scan.none
    assert 0.3 < scan.cuts[scan.best].accepted < 1.0
    useless = scan_cuts(coarse, CutCurve(("long-lived",), accepted, 1.0 - accepted))
    assert useless.cuts[useless.best].accepted == 1.0
    assert max(useless.half_lives) == pytest.approx(useless.none)


def test_less_film_background_opens_more_of_the_balloon():
    plain, *_, clean = scan_radius(replace(KLZ, step=0.1, n_shells=10))
    assert clean.half_lives[-1] > plain.half_lives[-1] * 1.05
    assert (np.diff(clean.half_lives) > 0).all()
    # Without shells there is a best volume, which leaves the film out unless its events are gone.
    assert int(np.argmax(plain.volumes)) < len(plain.radii) - 1
    assert int(np.argmax(clean.volumes)) == len(clean.radii) - 1
    assert (np.array(plain.half_lives) >= np.array(plain.volumes) - 1e20).all()
    assert clean.half_lives[0] == pytest.approx(plain.half_lives[0], rel=0.01)


def test_more_of_any_background_is_worse_and_less_is_better():
    rows = variations(replace(KLZ, step=0.1, n_shells=5))
    for row in rows:
        if row.change in ("events × 2", "events ÷ 2"):
            assert (row.ratio < 1) == (row.change == "events × 2") or abs(row.ratio - 1) < 1e-3
    assert rows[0].name == "livetime"


def test_a_signal_outside_the_bins_has_no_limit():
    blind = made([0.0, 0.0], [[1.0, 2.0]], [0.1])
    with pytest.raises(ConfigurationError, match="bins that hold signal"):
        signal_limits(blind, np.array([[1.0, 2.0]]), EXCESS)
