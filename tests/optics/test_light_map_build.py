"""The traced map against what was traced anew; bounds leave room for five standard errors."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kzcal.errors import ConfigurationError
from kzcal.geometry import load_detector
from kzcal.geometry.materials import load_materials
from kzcal.light import LightSites
from kzcal.optics.light_map_build import build_light_map
from kzcal.optics.light_map_smoothing import Smoother
from kzcal.optics.light_map_tracing import MapPrecision
from kzcal.optics.tracer import FullTracer

QUICK = MapPrecision(photons=100_000, cherenkov_photons=40_000, directions=200)


@pytest.fixture(scope="module")
def detector():
    return load_detector()


@pytest.fixture(scope="module")
def materials():
    return load_materials()


@pytest.fixture(scope="module")
def light_map(detector, materials):
    return build_light_map(detector, materials, precision=QUICK)


@pytest.fixture(scope="module")
def tracer(detector, materials):
    return FullTracer(detector, materials)


def points(radius, n=200, photons=8000.0, *, cherenkov=False):
    rng = np.random.default_rng(int(100 * radius) + 1)
    unit = rng.normal(size=(2, n, 3))
    unit /= np.linalg.norm(unit, axis=2, keepdims=True)
    light, none = torch.full((n,), photons), torch.zeros(n)
    return LightSites(
        event=torch.arange(n),
        position=torch.tensor(radius * unit[0], dtype=torch.float32),
        time=none,
        direction=torch.tensor(unit[1], dtype=torch.float32),
        scintillation=none if cherenkov else light,
        cherenkov=light if cherenkov else none,
        beta=torch.ones(n),
        profile=torch.zeros(n, dtype=torch.long),
        medium=torch.full((n,), int(radius > 1.92)),
    )


@pytest.mark.parametrize("radius", [0.0, 1.3, 3.5, 5.9, 6.3])
def test_the_map_draws_the_tracer_s_light(light_map, tracer, radius):
    sites = points(radius)
    traced = tracer.sample(sites, generator=torch.Generator().manual_seed(1))
    drawn = light_map.sample(sites, generator=torch.Generator().manual_seed(2))
    n = len(traced.pmt)
    assert abs(len(drawn.pmt) / n - 1) < 0.01 + 5 * (2 / n) ** 0.5
    straight = light_map.distance(sites.position) / light_map.speed
    late = [(pe.time - straight[pe.event, pe.pmt]).double() for pe in (traced, drawn)]
    error = (2 / n) ** 0.5 * float(late[0].std())
    assert abs(float(late[1].mean() - late[0].mean())) < 0.2 + 5 * error
    for share, spacing in ((0.05, 0.05), (0.5, 0.1), (0.8, 0.4)):
        pair = [float(torch.quantile(times[:100_000], share)) for times in late]
        assert abs(pair[1] - pair[0]) < 0.2 + spacing, share


def test_occupancy_follows_the_angle(light_map, tracer):
    sites = points(5.0)
    traced = tracer.sample(sites, generator=torch.Generator().manual_seed(3))
    expected = light_map.ceiling * 8000 * light_map.collection(sites.position)
    unit = sites.position / 5.0
    cell = ((unit @ light_map.direction.T + 1) * 5).long().clamp(max=9)
    counts = torch.bincount(cell[traced.event, traced.pmt], minlength=10).double()
    mean = torch.zeros(10).index_add_(0, cell.reshape(-1), expected.reshape(-1)).double()
    assert ((counts / mean - 1).abs() < 0.02 + 5 / mean.sqrt()).all()


def test_cherenkov_light_has_a_collection_of_its_own(light_map, tracer):
    sites = points(2.5, cherenkov=True)
    traced = tracer.sample(sites, generator=torch.Generator().manual_seed(1))
    drawn = light_map.sample(sites, generator=torch.Generator().manual_seed(2))
    n = len(traced.pmt)
    assert abs(len(drawn.pmt) / n - 1) < 0.02 + 5 * (2 / n) ** 0.5
    assert light_map.log_cherenkov.exp().mean() < 0.95 * light_map.log_collection.exp().mean()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("absorption_scale", 1.15),
        ("scattering_scale", 1.2),
        ("pmt_reflectivity", 0.25),
        ("angular_slope", 0.4),
    ],
)
def test_slopes_lead_to_the_tracer_of_other_light(light_map, detector, materials, name, value):
    sites = points(3.0, n=300)
    moved = replace(detector, light=replace(detector.light, **{name: value}))
    tracer = FullTracer(moved, materials)
    n = len(tracer.sample(sites, generator=torch.Generator().manual_seed(1)).pmt)
    there = light_map.moved(**{name: value}).collection(sites.position).sum()
    assert abs(float(there) * light_map.ceiling * 8000 / n - 1) < 0.01 + 5 / n**0.5


def test_light_does_not_jump_where_media_meet(light_map):
    boundary = int(torch.nonzero(light_map.radius.diff() == 0)[0])
    jump = light_map.log_collection[:, boundary + 1] - light_map.log_collection[:, boundary]
    assert jump.abs().median() < 0.02


def test_smoothing_returns_a_smooth_truth():
    radius, n_cosines = np.linspace(0, 6, 13), 33
    angle = np.linspace(np.pi, 0, n_cosines)
    truth = 0.3 * np.sin(radius / 3)[:, None] * np.cos(angle)
    expected = np.full(truth.shape, 400.0)
    counts = np.random.default_rng(1).poisson(expected * np.exp(truth)).astype(float)
    smoother = Smoother.of(radius, n_cosines)
    found, strengths = smoother.log_ratio(counts, expected)
    assert np.std(found - truth) < 0.4 * 0.05
    assert np.ptp(found[0]) < 1e-3
    means = smoother.means(truth[..., None], counts, strengths)
    assert np.abs(means[..., 0] - truth).max() < 0.02


def test_a_map_needs_a_photon_per_direction():
    with pytest.raises(ConfigurationError, match="photon per direction"):
        MapPrecision(photons=10, directions=100)
