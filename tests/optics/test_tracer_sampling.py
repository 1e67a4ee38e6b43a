"""Photoelectrons drawn from light sites: their number, their times, Cherenkov light.

Statistical bounds are five standard deviations unless another is named; seeds are fixed.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from clear_detector import BLACK, COLOUR, clear_detector, clear_materials, light_sites
from scipy import stats

from kzcal.geometry import load_detector
from kzcal.geometry.materials import load_materials
from kzcal.light import PROFILE_COMPONENTS
from kzcal.optics.photons_lookup import half_angles
from kzcal.optics.tracer import FullTracer


def seeded(seed=7):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def nominal():
    return FullTracer(load_detector(), load_materials())


def test_sample_is_thinned_at_emission_without_a_change(nominal):
    point, photons = (1.0, -2.0, 0.5), 400_000
    traced = nominal.trace(np.array([point]), photons, generator=seeded(1))
    drawn = nominal.sample(light_sites([3], point, photons), generator=seeded(2))
    expected = traced.weight * len(traced.pmt) * nominal.ceiling
    error = np.sqrt(expected * (1 + traced.weight * nominal.ceiling))
    assert abs(len(drawn.pmt) - expected) < 5 * error
    assert drawn.event.unique().tolist() == [3]


def test_counts_of_events_are_poisson(nominal):
    n = 1500
    drawn = nominal.sample(light_sites(torch.arange(n), scintillation=1000), generator=seeded())
    counts = np.bincount(drawn.event, minlength=n)
    fano = counts.var() / counts.mean()
    assert abs(fano - 1) < 5 * np.sqrt(2 / n)


def test_the_ceiling_scales_the_light():
    detector, materials = load_detector(), load_materials()
    counts = []
    for ceiling in (1.0, 2.5):
        tracer = FullTracer(detector, materials, ceiling)
        sites = light_sites([0], scintillation=300_000)
        counts.append(len(tracer.sample(sites, generator=seeded()).pmt))
    assert counts[1] / counts[0] == pytest.approx(2.5, abs=5 * 2.5 / np.sqrt(counts[0]))


@pytest.mark.parametrize("profile", [0, 1, 2])
@pytest.mark.parametrize("scale", [1.0, 1.3])
def test_scintillation_takes_its_time(profile, scale):
    light = replace(BLACK, rise_time=0.0, decay_scale=scale)
    detector, materials = clear_detector(light), clear_materials()
    sites = light_sites([0], scintillation=60_000, profile=torch.tensor([profile]))
    sites = replace(sites, time=torch.tensor([5.0]))
    drawn = FullTracer(detector, materials).sample(sites, generator=seeded())
    velocity = materials.group_velocity("clear", np.array([COLOUR]))[0]
    delay = drawn.time.numpy() - 5.0 - detector.pmt_radius / velocity
    total = sum(weight for weight, _ in PROFILE_COMPONENTS[profile])

    def cumulative(t):
        terms = [
            w / total * stats.expon(scale=tau * scale).cdf(t)
            for w, tau in PROFILE_COMPONENTS[profile]
        ]
        return np.sum(terms, axis=0)

    # False alarms: 1 in 10^5. Times are kept to 4 us in float32.
    assert stats.kstest(delay, cumulative).pvalue > 1e-5


def test_the_rise_time_adds_its_mean():
    times = []
    for rise in (0.0, 4.0):
        tracer = FullTracer(clear_detector(replace(BLACK, rise_time=rise)), clear_materials())
        sites = light_sites([0], scintillation=200_000)
        times.append(tracer.sample(sites, generator=seeded()).time.numpy())
    assert times[1].mean() - times[0].mean() == pytest.approx(4.0, abs=5 * 12 / 150)


def test_cherenkov_light_lies_on_its_cone():
    detector = clear_detector()
    sites = light_sites([0], cherenkov=100_000)
    for beta in (1.0, 0.8):
        drawn = FullTracer(detector, clear_materials(index=1.5)).sample(
            replace(sites, beta=torch.tensor([beta])), generator=seeded()
        )
        angle = np.arccos(detector.directions[drawn.pmt, 0])
        cone = np.arccos(1 / (1.5 * beta))
        assert np.abs(angle - cone).max() < half_angles(detector).max()
        assert angle.mean() == pytest.approx(cone, abs=0.01)
        azimuth = np.arctan2(*detector.directions[drawn.pmt, 1:].T)
        assert abs(np.exp(1j * azimuth).mean()) < 0.05
        assert np.ptp(drawn.time.numpy()) < 1e-4


def test_late_deposits_keep_their_precision():
    detector, materials = clear_detector(replace(BLACK, rise_time=0.0)), clear_materials()
    late = torch.tensor([1e7 + 0.123], dtype=torch.float64)
    sites = replace(light_sites([0], cherenkov=100), time=late)
    drawn = FullTracer(detector, materials).sample(sites, generator=seeded())
    velocity = materials.group_velocity("clear", np.array([COLOUR]))[0]
    np.testing.assert_allclose(drawn.time - late, detector.pmt_radius / velocity, atol=1e-4)


def test_no_light_is_no_photoelectrons(nominal):
    nothing = nominal.sample(light_sites([0, 1]), generator=seeded())
    none = nominal.sample(light_sites([]), generator=seeded())
    assert len(nothing.pmt) == len(none.pmt) == 0
