"""The sharing out of light: what is conserved, what does not matter, and true values found."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from occupancy_toys import TRUTH_IN_THE_MIDDLE, TRUTHS, ball, fitted, free_parameters, term_of
from scipy import stats
from traced_run import lit_run, run_at

from kzcal.fit.light.lost import LostByTime
from kzcal.fit.light.occupancy import N_ANGLES, N_SHELLS, N_TYPES, SHELLS, OccupancyCounts, bin_of
from kzcal.fit.objective import FitObjective
from kzcal.fit.terms import deviance
from kzcal.optics.acceptance import sightline

SHAPE = N_SHELLS, N_TYPES, N_ANGLES


@pytest.fixture(scope="module")
def run():
    return lit_run(ball(300), 2000, 11, efficiency_20=0.9)


@pytest.fixture(scope="module")
def term(run):
    return term_of(run, 4000)


def scalars(**values):
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()}


def test_every_hit_of_the_window_counts_once(run, term):
    hits = sum(len(batch.pmt) for batch in run.stream.batches())
    late = sum(int((batch.residual >= 200).sum()) for batch in run.stream.batches())
    assert int(term.counts.sum()) == hits - late
    assert late < 1e-3 * hits


def test_every_shell_expects_the_hits_it_has(term):
    for values in ({}, scalars(absorption_scale=1.3, efficiency_20=0.7, angular_slope=0.1)):
        mean = term.expected(values).mean.reshape(SHAPE).sum((1, 2))
        torch.testing.assert_close(mean, term.counts.reshape(SHAPE).sum((1, 2)))


def test_the_amount_of_light_does_not_matter(run, term):
    shells = torch.bucketize(run.stream.events.vertex.norm(dim=1), torch.tensor(SHELLS))
    light = replace(run.result.light, light=1.0 + shells.float())
    result = type(run.result)(**{**vars(run.result), "light": light})
    brighter = replace(run, result=result)
    other = term_of(brighter, 4000)
    mean, brighter_mean = (t.expected({}).mean for t in (term, other))
    variance = term.expected({}).variance + other.expected({}).variance
    pull = (brighter_mean / mean - 1) / variance.sqrt()
    kept = mean > 20
    assert float((pull[kept] ** 2).mean()) < 1.5


def test_the_expectation_of_its_own_light_fits(term):
    expected = term.expected(scalars(efficiency_20=0.9))
    total = float(deviance(term.counts, expected).sum())
    # 336 bins less a norm of each shell; a false alarm in 100,000.
    assert total < stats.chi2.isf(1e-5, 336 - N_SHELLS)
    wrong = term.expected(scalars(efficiency_20=1.0))
    assert float(deviance(term.counts, wrong).sum()) > total + 100


def test_the_efficiency_of_20_inch_tubes_scales_their_hits_alone(term):
    before, after = (
        term.expected(scalars(efficiency_20=e)).mean.reshape(SHAPE) for e in (1.0, 0.5)
    )
    ratio = (after / before).sum(2) / N_ANGLES
    torch.testing.assert_close(ratio[:, 1] / ratio[:, 0], torch.full_like(ratio[:, 0], 0.5))


def test_the_bins_are_those_of_the_angle_at_the_centre():
    run = run_at(ball(7))
    detector, vertex = run.stream.detector, run.stream.events.vertex
    view = sightline(vertex, detector.direction, detector.radius)
    index = bin_of(run, torch.arange(7)[:, None], torch.arange(detector.n_pmt), view)
    cosine = (vertex / vertex.norm(dim=1, keepdim=True)) @ detector.direction.T
    angle = ((cosine + 1) * N_ANGLES / 2).long().clamp(max=N_ANGLES - 1)
    agree = (index % N_ANGLES == angle).double().mean()
    assert float(agree) > 0.999
    torch.testing.assert_close(
        (index // N_ANGLES) % N_TYPES, detector.kind.expand(7, -1), rtol=0, atol=0
    )


def test_dark_hits_are_expected_in_proportion_to_pmts():
    rate, n = 20_000.0, 100
    run = run_at(ball(n), dark_rate=rate)
    term = term_of(run, 500)
    assert float(term.dark.sum()) == pytest.approx(n * run.detector.n_pmt * rate * 220e-9)


def test_events_and_pmts_that_take_no_part_are_left_out(run):
    few = replace(run, weight=torch.where(torch.arange(len(run.weight)) < 900, run.weight, 0.0))
    counts = OccupancyCounts.of(few, {"a": np.arange(0, 50), "b": np.arange(100, 110)})
    for batch in run.stream.batches():
        counts.add(batch, LostByTime(few).behind(batch))
    wanted = 0
    for batch in run.stream.batches():
        row = batch.event + batch.rows.start
        inside = (row < 50) | ((row >= 100) & (row < 110))
        wanted += int((inside & (batch.pmt < 900) & (batch.residual < 200)).sum())
    assert int(counts.hits.sum()) == wanted


def test_a_term_survives_a_pickle_and_has_finite_slopes(term):
    again = pickle.loads(pickle.dumps(term))
    values = scalars(**TRUTH_IN_THE_MIDDLE)
    torch.testing.assert_close(again.expected(values).mean, term.expected(values).mean)
    parameters = free_parameters()
    first, second = FitObjective((term,), parameters).slopes([p.start for p in parameters])
    assert np.isfinite(first).all()
    assert (np.diag(second) > 0).all()


@pytest.mark.slow
def test_true_values_are_found_within_their_errors():
    rng, total, n = np.random.default_rng(5), 0.0, 4
    for k in range(n):
        truth = {name: rng.uniform(*ends) for name, ends in TRUTHS.items()}
        found = fitted(lit_run(ball(500, seed=k), 3000, k, **truth), 9000, 10 * k)
        off = found.values - np.array(list(truth.values()))
        total += off @ np.linalg.solve(found.covariance, off)
    low, high = stats.chi2.ppf([1e-4, 1 - 1e-4], n * len(TRUTHS))
    assert low < total < high
