"""Hits on the sphere as spherical harmonics, by a fixed matrix and weights of the live PMTs.

Coefficients are real and stand in the order of e3nn: degree by degree, order -l to l, y the polar
axis, so that those of degree one are those of the vector (x, y, z). Over the unit sphere the
harmonics are orthonormal.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def size(degree: int) -> int:
    """Number of harmonics up to a degree, the degree itself included."""
    return (degree + 1) ** 2


def harmonics(
    directions: Float[Tensor, "*point 3"], degree: int
) -> Float[Tensor, "*point harmonic"]:
    """Real orthonormal spherical harmonics up to ``degree``, of any degree.

    Args:
        directions: vectors of any length but zero; take double precision above degree ten.
        degree: the highest one.

    Source: W. H. Press et al. (2007), Numerical Recipes, 3rd ed., eq. 6.7.9 (the recursion of
        normalised Legendre functions).
    """
    unit = torch.nn.functional.normalize(directions, dim=-1)
    polar, ring = unit[..., 1], torch.complex(unit[..., 2], unit[..., 0])
    columns = [torch.zeros_like(polar)] * size(degree)
    sectoral = torch.full_like(polar, math.sqrt(0.25 / math.pi))
    turn = torch.ones_like(ring)
    for order in range(degree + 1):
        if order:
            sectoral = sectoral * math.sqrt((2 * order + 1) / (2 * order))
            turn = turn * ring
        for at, legendre in enumerate(_legendre(sectoral, polar, order, degree), order):
            middle = at * at + at
            columns[middle + order] = legendre * turn.real * (math.sqrt(2.0) if order else 1.0)
            if order:
                columns[middle - order] = legendre * turn.imag * math.sqrt(2.0)
    return torch.stack(columns, -1)


def _legendre(
    sectoral: Float[Tensor, "*point"], polar: Float[Tensor, "*point"], order: int, degree: int
) -> list[Float[Tensor, "*point"]]:
    """Normalised Legendre functions of one order, from the lowest degree on, without sin^order."""
    found = [sectoral]
    previous, last = torch.zeros_like(sectoral), 0.0
    for at in range(order + 1, degree + 1):
        step = math.sqrt((4 * at * at - 1) / (at * at - order * order))
        found.append(step * (polar * found[-1] - last * previous))
        previous, last = found[-2], 1.0 / step
    return found


def quadrature(
    matrix: Float[Tensor, "pmt harmonic"], live: Bool[Tensor, "mask pmt"], degree: int = 8
) -> Float[Tensor, "mask pmt"]:
    """Weight of each PMT in an integral over the sphere, zero for those out of use.

    The weights are the ones nearest to equal shares that integrate every harmonic up to
    ``degree`` exactly, so that an even pattern of hits has no multipoles up to it, whichever PMTs
    are dead. They turn with the PMTs.

    Args:
        matrix: harmonics of the PMTs, at least up to ``degree``.
        live: PMTs in use, one row per set of them.
        degree: that is integrated exactly. A ring of dead PMTs asks for a low one.
    """
    known = matrix[:, : size(degree)].double()
    share = live.double() * (4.0 * math.pi / live.sum(1, keepdim=True).clamp(min=1))
    aim = known.new_zeros(known.shape[1])
    aim[0] = math.sqrt(4.0 * math.pi)
    gram = torch.einsum("kp,pi,pj->kij", share, known, known)
    ridge = 1e-9 * torch.eye(known.shape[1], dtype=known.dtype, device=known.device)
    excess = torch.linalg.solve(gram + ridge, aim - share @ known)
    weights: Tensor = share * (1.0 + excess @ known.T)
    return weights.to(matrix.dtype)


def coefficients(
    counts: Float[Tensor, "event *bin pmt"],
    weights: Float[Tensor, "event pmt"],
    matrix: Float[Tensor, "pmt harmonic"],
) -> Float[Tensor, "event *bin harmonic"]:
    """Harmonic coefficients of hits, or of anything else that is counted by PMT.

    Args:
        counts: hits by PMT, in time bins for instance.
        weights: of the live PMTs of each event, from ``quadrature``.
        matrix: harmonics of the PMTs.
    """
    between = (1,) * (counts.ndim - 2)
    return (counts * weights.view(len(weights), *between, -1)) @ matrix
