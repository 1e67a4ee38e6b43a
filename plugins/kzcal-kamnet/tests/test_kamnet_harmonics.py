"""Harmonics of the PMTs: orthonormal, e3nn's order, and unmoved by dead PMTs."""

import math

import pytest
import torch
from e3nn import o3
from kzcal_kamnet.harmonics import coefficients, harmonics, quadrature, size

from kzcal.geometry import load_detector

DEGREE = 18


@pytest.fixture(scope="module")
def directions() -> torch.Tensor:
    return torch.from_numpy(load_detector().directions)


def test_they_are_those_of_e3nn_as_far_as_it_goes() -> None:
    points = torch.randn(40, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    known = o3.spherical_harmonics(list(range(12)), points, True, "integral")
    assert torch.allclose(harmonics(points, 11), known, atol=1e-12)


def test_addition_theorem_holds_for_every_degree() -> None:
    points = torch.randn(40, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    values = harmonics(points, DEGREE)
    for degree in range(DEGREE + 1):
        own = values[:, size(degree - 1) : size(degree)]
        length = torch.full((40,), (2 * degree + 1) / (4 * math.pi), dtype=torch.float64)
        assert torch.allclose((own**2).sum(1), length, rtol=1e-10)


def test_an_even_pattern_has_no_multipoles_whichever_pmts_are_dead(
    directions: torch.Tensor,
) -> None:
    matrix = harmonics(directions, DEGREE)
    live = torch.rand(5, len(directions), generator=torch.Generator().manual_seed(3)) > 0.15
    weights = quadrature(matrix, live, 8)
    assert (weights[~live] == 0.0).all()
    found = coefficients(torch.ones(5, 2, len(directions), dtype=torch.float64), weights, matrix)
    aim = torch.zeros(size(8), dtype=torch.float64)
    aim[0] = math.sqrt(4 * math.pi)
    assert torch.allclose(found[..., : size(8)], aim.expand(5, 2, -1), atol=1e-5)


def test_low_multipoles_of_a_smooth_pattern_come_back(directions: torch.Tensor) -> None:
    generator = torch.Generator().manual_seed(4)
    matrix = harmonics(directions, 8)
    live = torch.rand(3, len(directions), generator=generator) > 0.15
    truth = torch.randn(3, size(4), generator=generator, dtype=torch.float64)
    pattern = truth @ matrix[:, : size(4)].T
    found = coefficients(pattern, quadrature(matrix, live, 8), matrix)
    assert torch.allclose(found[:, : size(4)], truth, atol=1e-5)


def test_weights_turn_with_the_pmts(directions: torch.Tensor) -> None:
    turn = o3.angles_to_matrix(*torch.tensor([0.4, 1.1, -2.0], dtype=torch.float64))
    live = torch.rand(2, len(directions), generator=torch.Generator().manual_seed(5)) > 0.15
    straight = quadrature(harmonics(directions, 8), live, 8)
    turned = quadrature(harmonics(directions @ turn.T, 8), live, 8)
    assert torch.allclose(straight, turned, rtol=1e-8)
