"""The likelihood of an event: its slopes, their mean at the truth, and their squares."""

import numpy as np
import pytest
import torch
from point_events import PHOTONS_PER_MEV, point_events

from kzcal.reconstruct.fit import Reconstruction
from kzcal.reconstruct.seeds import in_light


@pytest.fixture(scope="module")
def reconstruction(light_map, response):
    return Reconstruction(light_map, response, photons_per_mev=PHOTONS_PER_MEV)


@pytest.fixture(scope="module")
def sample(light_map, response):
    return point_events(light_map, response, np.full(500, 1.5), radius=5.5, seed=4)


def at_truth(truth):
    columns = [truth.vertex, np.log(truth.energy)[:, None], truth.t0[:, None]]
    return torch.from_numpy(np.concatenate(columns, axis=1)).float()


def hits_of(reconstruction, sample):
    """Hits within the table of times."""
    truth, events = sample
    hits = reconstruction.hits_of(events, np.arange(len(truth.energy)))
    light_map, point = reconstruction.likelihood.light_map, at_truth(truth)
    place = light_map.pmt_radius * light_map.direction
    return in_light(hits, point[:, :3], point[:, 4], place, light_map.speed)


def test_slopes_are_those_of_the_value(reconstruction, sample):
    """Central differences, in units of the errors; here delays are the same everywhere."""
    hits, point = hits_of(reconstruction, sample), at_truth(sample[0])
    likelihood = reconstruction.likelihood
    scored = likelihood.score(point, hits)
    error = scored.information.diagonal(dim1=1, dim2=2).rsqrt()
    for axis in range(5):
        step = torch.zeros_like(point)
        step[:, axis] = 0.3 * error[:, axis]
        rise = (likelihood.score(point + step, hits).value) - (
            likelihood.score(point - step, hits).value
        )
        difference = rise / 0.6 - scored.slope[:, axis] * error[:, axis]
        assert float(difference.abs().median()) < 0.03
        assert float(difference.abs().quantile(0.99)) < 0.3


def test_slopes_have_mean_zero_at_the_truth(reconstruction, sample):
    """500 events, five slopes, within four errors of the mean: false alarm 3e-4."""
    scored = reconstruction.likelihood.score(at_truth(sample[0]), hits_of(reconstruction, sample))
    slope = scored.slope.double()
    pull = slope.mean(0) / (slope.std(0) / len(slope) ** 0.5)
    assert float(pull.abs().max()) < 4


def test_squares_of_slopes_are_the_information(reconstruction, sample):
    """Covariance of the slopes over events against the mean of what each event states."""
    scored = reconstruction.likelihood.score(at_truth(sample[0]), hits_of(reconstruction, sample))
    slope = scored.slope.double()
    found = (slope**2).mean(0) / scored.information.double().mean(0).diagonal()
    assert float((found - 1).abs().max()) < 4 * (2 / len(slope)) ** 0.5
