"""Functions of rotations: e3nn's matrices, exact grids, exact squares."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from e3nn import o3
from kzcal_kamnet.grid import Transform
from kzcal_kamnet.harmonics import harmonics, size
from kzcal_kamnet.rotations import equatorial, n_rows, near_identity, turns, wigner

DEGREE, AFTER = 4, 2
N_OUTER = 2 * DEGREE + AFTER + 1
N_POLAR = (N_OUTER + 1) // 2


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def spectrum() -> torch.Tensor:
    return torch.randn(n_rows(DEGREE), 2, 3, generator=torch.Generator().manual_seed(1))


def _mean_over_rotations(values: torch.Tensor) -> torch.Tensor:
    weight = np.polynomial.legendre.leggauss(values.shape[2])[1] / 2.0
    return torch.einsum("agb...,b->...", values, torch.from_numpy(weight)) / values.shape[0] ** 2


def test_matrices_are_those_of_e3nn() -> None:
    angles = [torch.tensor([0.3, 2.0]), torch.tensor([1.0, 2.5]), torch.tensor([-1.2, 0.4])]
    assert torch.allclose(turns(*angles), o3.angles_to_matrix(*angles))
    for at, found in enumerate(wigner(turns(*angles), 7)):
        assert torch.allclose(found, o3.wigner_D(at, *angles), atol=1e-12)


def test_matrices_of_high_degree_turn_harmonics_and_are_orthogonal() -> None:
    turn = turns(torch.tensor([0.3]), torch.tensor([1.0]), torch.tensor([-1.2]))
    points = torch.randn(20, 3, generator=torch.Generator().manual_seed(2))
    still, turned = harmonics(points, 18), harmonics(points @ turn[0].T, 18)
    for at, (found,) in enumerate(wigner(turn, 18)):
        own = slice(size(at - 1), size(at))
        assert torch.allclose(turned[:, own], still[:, own] @ found.T, atol=1e-11)
        assert torch.allclose(found @ found.T, torch.eye(2 * at + 1), atol=1e-11)


def test_values_are_the_sum_over_matrices(spectrum: torch.Tensor) -> None:
    values = Transform(DEGREE, N_OUTER, N_POLAR).values(spectrum)
    alpha, gamma, polar = 3, 5, 2
    beta = math.acos(np.polynomial.legendre.leggauss(N_POLAR)[0][polar])
    step = 2.0 * math.pi / N_OUTER
    angles = [torch.tensor([angle]) for angle in (alpha * step, beta, gamma * step)]
    rows = [math.sqrt(2 * at + 1) * d.flatten() for at, d in enumerate(wigner(turns(*angles), 4))]
    direct = torch.einsum("r,rec->ec", torch.cat(rows), spectrum)
    assert torch.allclose(values[alpha, gamma, polar], direct)


def test_coefficients_come_back_and_keep_the_square(spectrum: torch.Tensor) -> None:
    transform = Transform(DEGREE, N_OUTER, N_POLAR)
    values = transform.values(spectrum)
    assert torch.allclose(transform.coefficients(values), spectrum, atol=1e-12)
    assert torch.allclose(_mean_over_rotations(values**2), (spectrum**2).sum(0))


def test_a_finer_grid_finds_the_same_square(spectrum: torch.Tensor) -> None:
    squares = [
        Transform(DEGREE, n, (n + 1) // 2).squared(spectrum, Transform(AFTER, n, (n + 1) // 2))
        for n in (N_OUTER, 2 * N_OUTER)
    ]
    assert torch.allclose(*squares, atol=1e-11)
    coarse = N_OUTER - 2
    bent = Transform(DEGREE, coarse, coarse).squared(spectrum, Transform(AFTER, coarse, coarse))
    assert not torch.allclose(squares[0], bent, atol=1e-3)


def test_square_in_slabs_is_the_square(
    spectrum: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kzcal_kamnet.grid.SLAB", 100)
    before, after = (Transform(degree, N_OUTER, N_POLAR) for degree in (DEGREE, AFTER))
    direct = after.coefficients(before.values(spectrum) ** 2)
    assert torch.allclose(before.squared(spectrum, after), direct, atol=1e-12)


def test_slopes_of_the_square_are_those_of_differences() -> None:
    before, after = (Transform(degree, 6, 3) for degree in (2, 1))
    start = torch.randn(n_rows(2), 1, 2, generator=torch.Generator().manual_seed(3))
    assert torch.autograd.gradcheck(
        lambda rows: before.squared(rows, after), start.requires_grad_()
    )


def test_filters_have_the_taps_of_the_published_network() -> None:
    assert near_identity(3).shape == (size(3), 24)
    assert equatorial(3).shape == (n_rows(3), 64)
    near = near_identity(1)[1:]
    angle = torch.acos(near[1] / near.norm(dim=0))
    assert torch.allclose(angle.unique().max(), torch.tensor(math.pi / 8.0))
