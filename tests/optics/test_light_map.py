from dataclasses import replace

import numpy as np
import pytest
import torch

from kzcal.errors import ConfigurationError
from kzcal.geometry import load_detector
from kzcal.optics.light_map_analytic import analytic_light_map

ATTENUATION, EFFICIENCY, DELAY = 20.0, 0.25, 1.0


@pytest.fixture(scope="module")
def detector():
    return load_detector()


@pytest.fixture(scope="module")
def light_map(detector):
    return analytic_light_map(
        detector, attenuation=ATTENUATION, efficiency=EFFICIENCY, delay=DELAY
    )


def vertices(n, *, out_to=6.4, seed=1):
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=(n, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return torch.tensor(out_to * np.cbrt(rng.random((n, 1))) * direction).float()


def exact(detector, vertex):
    """The closed form that the tables were made from, in double precision."""
    direction = torch.tensor(detector.directions)
    aperture = torch.tensor(detector.aperture_radius)
    vertex = vertex.double()
    distance = (vertex[:, None] - detector.pmt_radius * direction).norm(dim=-1)
    incidence = (detector.pmt_radius - vertex @ direction.T) / distance
    response = 1 + detector.light.angular_slope * (incidence - 0.85)
    share = 0.25 * aperture**2 * incidence * response / distance**2
    return EFFICIENCY * share * torch.exp(-distance / ATTENUATION)


def test_the_splines_follow_solid_angles_out_to_the_balloon(detector, light_map):
    vertex = vertices(300)
    ratio = light_map.collection(vertex) / exact(detector, vertex)
    assert (ratio - 1).abs().max() < 3e-4


def test_gradients_are_those_of_the_closed_form(detector, light_map):
    vertex = vertices(20)
    collection, gradient = light_map.collection_and_gradient(vertex)
    for axis in range(3):
        step = torch.zeros(3, dtype=torch.float64)
        step[axis] = 1e-4
        ahead, behind = exact(detector, vertex + step), exact(detector, vertex - step)
        difference = gradient[..., axis] - (ahead - behind) / 2e-4
        assert (difference.abs() / collection).max() < 2e-3
    torch.testing.assert_close(collection, light_map.collection(vertex))


def test_the_centre_has_no_cusp(detector, light_map):
    steps = torch.tensor([-0.05, -0.011, -0.009, -0.001, 0.0, 0.001, 0.009, 0.011, 0.05])
    vertex = torch.zeros(len(steps), 3)
    vertex[:, 0] = steps
    collection, gradient = light_map.collection_and_gradient(vertex)
    torch.testing.assert_close(collection.double(), exact(detector, vertex), rtol=3e-4, atol=0.0)
    relative = (gradient / collection[..., None]).diff(dim=0).abs()
    assert relative.max() < 0.02


def test_a_turned_detector_sees_the_same_light(light_map):
    vertex = vertices(5)
    angle = torch.tensor(0.7)
    turn = torch.eye(3)
    turn[0, 0] = turn[1, 1] = torch.cos(angle)
    turn[0, 1], turn[1, 0] = -torch.sin(angle), torch.sin(angle)
    turned = replace(light_map, direction=light_map.direction @ turn.T)
    torch.testing.assert_close(
        turned.collection(vertex @ turn.T), light_map.collection(vertex), rtol=1e-4, atol=0.0
    )


def test_shares_of_delays_are_those_of_an_exponential(light_map):
    edges = torch.tensor([-10.0, 0.0, 0.5, 1.0, 3.0, 100.0])
    shares = light_map.delay_shares(edges)
    below = 1 - torch.exp(-edges.clamp(min=0) / DELAY)
    torch.testing.assert_close(shares[0, 3, 7], below.diff(), atol=2e-4, rtol=0.0)
    torch.testing.assert_close(shares.sum(-1), torch.ones(shares.shape[:-1]))


def test_node_shares_interpolate_linearly(light_map):
    vertex = vertices(30)
    place = light_map.node_shares(vertex)
    stand = torch.lerp(
        light_map.cosine[place.cosine_index],
        light_map.cosine[place.cosine_index + 1],
        place.cosine_share,
    )
    unit = vertex / vertex.norm(dim=1, keepdim=True)
    assert (stand - unit @ light_map.direction.T).abs().max() < 1e-3
    radius = torch.lerp(
        light_map.radius[place.radius_index],
        light_map.radius[place.radius_index + 1],
        place.radius_share,
    )
    torch.testing.assert_close(radius, vertex.norm(dim=1))


def test_moving_the_absorption_follows_its_closed_form(detector, light_map):
    vertex = vertices(10)
    longer = light_map.moved(absorption_scale=1.1).collection(vertex)
    distance = light_map.distance(vertex)
    first_order = torch.exp(np.log(1.1) * distance / ATTENUATION)
    torch.testing.assert_close(
        longer, light_map.collection(vertex) * first_order, rtol=1e-3, atol=0.0
    )
    exact_ratio = torch.exp(distance / ATTENUATION * (1 - 1 / 1.1))
    assert ((longer / light_map.collection(vertex)) / exact_ratio - 1).abs().max() < 0.005


def test_moving_back_is_the_identity(light_map):
    vertex = vertices(5)
    light = light_map.light
    for name, there in (
        ("absorption_scale", 1.3),
        ("pmt_reflectivity", 0.4),
        ("angular_slope", 0.5),
    ):
        back = light_map.moved(**{name: there}).moved(**{name: getattr(light, name)})
        torch.testing.assert_close(back.collection(vertex), light_map.collection(vertex))
        torch.testing.assert_close(back.slopes, light_map.slopes)


def test_moving_the_angular_slope_is_exact(detector, light_map):
    vertex = vertices(100)
    moved = light_map.moved(angular_slope=0.45)
    steeper = replace(detector, light=replace(detector.light, angular_slope=0.45))
    ratio = moved.collection(vertex) / exact(steeper, vertex)
    assert (ratio - 1).abs().max() < 3e-4


def test_a_map_refuses_parameters_it_does_not_know(light_map):
    with pytest.raises(ConfigurationError, match=r"moves in absorption_scale.*'rise_time'"):
        light_map.moved(rise_time=2.0)
    with pytest.raises(ConfigurationError, match=r"positive.*trace a new map"):
        light_map.moved(sheet_reflectivity=0.0)
