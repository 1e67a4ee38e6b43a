"""When photoelectrons are reported: transforms, merging, smearing."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from kzcal.response.timing import (
    ALPHA_PROFILE,
    ELECTRON_PROFILE,
    angular_frequencies,
    bin_contents,
    delay,
    even_delay,
    exponential,
    gaussian,
    photoelectrons_ahead,
    reported,
    scintillation,
    smeared,
)

N, STEP, MERGING = 2048, 0.5, 24
OMEGA = angular_frequencies(N, STEP, torch.device("cpu"))


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def late_normal(shift, tau, sigma, n_bins=N):
    """Bin contents of an exponential behind a Gaussian."""
    transform = exponential(OMEGA, tau) * gaussian(OMEGA, tensor(sigma**2))
    return bin_contents(transform * delay(OMEGA, tensor(shift)), OMEGA, STEP, n_bins)[0]


@pytest.mark.parametrize(("tau", "sigma"), [(6.9, 1.3), (8.8, 2.5), (36.0, 1.0), (1.5, 0.7)])
def test_transforms_invert_to_an_exponential_behind_a_gaussian(tau, sigma):
    edges = np.arange(N + 1) * STEP
    exact = np.diff(stats.exponnorm(tau / sigma, loc=20.0, scale=sigma).cdf(edges))
    assert np.abs(late_normal(20.0, tau, sigma).numpy() - exact).max() < 1e-6


def test_a_bare_exponential_is_right_but_for_ringing_at_its_onset():
    transform = exponential(OMEGA, 7.0) * delay(OMEGA, tensor(20.0))
    content = bin_contents(transform, OMEGA, STEP, N)[0].numpy()
    exact = np.diff(1 - np.exp(-np.clip(np.arange(N + 1) * STEP - 20.0, 0, None) / 7.0))
    assert np.abs(content - exact)[60:].max() < 1e-3
    assert np.abs(content.cumsum() - exact.cumsum()).max() < exact.max() / 2


@pytest.mark.parametrize("profile", [ELECTRON_PROFILE, ALPHA_PROFILE])
def test_a_scintillation_profile_has_unit_sum_its_mean_and_its_scale(profile):
    weights, times = np.array(profile).T
    omega = tensor(0.0, 1e-5)
    transform = scintillation(omega, profile)
    assert complex(transform[0]) == pytest.approx(1)
    mean = float(-transform[1].imag / omega[1])
    assert mean == pytest.approx((weights * times).sum() / weights.sum(), rel=1e-4)
    longer = scintillation(OMEGA, profile, 1.3)
    torch.testing.assert_close(longer, scintillation(1.3 * OMEGA, profile))


def test_a_delay_moves_bins_and_nothing_else():
    early, late = late_normal(20.0, 7.0, 1.3), late_normal(20.0 + 6 * STEP, 7.0, 1.3)
    torch.testing.assert_close(late[6:], early[:-6], rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_delays_of_a_range_are_spread_evenly_over_it(dtype):
    delays = torch.tensor([[20.0, 60.0], [30.0, 30.0]], dtype=torch.float64)
    transform = even_delay(OMEGA.to(dtype), delays) * gaussian(OMEGA, tensor(2.0**2))
    content = bin_contents(transform, OMEGA, STEP, N).numpy()
    middle = (np.arange(N) + 0.5) * STEP
    box = (stats.norm.cdf((middle - 20) / 2) - stats.norm.cdf((middle - 60) / 2)) / 40
    peak = stats.norm.pdf(middle, 30, 2)
    np.testing.assert_allclose(content, STEP * np.array([box, peak]), rtol=0, atol=6e-4)


def test_bin_contents_add_up_to_one():
    assert float(late_normal(20.0, 7.0, 1.3).sum()) == pytest.approx(1, abs=1e-8)


def cell(mean, dark=0.0, n_bins=240):
    """Photoelectrons of one cell, and their mean and dark hits as ``reported`` wants them."""
    return late_normal(20.0, 7.0, 1.3, n_bins)[None], tensor([mean]), tensor([dark])


def test_hardly_any_light_is_reported_as_it_arrives():
    share, mean, dark = cell(1e-7)
    hits = reported(share, mean, dark, MERGING)
    torch.testing.assert_close(hits, share / share.sum(), rtol=1e-5, atol=1e-12)


def test_what_never_comes_to_life_again_reports_the_first_photoelectron():
    share, mean, dark = cell(3.0)
    hits = reported(share, mean, dark, share.shape[1])[0]
    before = torch.nn.functional.pad(share[0].cumsum(0), (1, 0))
    none_yet = torch.exp(-3.0 * before)
    first = (none_yet[:-1] - none_yet[1:]) / (1 - none_yet[-1])
    assert float((hits - first).abs().sum() / 2) < 0.005


def test_dark_hits_are_a_flat_floor_between_pulses():
    share, mean, dark = cell(1e-6, dark=1e-4)
    hits = reported(share, mean, dark, MERGING)[0]
    floor = (share[0] * mean[0] + dark[0]) / (share.sum() * mean[0] + 240 * dark[0])
    torch.testing.assert_close(hits, floor, rtol=1e-4, atol=1e-12)
    share, mean, _ = cell(0.0)
    flat = reported(share, mean, dark, MERGING)
    torch.testing.assert_close(flat, torch.full_like(flat, 1 / 240))


def merged_by_drawing(mean, n_events, seed=3):
    """Share of pulses by bin, drawn: a pulse begins where the last began 12 ns ago or more."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(mean, n_events)
    times = rng.normal(20.0, 1.3, (n_events, counts.max())) + rng.exponential(
        7.0, (n_events, counts.max())
    )
    times[np.arange(counts.max())[None, :] >= counts[:, None]] = np.inf
    times.sort(axis=1)
    begun = []
    while np.isfinite(times).any():
        first = times.min(axis=1)
        begun.append(first[np.isfinite(first)])
        times[times < first[:, None] + MERGING * STEP] = np.inf
    bins = np.floor(np.concatenate(begun) / STEP).astype(int)
    return np.bincount(bins[bins < 240], minlength=240) / np.sum(bins < 240)


