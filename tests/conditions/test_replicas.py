"""Replicas have the covariance that payloads state, and describe a detector that can be."""

from dataclasses import replace

import numpy as np
import pytest

from kzcal.conditions.payload import Column, GlobalBlock, Lineage, Payload
from kzcal.conditions.quantities import GLOBAL_FIT, QUANTITIES, RESPONSE, check_kind
from kzcal.conditions.replicas import correlation_name, draw_replica, replicas
from kzcal.errors import DatabaseError
from kzcal.geometry import load_detector
from kzcal.testing.payloads import example_calibration

N = 2000
ERRORS = {"qe": 0.01, "gain": 0.02, "spe_width": 0.03, "time_offset": 0.1, "tts": 0.2}
VALUES = {"qe": 1.1, "gain": 0.9, "spe_width": 0.4, "time_offset": -0.5, "tts": 1.3}
ABSORPTION = np.array([[0.03**2, 0.5 * 0.03 * 0.06], [0.5 * 0.03 * 0.06, 0.06**2]])


def block(names: tuple[str, ...], values, covariance) -> GlobalBlock:
    n = len(names)
    return GlobalBlock(names, np.array(values, float), ("1",) * n, np.array(covariance), ("",) * n)


def response(n_pmt: int = 3, **more: Column) -> Payload:
    """A few equal PMTs, the last of them dead."""
    status = np.array(["good"] * (n_pmt - 1) + ["dead"])
    columns = {"status": Column(status, "", "")}
    for quantity in QUANTITIES:
        value = VALUES.get(quantity.name, 25e3)
        values = np.full(n_pmt, value)
        errors = np.full(n_pmt, ERRORS.get(quantity.name, 2e3))
        values[-1] = errors[-1] = np.nan
        columns[quantity.name] = Column(values, quantity.unit, quantity.doc, errors)
    shared = block(("decay_time_scale", "time_walk"), [1.0, 0.5], np.diag([0.01**2, 0.05**2]))
    return Payload(RESPONSE, {**columns, **more}, shared, Lineage(seed=3))


def global_fit(n_pmt: int = 3, **more: Column) -> Payload:
    slopes = {"qe_by_absorption_scale": Column(np.full(n_pmt, 0.7), "1", "")}
    shared = block(("absorption_scale", "scattering_scale"), [0.95, 1.1], ABSORPTION)
    return Payload(GLOBAL_FIT, {**slopes, **more}, shared, Lineage())


def first(*payloads: Payload, n: int = N) -> list[tuple[Payload, ...]]:
    """The first replicas of a set."""
    return list(replicas(payloads, range(n), seed=7))


@pytest.fixture(scope="module")
def drawn() -> list[tuple[Payload, ...]]:
    """Many replicas of a response with a correlation, and of a global fit."""
    correlation = Column(np.full(3, -0.6), "1", "")
    name = correlation_name("gain", "spe_width")
    return first(response(**{name: correlation}), global_fit())


def test_the_globals_have_their_covariance(drawn):
    values = np.array([fit.globals.values for _, fit in drawn])
    sigma = np.sqrt(np.diag(ABSORPTION))
    assert np.all(np.abs(values.mean(0) - [0.95, 1.1]) < 4 * sigma / N**0.5)
    # Relative error of a variance of N Gaussian numbers: sqrt(2 / N); four of them.
    tolerance = 4 * (2 / N) ** 0.5 * np.outer(sigma, sigma)
    assert np.all(np.abs(np.cov(values.T) - ABSORPTION) < tolerance)


def test_the_constants_have_their_errors_and_correlation(drawn):
    names = ("gain", "spe_width", "time_offset", "tts")
    values = np.array([[r.columns[n].values[0] for n in names] for r, _ in drawn])
    sigma = np.array([ERRORS[n] for n in names])
    wanted = np.diag(sigma**2)
    wanted[0, 1] = wanted[1, 0] = -0.6 * sigma[0] * sigma[1]
    assert np.all(np.abs(values.mean(0) - [VALUES[n] for n in names]) < 4 * sigma / N**0.5)
    tolerance = 4 * (2 / N) ** 0.5 * np.outer(sigma, sigma)
    assert np.all(np.abs(np.cov(values.T) - wanted) < tolerance)


