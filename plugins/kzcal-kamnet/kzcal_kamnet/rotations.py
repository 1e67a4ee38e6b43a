"""Rotations as they act on spherical harmonics, and functions of rotations in that basis.

A function of rotations up to a degree is f(R) = sum sqrt(2 l + 1) F^l_MN D^l_MN(R), with D^l the
matrix that turns real harmonics, Y(R x) = D(R) Y(x). Averaged over all rotations, f^2 is then the
sum of all F^2. A rotation is R = R_y(alpha) R_x(beta) R_y(gamma), as in e3nn.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal_kamnet.harmonics import harmonics, size


def n_rows(degree: int) -> int:
    """Number of coefficients of a function of rotations up to a degree, itself included."""
    return sum((2 * at + 1) ** 2 for at in range(degree + 1))


def turns(
    alpha: Float[Tensor, " turn"], beta: Float[Tensor, " turn"], gamma: Float[Tensor, " turn"]
) -> Float[Tensor, "turn 3 3"]:
    """Rotations by Euler's angles about y, x and y, rad."""
    return _about(alpha, (2, 0)) @ _about(beta, (1, 2)) @ _about(gamma, (2, 0))


def _about(angle: Float[Tensor, " turn"], plane: tuple[int, int]) -> Float[Tensor, "turn 3 3"]:
    first, second = plane
    turn = torch.eye(3, dtype=angle.dtype).repeat(len(angle), 1, 1)
    turn[:, first, first] = turn[:, second, second] = torch.cos(angle)
    turn[:, second, first] = torch.sin(angle)
    turn[:, first, second] = -torch.sin(angle)
    return turn


def wigner(turn: Float[Tensor, "turn 3 3"], degree: int) -> list[Float[Tensor, "turn M N"]]:
    """Matrices that turn real harmonics, one set for each degree up to ``degree``.

    They are solved for on points spread evenly, which is exact: harmonics of one degree turn into
    each other.
    """
    points = spread(4 * size(degree)).to(turn)
    still = harmonics(points, degree)
    turned = harmonics(torch.einsum("kij,pj->kpi", turn, points), degree)
    found = []
    for at in range(degree + 1):
        own = slice(size(at - 1), size(at))
        found.append((torch.linalg.pinv(still[:, own]) @ turned[..., own]).mT)
    return found


def spread(n: int) -> Float[Tensor, "point 3"]:
    """Points spread evenly over the unit sphere, by the golden angle."""
    at = torch.arange(n, dtype=torch.float64) + 0.5
    height = 1.0 - 2.0 * at / n
    azimuth = at * math.pi * (3.0 - math.sqrt(5.0))
    ring = torch.sqrt(1.0 - height**2)
    return torch.stack([ring * torch.sin(azimuth), height, ring * torch.cos(azimuth)], 1)


def near_identity(degree: int) -> Float[Tensor, "harmonic tap"]:
    """Harmonics at the 24 taps of a filter on the sphere: three rings of eight, to pi / 8.

    Source: T. S. Cohen et al. (2018), arXiv:1801.10130 (localised filters); A. Li et al. (2022),
        arXiv:2203.01870 (three rings of eight within pi / 8).
    """
    alpha = torch.arange(8, dtype=torch.float64) * (math.pi / 4.0)
    beta = torch.arange(1, 4, dtype=torch.float64) * (math.pi / 24.0)
    pair = torch.cartesian_prod(beta, alpha)
    ring, azimuth = torch.sin(pair[:, 0]), pair[:, 1]
    points = [ring * torch.sin(azimuth), torch.cos(pair[:, 0]), ring * torch.cos(azimuth)]
    return harmonics(torch.stack(points, 1), degree).T


def equatorial(degree: int) -> Float[Tensor, "row tap"]:
    """Matrices of the 64 taps of a filter on rotations: 32 along the equator, gamma -+ pi / 8.

    Row (l, N, K) holds D^l_KN of each tap S: f(R S) has coefficients F D(S)^T.

    Source: T. S. Cohen et al. (2018), arXiv:1801.10130 (ring-shaped filters); A. Li et al. (2022),
        arXiv:2203.01870 (32 times two on the equator).
    """
    alpha = torch.arange(32, dtype=torch.float64) * (math.pi / 16.0)
    gamma = torch.tensor([-math.pi / 8.0, math.pi / 8.0], dtype=torch.float64)
    pair = torch.cartesian_prod(alpha, gamma)
    turn = turns(pair[:, 0], torch.full((64,), math.pi / 2.0, dtype=torch.float64), pair[:, 1])
    return torch.cat([d.mT.reshape(64, -1).T for d in wigner(turn, degree)])
