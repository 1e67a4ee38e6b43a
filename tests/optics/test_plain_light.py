"""Plain light: expected numbers and mean times of photoelectrons."""

import math

import pytest
import torch

from kzcal.optics.plain_light import PlainLight
from kzcal.response.timing import ALPHA_PROFILE, ELECTRON_PROFILE

RADIUS, APERTURE = 8.5, 0.216
PROFILES = (ELECTRON_PROFILE, ALPHA_PROFILE)


def directions(n=12):
    vectors = torch.randn(n, 3, generator=torch.Generator().manual_seed(1))
    return vectors / vectors.norm(dim=1, keepdim=True)


def sample(light, n_events, vertex=(1.0, -2.0, 3.0), energy=2.0, alpha=0, seed=2):
    n_pmt = len(directions())
    return light.sample(
        torch.tensor(vertex).expand(n_events, 3),
        torch.full((n_events,), energy),
        torch.full((n_events,), 7.0),
        torch.full((n_events,), alpha),
        torch.linspace(0.5, 1.5, n_pmt),
        directions(),
        torch.full((n_pmt,), APERTURE),
        RADIUS,
        PROFILES,
        generator=torch.Generator().manual_seed(seed),
    )


def view(vertex=(1.0, -2.0, 3.0)):
    across = RADIUS * directions() - torch.tensor(vertex)
    distance = across.norm(dim=1)
    return distance, (across * directions()).sum(1) / distance


def test_numbers_of_photoelectrons_are_those_expected():
    """Chi-square of 12 tubes over 20,000 events below 12 + 4 sqrt(24): false alarm 6e-4."""
    light, n = PlainLight(), 20_000
    found = torch.bincount(sample(light, n).pmt, minlength=12)
    distance, cosine = view()
    solid_angle = APERTURE**2 * cosine / (4 * distance**2)
    direct = solid_angle * (1 + light.angular_slope * (cosine - 0.85))
    direct = direct * torch.exp(-distance / light.attenuation)
    expected = n * light.photoelectrons * 2.0 * torch.linspace(0.5, 1.5, 12) * direct
    assert float(((found - expected) ** 2 / expected).sum()) < 12 + 4 * math.sqrt(24)


@pytest.mark.parametrize("alpha", [0, 1])
def test_mean_times_are_flight_scintillation_and_scattering(alpha):
    """Each of 12 tubes within 4.5 standard errors: false alarm 1e-4."""
    light = PlainLight()
    found = sample(light, 20_000, alpha=alpha)
    distance, _ = view()
    weights, times = torch.tensor(PROFILES[alpha]).T
    decay = float((weights * times).sum() / weights.sum())
    scattered = light.delay * (1 - torch.exp(-distance / light.scattering))
    expected = 7.0 + distance / light.speed + decay + scattered
    for pmt in range(12):
        time = found.time[found.pmt == pmt]
        error = float(time.std()) / math.sqrt(len(time))
        assert abs(float(time.mean() - expected[pmt])) < 4.5 * error


def test_no_light_arrives_before_it_was_made():
    found = sample(PlainLight(), 2000)
    distance, _ = view()
    assert bool((found.time >= 7.0 + distance[found.pmt] / 0.196 - 1e-3).all())


def test_without_energy_there_is_no_light():
    assert len(sample(PlainLight(), 100, energy=0.0).event) == 0


def test_the_same_seed_gives_the_same_light():
    first, again, other = (sample(PlainLight(), 50, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(first.time, again.time)
    assert torch.equal(first.pmt, again.pmt)
    assert not (len(first.time) == len(other.time) and torch.equal(first.time, other.time))
