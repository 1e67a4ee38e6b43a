"""A smooth function of the vertex radius and the angle to a PMT, from its values at nodes.

Cubic splines in the radius, one per medium of emission, since light may change where the medium
does; cubic splines in the angle, flat at both ends, since the function is one of the cosine.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from scipy.interpolate import CubicSpline
from torch import Tensor

Points = Float64[np.ndarray, " point"]

LEAST_SINE = 1e-3
"""Where the derivative of the angle by its cosine is cut off, next to a straight line."""


def cosine_nodes(n: int) -> Points:
    """Cosines from -1 to 1, evenly spaced in the angle."""
    nodes: Points = np.cos(np.linspace(np.pi, 0, n))
    return nodes


def angle_position(cosine: Float[Tensor, "*shape"], n: int) -> Float[Tensor, "*shape"]:
    """Position of cosines among ``n`` nodes, 0 to n - 1."""
    angle = cosine.clamp(-1, 1).acos()
    position: Tensor = (np.pi - angle).mul_((n - 1) / np.pi).clamp_(0, n - 1)
    return position


def angle_slope(cosine: Float[Tensor, "*shape"], n: int) -> Float[Tensor, "*shape"]:
    """Derivative of ``angle_position`` by the cosine."""
    slope: Tensor = (1 - cosine**2).clamp(min=LEAST_SINE**2).rsqrt() * ((n - 1) / np.pi)
    return slope


def polynomial(c: Float[Tensor, "4 ..."], t: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Cubic polynomials, from the constant, at ``t``."""
    value: Tensor = c[0] + t * (c[1] + t * (c[2] + t * c[3]))
    return value


def polynomial_slope(c: Float[Tensor, "4 ..."], t: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Their derivatives."""
    slope: Tensor = c[1] + t * (2 * c[2] + t * 3 * c[3])
    return slope


@dataclass(frozen=True, slots=True, eq=False)
class RadiusPosition:
    """Where radii lie between the nodes.

    Args:
        index: of the node below.
        share: of the way to the next node, 0 to 1.
        step: to the next node, m.
    """

    index: Int[Tensor, " point"]
    share: Float[Tensor, " point"]
    step: Float[Tensor, " point"]


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Tables interpolated between nodes.

    Args:
        radius: nodes, m; a node that stands twice separates two media.
        coefficients: cubic polynomials in the angle's step, from the constant, and the second
            derivatives of these by the radius.
    """

    radius: Float[Tensor, " radius"]
    coefficients: Float[Tensor, "radius type step 8"]

    @classmethod
    def through(
        cls, radius: Float[Tensor, " radius"], values: Float[Tensor, "type radius cosine"]
    ) -> Surface:
        """The splines through values at nodes."""
        nodes = radius.double().cpu().numpy()
        table = values.double().cpu().numpy()
        polynomial = np.moveaxis(_angle_polynomials(table), 1, 0)
        bent = np.tensordot(_second_derivative(nodes), polynomial, axes=1)
        both = np.concatenate([polynomial, bent], axis=-1)
        return cls(radius, torch.as_tensor(both, dtype=values.dtype, device=values.device))

    def to(self, device: torch.device | str) -> Surface:
        """The same on another device."""
        return Surface(self.radius.to(device), self.coefficients.to(device))

    @property
    def n_steps(self) -> int:
        """Steps between the nodes in angle."""
        return self.coefficients.shape[2]

    def radius_position(self, radius: Float[Tensor, " point"]) -> RadiusPosition:
        """Position of radii [m] among the nodes; beyond the last they count as there."""
        index = torch.searchsorted(self.radius, radius, right=True) - 1
        index = index.clamp(0, len(self.radius) - 2)
        low, high = self.radius[index], self.radius[index + 1]
        step = (high - low).clamp(min=1e-9)
        return RadiusPosition(index, ((radius - low) / step).clamp(0, 1), step)

    def rows(self, position: RadiusPosition) -> Float[Tensor, "point type step 4"]:
        """Polynomials in the angle at given radii."""
        shape = (-1, 1, 1, 1)
        s, h2 = position.share.view(shape), position.step.view(shape) ** 2 / 6
        below, above = self.coefficients[position.index], self.coefficients[position.index + 1]
        mixed = torch.lerp(below[..., :4], above[..., :4], s)
        bend_below, bend_above = (1 - s) ** 3 - (1 - s), s**3 - s
        return mixed + h2 * (bend_below * below[..., 4:] + bend_above * above[..., 4:])

    def slope_rows(self, position: RadiusPosition) -> Float[Tensor, "point type step 4"]:
        """Derivatives of these polynomials by the radius, per m."""
        shape = (-1, 1, 1, 1)
        s, h = position.share.view(shape), position.step.view(shape)
        below, above = self.coefficients[position.index], self.coefficients[position.index + 1]
        straight = (above[..., :4] - below[..., :4]) / h
        bend_below, bend_above = 1 - 3 * (1 - s) ** 2, 3 * s**2 - 1
        return straight + h / 6 * (bend_below * below[..., 4:] + bend_above * above[..., 4:])

    def at_points(
        self,
        position: RadiusPosition,
        kind: Int[Tensor, " point"],
        angle: Float[Tensor, " point"],
    ) -> Float[Tensor, " point"]:
        """Values at single points.

        Args:
            position: of their radii.
            kind: index of their type.
            angle: position of their cosines, see ``angle_position``.
        """
        n_types, n_steps = self.coefficients.shape[1:3]
        step = angle.long().clamp_(max=n_steps - 1)
        t, s = angle - step, position.share
        flat = self.coefficients.view(-1, 8)
        cell = (position.index * n_types + kind) * n_steps + step
        below = flat.index_select(0, cell).T
        above = flat.index_select(0, cell + n_types * n_steps).T
        straight = torch.lerp(polynomial(below[:4], t), polynomial(above[:4], t), s)
        r = 1 - s
        bend_below = (r * r * r - r) * polynomial(below[4:], t)
        bend_above = (s * s * s - s) * polynomial(above[4:], t)
        return straight + position.step**2 / 6 * (bend_below + bend_above)


def segments(radius: Points) -> list[slice]:
    """The nodes of each medium of emission."""
    breaks = np.flatnonzero(np.diff(radius) == 0) + 1
    edges = [0, *breaks.tolist(), len(radius)]
    return [slice(a, b) for a, b in itertools.pairwise(edges)]


def _second_derivative(radius: Points) -> Float64[np.ndarray, "point point"]:
    """Matrix that takes values at the nodes to the second derivatives of their splines."""
    matrix = np.zeros((len(radius), len(radius)))
    for part in segments(radius):
        nodes = radius[part]
        if len(nodes) > 2:
            spline = CubicSpline(nodes, np.eye(len(nodes)), axis=0)
            matrix[part, part] = spline(nodes, 2)
    return matrix


def _angle_polynomials(
    values: Float64[np.ndarray, "type radius cosine"],
) -> Float64[np.ndarray, "type radius step 4"]:
    spline = CubicSpline(np.arange(values.shape[-1]), values, axis=-1, bc_type="clamped")
    return np.moveaxis(spline.c[::-1], [0, 1], [-1, -2])