def test_efficiencies_follow_the_absorption_length_together(drawn):
    left, right = np.array([r.columns["qe"].values[:2] for r, _ in drawn]).T
    absorption = np.array([fit.globals.values[0] for _, fit in drawn])
    common = 0.7 * 0.03
    total = (common**2 + ERRORS["qe"] ** 2) ** 0.5
    assert left.std() == pytest.approx(total, rel=4 * (1 / (2 * N)) ** 0.5)
    expected = common**2 / total**2
    assert np.corrcoef(left, right)[0, 1] == pytest.approx(expected, abs=4 / N**0.5)
    slope = np.polyfit(absorption - 0.95, left, 1)[0]
    assert slope == pytest.approx(0.7, abs=4 * ERRORS["qe"] / (0.03 * N**0.5))


def test_without_own_errors_the_constants_move_by_the_slope_times_the_shift():
    exact = response()
    columns = dict(exact.columns)
    for quantity in QUANTITIES:
        column = columns[quantity.name]
        columns[quantity.name] = replace(column, errors=column.errors * 0)
    for r, fit in first(replace(exact, columns=columns), global_fit(), n=50):
        shift = fit.globals.values[0] - 0.95
        moved = r.columns["qe"].values[0] - VALUES["qe"]
        assert moved == pytest.approx(0.7 * shift, abs=0.7 * shift**2 + 1e-3)
        assert r.columns["gain"].values[0] == VALUES["gain"]


def test_dead_pmts_stay_dead_and_errors_stay(drawn):
    before = response()
    for r, _ in drawn[:20]:
        assert r.columns["status"].values.tolist() == ["good", "good", "dead"]
        for quantity in QUANTITIES:
            column = r.columns[quantity.name]
            assert np.isnan(column.values[2])
            assert np.array_equal(
                column.errors, before.columns[quantity.name].errors, equal_nan=True
            )


def test_badly_known_constants_stay_physical():
    poor = response()
    columns = dict(poor.columns)
    for name in ("tts", "dark_rate", "gain", "spe_width"):
        column = columns[name]
        columns[name] = replace(column, errors=1.5 * column.values)
    for (r,) in first(replace(poor, columns=columns), n=200):
        check_kind(r, "test")
    shares = block(("late_fraction", "sheet_reflectivity"), [0.03, 0.6], np.diag([0.04, 0.5]))
    values = [draw.globals.values for (draw,) in first(replace(poor, globals=shares), n=200)]
    assert np.min(values) > 0
    assert np.max(values) <= 1


def test_a_walk_may_change_its_sign():
    shared = block(("time_walk",), [0.1], [[0.2**2]])
    drawn = first(replace(response(), globals=shared), n=200)
    values = [r.globals.values[0] for (r,) in drawn]
    assert 0.2 < np.mean(np.array(values) < 0) < 0.42


def test_a_parameter_of_two_payloads_is_one_parameter():
    names = ("time_walk", "absorption_scale")
    fit = Payload(GLOBAL_FIT, {}, block(names, [0.52, 1], np.diag([4e-4, 1e-3])), Lineage())
    both = block(("time_walk", "tts_mean_17"), [0.5, 1.3], [[25e-4, 8e-4], [8e-4, 4e-4]])
    drawn = first(replace(response(), globals=both), fit)
    walk, tts = np.array([r.globals.values for r, _ in drawn]).T
    best = np.array([f.globals.values[0] for _, f in drawn])
    assert np.allclose((walk - 0.5) / 0.05, (best - 0.52) / 0.02, atol=1e-9)
    assert np.corrcoef(walk, tts)[0, 1] == pytest.approx(0.8, abs=4 * 0.36 / N**0.5)
    assert tts.std() == pytest.approx(0.02, rel=4 * (1 / (2 * N)) ** 0.5)


