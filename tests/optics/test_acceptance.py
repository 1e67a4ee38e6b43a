"""Sightlines and acceptance: geometry, symmetry, and learning from counts."""

import math

import pytest
import torch

from kzcal.optics.acceptance import (
    ANGULAR_SLOPE,
    ATTENUATION_M,
    COSINE_GRID,
    DISTANCE_GRID,
    N_CELLS,
    Acceptance,
    Sightline,
    cell_of,
    sightline,
    sightline_of_hits,
)

RADIUS = 8.5


def source(seed):
    return torch.Generator().manual_seed(seed)


def unit(n, seed):
    vectors = torch.randn(n, 3, generator=source(seed), dtype=torch.float64)
    return vectors / vectors.norm(dim=1, keepdim=True)


def vertices(n=50, seed=3):
    radius = 6.5 * torch.rand(n, 1, generator=source(seed), dtype=torch.float64) ** (1 / 3)
    return radius * unit(n, seed + 100)


def learned(seed=5):
    shape = (2, DISTANCE_GRID[2], COSINE_GRID[2])
    return Acceptance(0.3 * torch.randn(shape, generator=source(seed), dtype=torch.float64))


def test_from_the_centre_every_pmt_is_equally_far_and_seen_head_on():
    view = sightline(torch.zeros(1, 3, dtype=torch.float64), unit(30, 1), RADIUS)
    torch.testing.assert_close(view.distance, torch.full_like(view.distance, RADIUS))
    torch.testing.assert_close(view.cosine, torch.ones_like(view.cosine))


def test_a_sightline_is_the_vector_from_vertex_to_pmt():
    vertex, direction = vertices(), unit(30, 1)
    view = sightline(vertex, direction, RADIUS)
    across = RADIUS * direction[None] - vertex[:, None]
    torch.testing.assert_close(view.distance, across.norm(dim=2))
    along = (across * direction[None]).sum(2) / across.norm(dim=2)
    torch.testing.assert_close(view.cosine, along)


def test_a_sightline_does_not_change_when_the_detector_turns():
    vertex, direction = vertices(), unit(30, 1)
    turn, _ = torch.linalg.qr(torch.randn(3, 3, generator=source(9), dtype=torch.float64))
    plain, turned = (
        sightline(vertex, direction, RADIUS),
        sightline(vertex @ turn, direction @ turn, RADIUS),
    )
    torch.testing.assert_close(turned.distance, plain.distance)
    torch.testing.assert_close(turned.cosine, plain.cosine)


def test_sightlines_of_hits_are_those_of_all_pairs():
    vertex, direction = vertices(50), unit(50, 1)
    pairs, hits = (f(vertex, direction, RADIUS) for f in (sightline, sightline_of_hits))
    torch.testing.assert_close(hits.distance, pairs.distance.diagonal())
    torch.testing.assert_close(hits.cosine, pairs.cosine.diagonal())


@pytest.mark.parametrize("aperture", [0.1, 0.216, 0.254])
def test_from_the_centre_a_pmt_takes_its_solid_angle(aperture):
    """To the first order of the aperture, less what attenuation and incidence take."""
    view = sightline(torch.zeros(1, 3, dtype=torch.float64), unit(4, 1), RADIUS)
    radius = torch.full((4,), aperture, dtype=torch.float64)
    flat = Acceptance(learned().log_factor * 0)
    share = flat.fraction(view, radius, 0)
    disc = 0.5 * (1 - RADIUS / math.hypot(RADIUS, aperture))
    head_on = (1 + ANGULAR_SLOPE * 0.15) * math.exp(-RADIUS / ATTENUATION_M)
    assert share.flatten().tolist() == pytest.approx([disc * head_on] * 4, rel=1e-3)


def test_a_larger_disc_collects_by_its_area():
    view = sightline(vertices(), unit(30, 1), RADIUS)
    radius = torch.full((30,), 0.2, dtype=torch.float64)
    one, two = (learned().fraction(view, s * radius, 1) for s in (1.0, 1.5))
    torch.testing.assert_close(two, 2.25 * one)


@pytest.mark.parametrize("kind", [0, 1])
def test_the_share_of_a_hit_is_that_of_its_pair(kind):
    view = sightline_of_hits(vertices(500), unit(500, 1), RADIUS)
    radius = 0.2 + 0.1 * torch.rand(500, generator=source(2), dtype=torch.float64)
    acceptance = learned()
    of_hits = acceptance.fraction_of_hits(view, radius, torch.full((500,), kind))
    torch.testing.assert_close(of_hits, acceptance.fraction(view, radius, kind))


def nodes():
    """Sightlines at the nodes of the grid, in the order of its cells."""
    (d0, d1, n_d), (c0, c1, n_c) = DISTANCE_GRID, COSINE_GRID
    distance = torch.linspace(d0, d1, n_d, dtype=torch.float64)
    cosine = torch.linspace(c0, c1, n_c, dtype=torch.float64)
    return Sightline(distance[:, None].expand(n_d, n_c), cosine[None].expand(n_d, n_c))


def test_at_its_nodes_the_factor_is_what_was_learned():
    acceptance, view = learned(), nodes()
    flat = Acceptance(0 * acceptance.log_factor)
    radius = torch.tensor([0.2], dtype=torch.float64)
    for kind in (0, 1):
        ratio = acceptance.fraction(view, radius, kind) / flat.fraction(view, radius, kind)
        torch.testing.assert_close(ratio.log(), acceptance.log_factor[kind])


def test_a_cell_is_the_nearest_node():
    view = nodes()
    assert cell_of(view).flatten().tolist() == list(range(N_CELLS))
    (d0, d1, n_d), (c0, c1, n_c) = DISTANCE_GRID, COSINE_GRID
    step = torch.tensor([(d1 - d0) / (n_d - 1), (c1 - c0) / (n_c - 1)], dtype=torch.float64)
    shift = 0.98 * (torch.rand(N_CELLS, 2, generator=source(1), dtype=torch.float64) - 0.5) * step
    near = Sightline(view.distance.flatten() + shift[:, 0], view.cosine.flatten() + shift[:, 1])
    assert cell_of(near).tolist() == list(range(N_CELLS))


def test_counts_as_expected_teach_nothing_and_twice_as_many_a_factor_of_two():
    acceptance = learned()
    expected = torch.full((2, N_CELLS), 1e6, dtype=torch.float64)
    same = acceptance.updated(expected, expected)
    torch.testing.assert_close(same.log_factor, acceptance.log_factor)
    twice = acceptance.updated(2 * expected, expected)
    gained = twice.log_factor - acceptance.log_factor
    torch.testing.assert_close(gained, torch.full_like(gained, math.log(2)), rtol=0, atol=1e-4)


def test_cells_without_counts_keep_their_factor():
    acceptance = learned()
    few = torch.zeros(2, N_CELLS, dtype=torch.float64)
    torch.testing.assert_close(acceptance.updated(few, few).log_factor, acceptance.log_factor)
    drawn = torch.poisson(few + 2, generator=source(4))
    moved = acceptance.updated(drawn, few + 2).log_factor - acceptance.log_factor
    assert float(moved.abs().max()) < 0.3
