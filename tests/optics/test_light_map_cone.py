"""Statistical bounds are five standard errors."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kzcal.geometry import load_detector
from kzcal.light import LightSites
from kzcal.optics.light_map_analytic import analytic_light_map
from kzcal.optics.light_map_cone import (
    FIRST_M,
    N_DISTANCES,
    STEP_M,
    cone_angle,
    largest_density,
    ring_density,
    straight_share,
    straight_shares,
)


def tracks(n, *, photons, beta=1.0):
    return LightSites(
        event=torch.arange(n),
        position=torch.zeros(n, 3),
        time=torch.zeros(n),
        direction=torch.tensor([[0.0, 0.0, 1.0]]).repeat(n, 1),
        scintillation=torch.zeros(n),
        cherenkov=torch.full((n,), photons),
        beta=torch.full((n,), beta),
        profile=torch.zeros(n, dtype=torch.long),
        medium=torch.zeros(n, dtype=torch.long),
    )


@pytest.fixture(scope="module")
def light_map():
    bare = analytic_light_map(load_detector())
    return replace(bare, straight_share=torch.full((N_DISTANCES,), 0.4))


@pytest.mark.parametrize("beta", [0.85, 1.0])
def test_a_ring_sends_out_as_much_as_a_sphere(beta):
    angle = torch.linspace(0, np.pi, 20_001, dtype=torch.float64)
    cone = cone_angle(torch.tensor(beta, dtype=torch.float64))
    density = ring_density(angle.cos(), cone)
    mean = torch.trapezoid(density * angle.sin() / 2, angle)
    assert abs(float(mean) - 1) < 0.002
    assert float(density.max()) <= float(largest_density(cone)) * (1 + 1e-9)


def test_light_of_a_track_is_on_its_cone_and_as_much_as_of_random_ones(light_map):
    sites = tracks(20, photons=60_000.0)
    drawn = light_map.sample(sites, generator=torch.Generator().manual_seed(1))
    mean = light_map.ceiling * 60_000 * light_map.collection(sites.position[:1])[0]
    angle = light_map.direction[:, 2].arccos()
    density = ring_density(angle.cos(), cone_angle(torch.tensor(1.0)))
    expected = 20 * mean * (0.6 + 0.4 * density)
    counts = torch.bincount(drawn.pmt, minlength=light_map.n_pmt)
    square = ((counts - expected) ** 2 / expected).sum()
    assert abs(float(square) - len(counts)) < 5 * (2 * len(counts)) ** 0.5
    assert abs(float(counts.sum() / (20 * mean.sum())) - 1) < 0.02


def test_a_track_below_the_threshold_is_no_error(light_map):
    drawn = light_map.sample(
        tracks(5, photons=1000.0, beta=0.5), generator=torch.Generator().manual_seed(1)
    )
    assert torch.isfinite(drawn.time).all()


def test_shares_of_straight_light_are_found_again():
    rng = np.random.default_rng(1)
    n = 400_000
    distance = rng.uniform(2, 15, n)
    share = 0.5 - 0.01 * distance
    angle = np.arccos(1 / 1.455) + rng.normal(0, 0.02, n)
    cosine = np.where(rng.random(n) < share, np.cos(angle), rng.uniform(-1, 1, n))
    found = straight_shares(distance, cosine)
    nodes = FIRST_M + STEP_M * np.arange(N_DISTANCES)
    assert np.abs(found[1:-1] - (0.5 - 0.01 * nodes)[1:-1]).max() < 0.01
    table = torch.tensor(found)
    between = straight_share(table, torch.tensor([2.0, 8.0, 40.0], dtype=torch.float64))
    assert float((between - torch.tensor([0.48, 0.42, found[-1]])).abs().max()) < 0.01