def test_a_parameter_that_a_fit_held_fixed_scatters_by_its_own_error():
    fit = Payload(GLOBAL_FIT, {}, block(("time_walk",), [0.5], [[0.0]]), Lineage())
    values = [r.globals.values[1] for r, _ in first(response(), fit, n=200)]
    assert np.std(values) == pytest.approx(0.05, rel=4 * (1 / 400) ** 0.5)


def test_the_same_seed_gives_the_same_replica_whatever_was_drawn_before():
    payloads = response(), global_fit()
    (one,), many = replicas(payloads, [3], seed=7), first(*payloads, n=5)
    (other,) = replicas(payloads, [3], seed=8)
    for a, b, c in zip(one, many[3], other, strict=True):
        assert np.array_equal(a.globals.values, b.globals.values)
        assert not np.array_equal(a.globals.values, c.globals.values)
    for name in ("qe", "dark_rate"):
        values = [r.columns[name].values[0] for r in (one[0], many[3][0], other[0], many[2][0])]
        assert values[0] == values[1]
        assert len(set(values)) == 3


def test_the_lineage_names_what_a_replica_was_drawn_from():
    (drawn,) = replicas((response(), global_fit()), [3], seed=7)
    for payload in drawn:
        assert [file.name for file in payload.lineage.inputs] == [RESPONSE, GLOBAL_FIT]
        assert payload.lineage.configuration["replica"] == 3
        assert payload.lineage.seed == 7


def test_slopes_by_an_unknown_parameter_are_refused():
    wrong = global_fit(gain_by_colour=Column(np.ones(3), "1", ""))
    with pytest.raises(DatabaseError, match=r"gain_by_colour.*global-fit"):
        draw_replica((response(), wrong), generator=np.random.default_rng(1))


def test_a_whole_detector_scatters_by_what_it_states():
    detector = load_detector()
    calibration = example_calibration(detector)
    (drawn,) = draw_replica((calibration,), generator=np.random.default_rng(5))
    check_kind(drawn, "test")
    for quantity in QUANTITIES:
        before, after = calibration.columns[quantity.name], drawn.columns[quantity.name]
        known = np.isfinite(before.values)
        pull = ((after.values - before.values) / before.errors)[known]
        assert abs(pull.mean()) < 4 / len(pull) ** 0.5
        # Log-normal numbers of 5 % error have tails: a little more than sqrt(1 / 2N), four times.
        assert pull.std() == pytest.approx(1, abs=0.08)


def test_spreads_follow_their_mean_once_though_two_payloads_have_it():
    """A mean in the fit and in the response is one parameter; spreads move with it, once."""
    shared = block(("tts_mean_17",), [1.3], [[0.03**2]])
    slope = Column(np.array([1.0, 0.0, 0.0]), "1", "")
    calibrated = replace(response(), globals=shared)
    calibrated.columns["tts"].errors[:2] = 0.01
    fit = Payload(GLOBAL_FIT, {"tts_by_tts_mean_17": slope}, shared, Lineage())
    found = first(calibrated, fit)
    means = np.array([[p.globals.named["tts_mean_17"] for p in pair] for pair in found])
    spreads = np.array([pair[0].columns["tts"].values[:2] for pair in found])
    assert np.allclose(means[:, 0], means[:, 1])
    slack = 4 / np.sqrt(2 * N)
    assert means[:, 0].std() == pytest.approx(0.03, rel=slack)
    assert spreads.std(0) == pytest.approx([np.hypot(0.01, 0.03), 0.01], rel=slack)
    slopes = np.cov(spreads.T, means[:, 0])[:2, 2] / means[:, 0].var()
    assert slopes == pytest.approx([1.0, 0.0], abs=4 * 0.01 / 0.03 / np.sqrt(N))
