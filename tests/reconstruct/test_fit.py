"""Vertex, energy and time of simulated point-like events against their truth."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from point_events import PHOTONS_PER_MEV, point_events

from kzcal.reconstruct.fit import Reconstructed, Reconstruction

N = 400


@pytest.fixture(scope="module")
def reconstruction(light_map, response):
    return Reconstruction(light_map, response, photons_per_mev=PHOTONS_PER_MEV)


@pytest.fixture(scope="module")
def sample(light_map, response):
    return point_events(light_map, response, np.full(N, 2.0), radius=5.5)


@pytest.fixture(scope="module")
def fitted(reconstruction, sample):
    return reconstruction.fit(sample[1])


def column(result, name):
    return getattr(result, name)[:N].astype(float)


def half_width(values):
    """Half of the central 68 %: the standard deviation of a Gaussian."""
    low, high = np.percentile(values, [15.87, 84.13])
    return (high - low) / 2


def test_resolutions_are_those_of_the_detector(sample, fitted):
    """6.7 % and 13.7 cm (three axes together) over the root of the energy in MeV, or better."""
    truth = sample[0]
    assert np.isfinite(column(fitted, "energy")).all()
    energy = column(fitted, "energy") / truth.energy - 1
    assert half_width(energy) * np.sqrt(2.0) < 0.067
    miss = column(fitted, "vertex") - truth.vertex
    assert 0.08 < np.sqrt(2.0 * (miss**2).sum(1).mean()) < 0.137


def test_pulls_have_width_one(sample, fitted):
    """Pulls of vertex, energy and time of 400 events; widths within 3.5 errors: 2e-3."""
    truth = sample[0]
    error = np.sqrt(np.diagonal(column(fitted, "covariance"), axis1=1, axis2=2))
    pulls = {
        "vertex": (column(fitted, "vertex") - truth.vertex) / error[:, :3],
        "energy": (column(fitted, "energy") - truth.energy) / error[:, 3],
        "t0": (column(fitted, "t0") - truth.t0) / error[:, 4],
    }
    for name, pull in pulls.items():
        assert abs(pull.std() - 1) < 3.5 / np.sqrt(2 * pull.size), name


def test_radius_energy_and_time_are_not_biased(sample, fitted):
    """2 cm of radius, 1 % of energy, 0.1 ns."""
    truth = sample[0]
    radius = np.linalg.norm(column(fitted, "vertex"), axis=1) - np.linalg.norm(
        truth.vertex, axis=1
    )
    outer = np.linalg.norm(truth.vertex, axis=1) > 4.5
    for rows in (outer, ~outer):
        assert abs(np.median(radius[rows])) < 0.02
    assert abs(np.median(column(fitted, "energy") / truth.energy) - 1) < 0.01
    assert abs(np.median(column(fitted, "t0") - truth.t0)) < 0.1


def test_forced_triggers_and_events_of_few_hits_have_no_vertex(
    reconstruction, light_map, response
):
    quiet = replace(response, dark_rate=0.01 * response.dark_rate)
    _, events = point_events(light_map, quiet, np.array([2.0, 0.01]))
    result = reconstruction.fit(events)
    for name in Reconstructed.__slots__:
        finite = np.isfinite(getattr(result, name).reshape(3, -1)).all(1)
        assert finite.tolist() == [True, False, False], name


def test_batches_change_nothing(light_map, response, sample, fitted):
    small = Reconstruction(light_map, response, photons_per_mev=PHOTONS_PER_MEV, batch=17)
    again = small.fit(sample[1][:60])
    for name in ("vertex", "energy", "t0"):
        np.testing.assert_allclose(
            getattr(again, name), getattr(fitted, name)[:60], rtol=0, atol=5e-3
        )


def test_no_event_is_no_error(reconstruction, sample):
    assert len(reconstruction.fit(sample[1][:0]).energy) == 0


@pytest.mark.parametrize("energy", [0.3, 8.0])
def test_small_and_large_events_are_found(reconstruction, light_map, response, energy):
    truth, events = point_events(light_map, response, np.full(60, energy), radius=5.0, seed=9)
    result = reconstruction.fit(events)
    miss = np.linalg.norm(result.vertex[:60] - truth.vertex, axis=1) * np.sqrt(energy)
    assert np.sqrt((miss**2).mean()) < 0.16
    assert abs(np.median(result.energy[:60]) / energy - 1) < 0.04


def test_quality_tells_events_at_two_places_from_point_like_ones(
    reconstruction, light_map, response
):
    """Two flashes four metres apart, taken for one."""
    _, first = point_events(light_map, response, np.full(80, 1.0), radius=4.0, seed=11)
    _, second = point_events(light_map, response, np.full(80, 1.0), radius=4.0, seed=12)
    counts = first.hits.counts + second.hits.counts
    event = np.concatenate([first.hits.event_index, second.hits.event_index])
    time = np.concatenate([first.hits.time, second.hits.time])
    order = np.lexsort([time, event])
    columns = (
        np.concatenate([getattr(e.hits, n) for e in (first, second)])[order]
        for n in ("pmt", "time", "charge")
    )
    both = replace(first, hits=type(first.hits).from_counts(counts, *columns))
    _, single = point_events(light_map, response, np.full(80, 2.0), radius=4.0, seed=13)
    apart = reconstruction.fit(both).quality[:80]
    together = reconstruction.fit(single).quality[:80]
    assert np.median(apart) > np.quantile(together, 0.95)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_fits_the_same(light_map, response, sample, fitted):
    found = Reconstruction(
        light_map.to("cuda"), response.to("cuda"), photons_per_mev=PHOTONS_PER_MEV
    ).fit(sample[1])
    np.testing.assert_allclose(found.vertex[:N], fitted.vertex[:N], rtol=0, atol=0.01)
