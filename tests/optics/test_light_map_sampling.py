"""Statistical bounds are five standard errors: a false alarm in two million."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kzcal.geometry import load_detector
from kzcal.light import PROFILE_COMPONENTS, LightSites
from kzcal.optics.light_map_analytic import analytic_light_map
from kzcal.optics.light_map_delays import draw_delay, share_below

CEILING, DELAY = 1.6, 1.0


@pytest.fixture(scope="module")
def light_map():
    return analytic_light_map(load_detector(), ceiling=CEILING, delay=DELAY)


def light_sites(position, event, *, scintillation=0.0, cherenkov=0.0, profile=0, time=0.0):
    n = len(position)
    return LightSites(
        event=torch.as_tensor(event),
        position=torch.as_tensor(position, dtype=torch.float32),
        time=torch.full((n,), time),
        direction=torch.tensor([[0.0, 0.0, 1.0]]).repeat(n, 1),
        scintillation=torch.full((n,), scintillation),
        cherenkov=torch.full((n,), cherenkov),
        beta=torch.ones(n),
        profile=torch.full((n,), profile),
        medium=torch.zeros(n, dtype=torch.long),
    )


def scattered(n_events, n_sites, *, spread, seed=1, radius=4.0):
    """Points of events, in an order that mixes the events."""
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=(n_events, 1, 3))
    centre *= radius / np.linalg.norm(centre, axis=2, keepdims=True)
    position = centre + spread * rng.normal(size=(n_events, n_sites, 3))
    event = np.repeat(np.arange(n_events), n_sites)
    order = rng.permutation(len(event))
    return position.reshape(-1, 3)[order], event[order]


@pytest.mark.parametrize("spread", [0.0, 0.01, 0.5])
def test_every_pmt_has_the_mean_of_all_sites(light_map, spread):
    position, event = scattered(70, 6, spread=spread)
    sites = light_sites(position, event, scintillation=20_000.0)
    drawn = light_map.sample(sites, generator=torch.Generator().manual_seed(2))
    mean = CEILING * 20_000 * light_map.collection(sites.position)
    expected = torch.zeros(70, light_map.n_pmt).index_add_(0, sites.event, mean)
    counts = torch.zeros_like(expected).index_put_(
        (drawn.event, drawn.pmt), torch.ones(len(drawn.pmt)), accumulate=True
    )
    square = ((counts - expected) ** 2 / expected).sum()
    n = expected.numel()
    assert abs(square - n) < 5 * (2 * n + (1 / expected).sum()) ** 0.5
    assert abs(counts.sum() - expected.sum()) < 5 * expected.sum() ** 0.5
    by_event = (counts - expected).sum(1) / expected.sum(1).sqrt()
    assert by_event.abs().max() < 5
    by_pmt = (counts - expected).sum(0) / expected.sum(0).sqrt()
    assert by_pmt.abs().max() < 5.5


@pytest.mark.parametrize("profile", [0, 1, 2])
def test_times_are_flight_delay_rise_and_decay(light_map, profile):
    position, event = scattered(20, 1, spread=0.0)
    sites = light_sites(position, event, scintillation=1e5, profile=profile, time=7.0)
    drawn = light_map.sample(sites, generator=torch.Generator().manual_seed(3))
    order = torch.argsort(sites.event)
    distance = light_map.distance(sites.position[order])
    late = drawn.time - 7.0 - distance[drawn.event, drawn.pmt] / light_map.speed
    weight, tau = np.array(PROFILE_COMPONENTS[profile]).T
    mean = DELAY + light_map.light.rise_time + np.sum(weight * tau) / weight.sum()
    error = float(late.std()) / len(late) ** 0.5
    assert abs(float(late.mean()) - mean) < 5 * error


def test_cherenkov_light_is_prompt(light_map):
    position, event = scattered(20, 1, spread=0.0)
    sites = light_sites(position, event, cherenkov=1e5)
    drawn = light_map.sample(sites, generator=torch.Generator().manual_seed(3))
    distance = light_map.distance(sites.position[torch.argsort(sites.event)])
    late = drawn.time - distance[drawn.event, drawn.pmt] / light_map.speed
    assert abs(float(late.mean()) - DELAY) < 5 * float(late.std()) / len(late) ** 0.5
    expected = CEILING * 1e5 * light_map.collection(sites.position).sum()
    assert abs(len(late) - expected) < 5 * expected**0.5


@pytest.mark.parametrize("ratio", [0.6, 1.5])
def test_a_cherenkov_collection_of_its_own_is_used(light_map, ratio):
    other = replace(light_map, log_cherenkov=light_map.log_cherenkov + np.log(ratio))
    again = other.moved()
    position, event = scattered(20, 3, spread=0.1)
    sites = light_sites(position, event, cherenkov=1e5)
    drawn = again.sample(sites, generator=torch.Generator().manual_seed(3))
    expected = ratio * CEILING * 1e5 * light_map.collection(sites.position).sum()
    assert abs(len(drawn.pmt) - expected) < 5 * expected**0.5


def test_the_seed_decides_every_photoelectron(light_map):
    sites = light_sites(*scattered(100, 4, spread=0.1), scintillation=2000.0, cherenkov=100.0)

    def drawn(seed):
        return light_map.sample(sites, generator=torch.Generator().manual_seed(seed))

    first, again, other = drawn(1), drawn(1), drawn(2)
    assert torch.equal(first.time, again.time)
    assert torch.equal(first.pmt, again.pmt)
    assert len(first.time) != len(other.time) or not torch.equal(first.time, other.time)


def test_events_without_light_stay_empty(light_map):
    position, event = scattered(3, 2, spread=0.1)
    dark = light_map.sample(light_sites(position, event), generator=torch.Generator())
    assert len(dark.pmt) == 0
    late = light_sites(position, event + 500, scintillation=5000.0)
    drawn = light_map.sample(late, generator=torch.Generator().manual_seed(1))
    assert sorted(set(drawn.event.tolist())) == [500, 501, 502]


def test_sites_in_double_precision_are_drawn_alike(light_map):
    sites = light_sites(*scattered(10, 3, spread=0.1), scintillation=2000.0)
    double = LightSites(
        *(
            column.double() if column.is_floating_point() else column.int()
            for column in (getattr(sites, name) for name in sites.__slots__)
        )
    )
    pair = [
        light_map.sample(one, generator=torch.Generator().manual_seed(1))
        for one in (sites, double)
    ]
    assert torch.equal(pair[0].time, pair[1].time)
    assert torch.equal(pair[0].event, pair[1].event)


def test_delays_drawn_are_those_whose_shares_are_told(light_map):
    generator = torch.Generator().manual_seed(4)
    quantile = light_map.delay_quantile.reshape(-1, light_map.delay_quantile.shape[-1])
    drawn = draw_delay(quantile, torch.full((200_000,), 5), generator=generator)
    edges = torch.tensor([0.02, 0.1, 0.5, 1.0, 2.0, 5.0])
    told = share_below(quantile[5], edges)
    found = (drawn[:, None] < edges).double().mean(0)
    assert ((found - told).abs() < 5 * (told * (1 - told) / 2e5).sqrt()).all()


@pytest.mark.cuda
def test_a_map_on_cuda_draws_the_same_light(light_map):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    sites = light_sites(*scattered(70, 4, spread=0.1), scintillation=5000.0)
    on_cuda = LightSites(*(getattr(sites, name).cuda() for name in sites.__slots__))
    drawn = light_map.to("cuda").sample(
        on_cuda, generator=torch.Generator(device="cuda").manual_seed(1)
    )
    expected = float(CEILING * 5000 * light_map.collection(sites.position).sum())
    assert drawn.time.is_cuda
    assert abs(len(drawn.pmt) - expected) < 5 * expected**0.5