@pytest.mark.parametrize(
    ("mean", "distance"), [(0.1, 0.012), (0.5, 0.012), (2.0, 0.02), (4.0, 0.025)]
)
def test_reported_hits_are_those_of_merged_photoelectrons(mean, distance):
    """Total variation, of which the 200,000 pulses drawn make up some 0.008."""
    n_events = round(200_000 / min(mean, 1.0))
    share, mean_, dark = cell(mean)
    hits = reported(share, mean_, dark, MERGING)[0].numpy()
    assert np.abs(hits - merged_by_drawing(mean, n_events)).sum() / 2 < distance


@pytest.mark.parametrize("merging_bins", [1, 7, 24])
def test_light_ahead_is_the_sum_of_the_bins_ahead(merging_bins):
    share = torch.rand(3, 60, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    direct = torch.stack(
        [share[:, i + 1 : i + 1 + merging_bins].sum(1) + share[:, i] / 2 for i in range(60)], 1
    )
    torch.testing.assert_close(photoelectrons_ahead(share, merging_bins), direct)


def test_smearing_keeps_the_mean_and_adds_its_variance():
    middle = (torch.arange(240, dtype=torch.float64) + 0.5) * STEP
    share = late_normal(50.0, 3.0, 2.0, 240)
    wide = smeared(share[None], tensor(1.7), STEP)[0]
    for before, after, added in (
        (share, share, 0.0),
        (share, wide, 1.7),
    ):
        mean = float((before * middle).sum())
        assert float(after.sum()) == pytest.approx(1, abs=1e-6)
        assert float((after * middle).sum()) == pytest.approx(mean, abs=1e-4)
        variance = float((after * middle**2).sum()) - mean**2
        assert variance == pytest.approx(2.0**2 + 3.0**2 + STEP**2 / 12 + added, abs=1e-3)


def test_smearing_is_a_wider_gaussian():
    narrow, wide = late_normal(50.0, 4.0, 1.0, 240), late_normal(50.0, 4.0, math.sqrt(2.0), 240)
    ours = smeared(narrow[None], tensor(1.0), STEP)[0]
    torch.testing.assert_close(ours, wide, rtol=0, atol=1e-8)


def test_what_is_flat_stays_flat_and_no_error_changes_nothing():
    flat = torch.full((2, 240), 1 / 240, dtype=torch.float64)
    torch.testing.assert_close(smeared(flat, tensor(1.0, 2.0), STEP), flat, rtol=1e-6, atol=0)
    share = late_normal(50.0, 7.0, 1.0, 240)[None]
    torch.testing.assert_close(smeared(share, tensor(0.0), STEP), share, rtol=0, atol=1e-10)
