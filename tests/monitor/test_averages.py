"""Averages over runs: honest errors, the population asked once, lineage and storage."""

from dataclasses import replace

import numpy as np
import pytest

from kzcal.conditions.payload import Column, GlobalBlock, Lineage, Payload
from kzcal.errors import DatabaseError
from kzcal.monitor.applying import apply, as_fitted, averaged, averaged_fit
from kzcal.monitor.averages import average, majority, pooled, weighted_together
from kzcal.monitor.series import Series

N_PMT = 1500
KIND = (np.arange(N_PMT) % 3 == 0).astype(int)
STILL = {0: 0.0, 1: 0.0}


def runs_of(seed, n_runs, *, spread=0.05, error=0.1, shared=0.0):
    """Truth, and estimates of every run from the hits alone."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(1.0, spread, N_PMT)
    sigma = error * rng.uniform(0.8, 1.3, (N_PMT, 1)) * np.ones((1, n_runs))
    together = shared * rng.normal(size=(2, n_runs))[KIND]
    value = truth[:, None] + sigma * rng.normal(size=sigma.shape) + together
    return truth, Series("gain", "1", value, sigma)


def drawn_in(series, spread):
    """What each run states: its own estimates with the population as prior."""
    variance = 1 / (1 / series.error**2 + 1 / spread**2)
    value = variance * (series.value / series.error**2 + 1.0 / spread**2)
    return Series("gain", "1", value, np.sqrt(variance))


def width(pull):
    return float(np.std(pull)), 1 / np.sqrt(2 * len(pull))


def test_pulls_of_pooled_averages_have_width_one():
    """Mean zero and width one within four errors, where the population weighs as much as hits."""
    truth, series = runs_of(1, 6)
    alone = average(series, np.ones(series.value.shape, bool), KIND, STILL)
    found = pooled(alone, KIND, np.ones(N_PMT, bool), STILL)
    pull = (found.value - truth) / found.error
    measured, error = width(pull)
    assert measured == pytest.approx(1.0, abs=4 * error)
    assert abs(pull.mean()) < 4 / np.sqrt(N_PMT)
    assert np.median(found.error) < 0.9 * np.median(alone.error)


def test_averaging_what_a_population_drew_in_would_be_wrong():
    truth, series = runs_of(1, 6)
    stated = drawn_in(series, 0.05)
    naive = average(stated, np.ones(series.value.shape, bool), KIND, STILL)
    measured, error = width((naive.value - truth) / naive.error)
    assert measured > 1.0 + 8 * error


def test_one_run_is_what_the_run_states():
    _, series = runs_of(2, 1, error=0.03)
    alone = average(series, np.ones(series.value.shape, bool), KIND, STILL)
    found = pooled(alone, KIND, np.ones(N_PMT, bool), STILL)
    stated = drawn_in(series, 0.05)
    assert np.allclose(found.value, stated.value[:, 0], atol=0.01)
    assert np.allclose(found.error, stated.error[:, 0], rtol=0.1)


def test_what_all_do_together_is_in_the_error():
    """Twelve runs with a common scatter of 0.03: it does not average out over PMTs."""
    misses = []
    for seed in range(40):
        truth, series = runs_of(seed, 12, error=0.02, shared=0.03)
        found = average(series, np.ones(series.value.shape, bool), KIND, {0: 0.03, 1: 0.03})
        misses.append(((found.value - truth) / found.error)[0])
    assert np.std(misses) == pytest.approx(1.0, abs=4 / np.sqrt(80))


def test_a_pmt_that_scatters_has_a_larger_error():
    _, series = runs_of(3, 8)
    value = series.value.copy()
    value[7, ::2] += 3.0
    everywhere = np.ones(value.shape, bool)
    before = average(series, everywhere, KIND, STILL)
    after = average(Series("gain", "1", value, series.error), everywhere, KIND, STILL)
    assert after.error[7] > 5 * before.error[7]
    others = np.arange(N_PMT) != 7
    assert np.array_equal(after.error[others], before.error[others])


def test_counts_average_to_all_counts_over_all_exposure():
    counts, exposure = np.array([[3.0, 12.0, 6.0]]), np.array([[1.0, 4.0, 1.0]])
    series = Series("dark_rate", "Hz", counts / exposure, np.sqrt(counts) / exposure, counted=True)
    found = average(series, np.ones((1, 3), bool), np.zeros(1, int), STILL)
    assert found.value[0] == pytest.approx(21 / 6)
    assert found.error[0] == pytest.approx(np.sqrt(21) / 6)


def test_only_chosen_runs_count():
    _, series = runs_of(4, 5)
    chosen = np.zeros(series.value.shape, bool)
    chosen[:, 2] = True
    chosen[0] = False
    found = average(series, chosen, KIND, STILL)
    assert np.isnan(found.value[0])
    assert np.allclose(found.value[1:], series.value[1:, 2])
    assert found.runs[0] == 0


def test_the_status_of_most_runs_holds_and_of_two_the_latest():
    status = np.array([["good", "good", "dead"], ["good", "dead", "hot"], ["dead", "hot", "hot"]])
    assert majority(status).tolist() == ["good", "hot", "hot"]
    assert majority(np.array([["good", "dead"]])).tolist() == ["dead"]


def test_parameters_are_averaged_with_their_covariances():
    rng = np.random.default_rng(5)
    covariance = np.array([[4.0, 1.5e-3], [1.5e-3, 1e-6]])
    values = rng.multivariate_normal([10.0, 0.1], covariance, size=9)
    mean, found = weighted_together(list(values), [covariance] * 9)
    assert np.allclose(mean, values.mean(0), rtol=1e-6)
    assert np.allclose(found, covariance / 9, rtol=1e-6)


def test_a_run_that_ended_at_an_end_of_a_range_does_not_decide():
    values = [np.array([0.030, 1.0])] * 11 + [np.array([0.0, 1.0])]
    whole, ended = np.diag([0.003**2, 0.01**2]), np.diag([0.0, 0.01**2])
    mean, found = weighted_together(values, [whole] * 11 + [ended])
    assert mean == pytest.approx([0.030, 1.0])
    assert np.sqrt(np.diag(found)) == pytest.approx([0.003 / 11**0.5, 0.01 / 12**0.5], rel=1e-6)


def test_a_parameter_that_no_run_measured_stays_fixed():
    values, covariance = [np.array([0.7, 1.0])] * 3, np.diag([0.0, 0.01])
    mean, found = weighted_together(values, [covariance] * 3)
    assert mean == pytest.approx([0.7, 1.0])
    assert found[0, 0] == 0.0


def test_what_was_known_before_counts_once():
    """One parameter is known from its prior alone, the other measured by every run."""
    prior = np.array([[1.0, 0.03**-2], [0.0, 0.0]])
    rng = np.random.default_rng(5)
    runs = [np.array([1.0, rng.normal(2.0, 0.1)]) for _ in range(12)]
    covariance = np.diag([0.03**2, 0.1**2])
    mean, found = weighted_together(runs, [covariance] * 12, [prior] * 12)
    assert mean == pytest.approx([1.0, np.mean(runs, axis=0)[1]])
    assert np.sqrt(np.diag(found)) == pytest.approx([0.03, 0.1 / 12**0.5], rel=1e-5)


def test_averages_are_stored_between_change_points(changed_runs, changed, detector):
    db = changed_runs.db
    stored = apply(db, changed, detector, "stable")
    assert stored.written
    before = db.lookup("stable", "pmt-response", 15001)
    after = db.lookup("stable", "pmt-response", 15010)
    assert len(db.iovs("stable", "pmt-response")) == len(changed.intervals) == 2
    ratio = after.columns["gain"].values[3] / before.columns["gain"].values[3]
    assert ratio == pytest.approx(1.2, rel=0.03)
    assert before.columns["status"].values[600] == "dead"
    assert after.columns["status"].values[600] == "good"
    assert after.columns["status"].values[42] == "dead"
    used = [iov.payload for iov in db.iovs("prompt", "pmt-response")][:5]
    assert [file.sha256 for file in before.lineage.inputs] == used
    one = db.lookup("prompt", "pmt-response", 15001)
    ratio = before.columns["qe"].errors / one.columns["qe"].errors
    assert np.nanmedian(ratio) == pytest.approx(5**-0.5, rel=0.05)
    assert isinstance(before.globals, GlobalBlock)
    assert np.all(before.globals.errors < one.globals.errors)


def test_global_fits_are_averaged_with_their_slopes(changed, detector):
    names, units, docs = ("light_yield", "fixed"), ("1", "1"), ("light", "not fitted")
    iovs = changed.record.iovs[:5]
    fits = [
        Payload(
            "global-fit",
            {"tts_by_t0_resolution": Column(np.full(detector.n_pmt, float(k)), "1", "slope")},
            GlobalBlock(names, np.array([1 + 0.01 * k, 3.0]), units, np.diag([1e-4, 0.0]), docs),
            Lineage(),
        )
        for k in range(5)
    ]
    found = averaged_fit(fits, iovs, changed, changed.intervals[0])
    assert found.globals.values == pytest.approx([1.02, 3.0])
    assert found.globals.errors == pytest.approx([0.01 / np.sqrt(5), 0.0])
    assert np.allclose(found.columns["tts_by_t0_resolution"].values, 2.0)
    assert [file.sha256 for file in found.lineage.inputs] == [iov.payload for iov in iovs]
    other = replace(fits[0], globals=None)
    assert averaged_fit([*fits[1:], other], iovs, changed, changed.intervals[0]) is None


def test_a_slope_that_a_run_does_not_state_is_zero(changed):
    block = GlobalBlock(("tts_mean_17",), np.ones(1), ("ns",), np.eye(1), ("",))
    old, new = "tts_by_t0_resolution", "tts_by_tts_mean_17"
    fits = [
        Payload("global-fit", {name: Column(np.full(3, value), "1", "slope")}, block, Lineage())
        for name, value in ((old, -0.4), (old, -0.4), (new, 1.0), (new, 1.0))
    ]
    found = averaged_fit(fits, changed.record.iovs[:4], changed, changed.intervals[0]).columns
    assert found[old].values == pytest.approx([-0.2] * 3)
    assert found[new].values == pytest.approx([0.5] * 3)


def test_parameters_that_came_from_fits_are_those_of_the_averaged_fit(changed, detector):
    """The mean spread is known from a prior alone: twelve runs know it no better than one."""
    prior = Column(np.array([[1.3, 0.03**-2]]), "1", "")
    rng = np.random.default_rng(8)
    iovs, parts, fits = changed.record.iovs[:5], [], []
    for _ in iovs:
        walk = rng.normal(0.5, 0.05)
        own = np.array([[0.03**2, 1e-4], [1e-4, 0.05**2]])
        names, units, docs = ("tts_mean_17", "time_walk"), ("ns", "ns"), ("", "")
        parts.append(GlobalBlock(names, np.array([1.3, walk]), units, own, docs))
        mean = GlobalBlock(names[:1], np.array([1.3]), units[:1], own[:1, :1], docs[:1])
        fits.append(Payload("global-fit", {"prior": prior}, mean, Lineage()))
    parts = [Payload("pmt-response", {}, block, Lineage()) for block in parts]
    fit = averaged_fit(fits, iovs, changed, changed.intervals[0])
    own = np.diag([0.03**2 / 5, 0.05**2 / 5])
    averages = replace(parts[0], globals=replace(parts[0].globals, covariance=own))
    found = as_fitted(averages, fit, parts, fits).globals
    assert found.values == pytest.approx([1.3, parts[0].globals.values[1]])
    assert found.errors == pytest.approx([0.03, 0.05 / 5**0.5], rel=1e-5)
    assert found.covariance[0, 1] == 0.0
    other = [replace(p, globals=replace(p.globals, values=np.array([1.25, 0.5]))) for p in parts]
    kept = as_fitted(averages, fit, other, fits).globals
    assert kept.errors[0] == pytest.approx(0.03 / 5**0.5)


def test_the_same_again_writes_nothing(changed_runs, changed, detector):
    first = apply(changed_runs.db, changed, detector, "again")
    second = apply(changed_runs.db, changed, detector, "again")
    assert first.written
    assert not second.written
    assert first.revision == second.revision


def test_averages_stay_out_of_tags_that_hold_something_else(changed_runs, changed, detector):
    with pytest.raises(DatabaseError, match="a tag of their own, got 'prompt'"):
        apply(changed_runs.db, changed, detector, "prompt")
    other = changed_runs.db.create_tag("mine", "of somebody else").name
    with pytest.raises(DatabaseError, match="that kzcal monitor made"):
        apply(changed_runs.db, changed, detector, other)


def test_a_good_pmt_keeps_constants_that_can_be(changed_runs, changed, detector):
    payloads = [changed_runs.db.payload(iov.payload) for iov in changed.record.iovs]
    payload = averaged(changed, detector, payloads, changed.intervals[0])
    good = payload.columns["status"].values == "good"
    for name in ("qe", "gain", "spe_width", "tts"):
        assert (payload.columns[name].values[good] > 0).all()
        assert (payload.columns[name].errors[good] > 0).all()
