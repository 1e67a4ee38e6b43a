"""The first look: dark rates, rough offsets, and what shifting histograms does."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kzcal.calibrate.survey import DarkCounts, rough_offsets, shifted, survey

N_PMT = 40


def bumps(centres, n_hits, seed=1):
    """Histograms of hits around each centre, in bins of half a nanosecond from -40 ns."""
    rows = torch.full((len(centres), 480), 0.05 / 480, dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    middle = -39.75 + 0.5 * torch.arange(480, dtype=torch.float64)
    after = middle - centres[:, None]
    rows = rows + torch.sigmoid(after / 1.5) * torch.exp(-after.clamp(min=-30) / 12.0) * 0.05
    rows = rows / rows.sum(1, keepdim=True)
    return torch.poisson(n_hits * rows, generator=generator).float()


def test_rough_offsets_are_the_planted_ones():
    """2,000 hits each: 1.2 ns is more than five deviations of a mean time."""
    planted = 18 * torch.rand(N_PMT, generator=torch.Generator().manual_seed(2)) - 9
    planted = planted.double() - planted.double().mean()
    alive = torch.ones(N_PMT, dtype=torch.bool)
    found = rough_offsets(bumps(planted, 2000), alive)
    assert abs(float(found.mean())) < 1e-4
    assert float((found - planted).abs().max()) < 1.2
    assert float((found - planted).std()) < 0.5


def test_dead_tubes_get_no_offset_and_no_say():
    planted = torch.linspace(-8, 8, N_PMT).double()
    histogram, alive = bumps(planted, 2000), torch.arange(N_PMT) % 5 != 0
    histogram[~alive] = 0
    found = rough_offsets(histogram, alive)
    assert found[~alive].tolist() == [0.0] * 8
    expected = planted[alive] - planted[alive].mean()
    assert float((found[alive] - expected).abs().max()) < 1.2


@settings(deadline=None, max_examples=30)
@given(st.floats(-40, 40), st.integers(0, 10_000))
def test_shifting_conserves_counts_and_moves_their_mean(bins, seed):
    generator = torch.Generator().manual_seed(seed)
    counts = torch.zeros(1, 200, dtype=torch.float64)
    counts[0, 80:120] = torch.rand(40, generator=generator, dtype=torch.float64)
    moved = shifted(counts, torch.tensor([bins], dtype=torch.float64))
    assert float(moved.sum()) == pytest.approx(float(counts.sum()))
    position = torch.arange(200, dtype=torch.float64)
    travelled = float(((moved - counts) * position).sum() / counts.sum())
    assert travelled == pytest.approx(bins, abs=1e-6)


def test_shifting_by_whole_bins_moves_them():
    counts = torch.rand(3, 50, generator=torch.Generator().manual_seed(1))
    moved = shifted(counts, torch.tensor([0.0, 4.0, -7.0]))
    torch.testing.assert_close(moved[0], counts[0])
    torch.testing.assert_close(moved[1, 4:], counts[1, :-4])
    torch.testing.assert_close(moved[2, :-7], counts[2, 7:])


def test_a_dark_rate_is_counts_over_time_with_the_error_of_counting():
    dark = DarkCounts(torch.tensor([400.0, 0.0]), 0.01)
    assert dark.rate.tolist() == pytest.approx([40_000, 0])
    assert dark.error.tolist() == pytest.approx([2_000, 100])


@pytest.fixture(scope="module")
def surveyed(thin_run):
    run = thin_run(1000)
    return run, survey(run.stream)


def test_dark_rates_have_pulls_of_width_one(surveyed):
    """269 pulls: mean within 4 errors and width within 3.3 errors of one, 1e-3 in all."""
    run, found = surveyed
    pull = (found.dark.rate - run.dark_rate) / found.dark.error
    assert abs(float(pull.mean())) < 4 / math.sqrt(269)
    assert abs(float(pull.std()) - 1) < 3.3 / math.sqrt(538)


def test_rough_offsets_of_a_run_are_near_the_true_ones(surveyed):
    run, found = surveyed
    true = run.time_offset - run.time_offset.mean()
    assert float((found.offset - true).std()) < 0.6
    assert found.n_events == 1000


def test_hits_are_those_in_the_light_window_of_used_events(surveyed):
    run, found = surveyed
    batch = next(iter(run.stream.batches()))
    inside = batch.used & (batch.residual >= -20) & (batch.residual < 200)
    assert torch.equal(
        found.n_hits, torch.bincount(batch.pmt[inside], minlength=len(run.efficiency)).float()
    )
