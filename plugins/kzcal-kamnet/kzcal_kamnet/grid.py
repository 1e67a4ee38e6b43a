"""Squares of functions of rotations, by a grid of Euler's angles that is exact for them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from kzcal_kamnet.rotations import n_rows, turns, wigner

SLAB = 4096
"""Columns of values that are squared at a time on a processor."""


class _Rearranged(torch.autograd.Function):
    """Rows in another order; the gradient goes the way back, which is faster than adding up."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401  torch's own context
        rows: Float[Tensor, "row ..."],
        there: Int[Tensor, " place"],
        back: Int[Tensor, " row"],
    ) -> Float[Tensor, "place ..."]:
        ctx.save_for_backward(there, back)
        return _taken(rows, there)

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401
        slope: Float[Tensor, "place ..."],
    ) -> tuple[Float[Tensor, "row ..."], None, None]:
        _, back = ctx.saved_tensors
        return _taken(slope, back), None, None


def _rearranged(
    rows: Float[Tensor, "row ..."], there: Int[Tensor, " place"], back: Int[Tensor, " row"]
) -> Float[Tensor, "place ..."]:
    """Rows at their places; zero where a place is the number of rows."""
    found: Tensor = _Rearranged.apply(rows, there, back)  # type: ignore[no-untyped-call]
    return found


def _taken(
    rows: Float[Tensor, "row ..."], places: Int[Tensor, " place"]
) -> Float[Tensor, "place ..."]:
    zero = rows.new_zeros(1, *rows.shape[1:])
    return torch.cat([rows, zero]).index_select(0, places)


class _SquaredWaves(torch.autograd.Function):
    """A function's square from its waves along alpha, back as waves, a few columns at a time.

    The values on the grid are made, squared, picked and forgotten while they are in the
    processor's cache; they are the bulk of the memory and of the time otherwise.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401  torch's own context
        cosine: Float[Tensor, "order column"],
        sine: Float[Tensor, "order column"],
        waves: Float[Tensor, "2 alpha order"],
        waves_out: Float[Tensor, "2 alpha order_out"],
    ) -> tuple[Float[Tensor, "order_out column"], Float[Tensor, "order_out column"]]:
        ctx.save_for_backward(cosine, sine, waves, waves_out)
        picked = [cosine.new_empty(waves_out.shape[2], cosine.shape[1]) for _ in (0, 1)]
        for own in _slabs(cosine):
            values = torch.addmm(waves[0] @ cosine[:, own], waves[1], sine[:, own]).square_()
            for kind, out in enumerate(picked):
                out[:, own] = waves_out[kind].mT @ values
        return picked[0], picked[1]

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401  torch's own context
        slope_cosine: Float[Tensor, "order_out column"],
        slope_sine: Float[Tensor, "order_out column"],
    ) -> tuple[Float[Tensor, "order column"], Float[Tensor, "order column"], None, None]:
        cosine, sine, waves, waves_out = ctx.saved_tensors
        found = torch.empty_like(cosine), torch.empty_like(sine)
        for own in _slabs(cosine):
            values = torch.addmm(waves[0] @ cosine[:, own], waves[1], sine[:, own])
            slope = waves_out[0] @ slope_cosine[:, own]
            slope.addmm_(waves_out[1], slope_sine[:, own]).mul_(values).mul_(2.0)
            for kind, out in enumerate(found):
                out[:, own] = waves[kind].mT @ slope
        return *found, None, None


def _slabs(columns: Float[Tensor, "order column"]) -> list[slice]:
    """Columns in slabs that fit the cache; all of them on an accelerator."""
    n = columns.shape[1]
    step = SLAB if columns.device.type == "cpu" else n
    return [slice(at, at + step) for at in range(0, n, step)]


class Transform(nn.Module):
    """Function of rotations between its coefficients and its values on a grid of angles.

    The sum over degrees is one small product for each pair of orders, those over orders are one
    product with cosines and sines of each outer angle.

    Args:
        degree: the highest one.
        n_outer: values of alpha and of gamma, evenly spaced.
        n_polar: values of beta, where Gauss and Legendre put them.

    Source: P. Kostelec, D. Rockmore (2008), J. Fourier Anal. Appl. 14, 145,
        10.1007/s00041-008-9013-5 (separation of variables).
    """

    polar: Tensor
    outer: Tensor
    there: Tensor
    back: Tensor
    weighted: Tensor

    def __init__(self, degree: int, n_outer: int, n_polar: int) -> None:
        super().__init__()
        self.orders = degree + 1
        cosine, weight = np.polynomial.legendre.leggauss(n_polar)
        beta = torch.from_numpy(np.arccos(cosine))
        angle = torch.arange(n_outer, dtype=torch.float64) * (2.0 * math.pi / n_outer)
        phase = angle[:, None] * torch.arange(self.orders)
        waves = torch.stack([torch.cos(phase), torch.sin(phase)])
        share = torch.from_numpy(weight) / (2.0 * n_outer**2)
        polar = _polar(degree, beta)
        there, back = _places(degree)
        single = torch.get_default_dtype()
        weighted = polar * torch.cat([share, share])[:, None]
        self.register_buffer("polar", polar.to(single), persistent=False)
        self.register_buffer("weighted", weighted.to(single), persistent=False)
        self.register_buffer("outer", waves.to(single), persistent=False)
        self.register_buffer("there", there, persistent=False)
        self.register_buffer("back", back, persistent=False)

    def _orders(
        self, spectrum: Float[Tensor, "row event channel"]
    ) -> list[Float[Tensor, "order gamma_beta_column"]]:
        """Factors of the cosines and of the sines of alpha."""
        columns = math.prod(spectrum.shape[1:])
        flat = spectrum.reshape(len(spectrum), columns)
        rows = _rearranged(flat, self.there, self.back)
        pairs = torch.bmm(self.polar, rows.view(len(self.polar), -1, columns))
        pairs = pairs.view(self.orders, 2 * self.orders, 2, -1)
        return [torch.bmm(self._gamma(kind), pairs[:, :, kind]).flatten(1) for kind in (0, 1)]

    def _gathered(
        self, orders: Sequence[Float[Tensor, "order gamma_beta_column"]], rest: torch.Size
    ) -> Float[Tensor, "row event channel"]:
        """Coefficients from what cosines and sines of alpha pick out of a function."""
        n_outer = self.outer.shape[1]
        pairs = torch.stack(
            [
                torch.bmm(self._gamma(kind).mT, own.view(self.orders, n_outer, -1))
                for kind, own in enumerate(orders)
            ],
            2,
        )
        pairs = pairs.view(len(self.polar), self.polar.shape[1], -1)
        rows = torch.bmm(self.weighted.mT, pairs).flatten(0, 1)
        return _rearranged(rows, self.back, self.there).view(-1, *rest)

    def values(
        self, spectrum: Float[Tensor, "row event channel"]
    ) -> Float[Tensor, "alpha gamma beta event channel"]:
        """Values on the grid."""
        cosine, sine = self._orders(spectrum)
        n_outer = self.outer.shape[1]
        flat = self.outer[0] @ cosine + self.outer[1] @ sine
        return flat.view(n_outer, n_outer, -1, *spectrum.shape[1:])

    def coefficients(
        self, values: Float[Tensor, "alpha gamma beta event channel"]
    ) -> Float[Tensor, "row event channel"]:
        """Coefficients of the part of a function up to the transform's degree."""
        flat = values.flatten(1)
        return self._gathered([wave.mT @ flat for wave in self.outer], values.shape[3:])

    def squared(
        self, spectrum: Float[Tensor, "row event channel"], after: Transform
    ) -> Float[Tensor, "after_row event channel"]:
        """Coefficients of a function's square, up to the degree of ``after`` on the same grid."""
        waves = (*self._orders(spectrum), self.outer, after.outer)
        picked = _SquaredWaves.apply(*waves)  # type: ignore[no-untyped-call]
        return after._gathered(picked, spectrum.shape[1:])

    def _gamma(self, kind: int) -> Float[Tensor, "pair gamma order"]:
        """Cosines and sines in turns, beginning with those that pair with a cosine of alpha."""
        first, second = self.outer[kind], self.outer[1 - kind]
        waves = torch.stack([first, second], 2).flatten(1)
        return waves.expand(self.orders, -1, -1)


def _polar(
    degree: int, beta: Float[Tensor, " beta"]
) -> Float[Tensor, "pair wave_beta sign_degree"]:
    """From coefficients to products of cosines and sines of alpha and gamma, at each beta.

    A pair is (order of alpha, order of gamma, parity); its two rows of beta are cosine and sine of
    alpha, its two sets of degrees the coefficients (+, +) and (-, -), or (+, -) and (-, +).
    """
    none = torch.zeros_like(beta)
    found = beta.new_zeros(degree + 1, degree + 1, 2, 2, len(beta), 2, degree + 1)
    for at, d in enumerate(wigner(turns(none, beta, none), degree)):
        scaled = math.sqrt(2 * at + 1) * d.permute(1, 2, 0)
        plus, minus = scaled[at:, at:], scaled[: at + 1, : at + 1].flip(0, 1)
        minus = minus.clone()
        minus[0], minus[:, 0] = 0.0, 0.0
        own = found[: at + 1, : at + 1, ..., at]
        own[:, :, 0, 0, :, 0], own[:, :, 0, 0, :, 1] = plus, minus
        own[:, :, 0, 1, :, 0], own[:, :, 0, 1, :, 1] = -minus, -plus
        own[:, :, 1, 0, :, 0], own[:, :, 1, 0, :, 1] = -plus, minus
        own[:, :, 1, 1, :, 0], own[:, :, 1, 1, :, 1] = -minus, plus
    return found.view(-1, 2 * len(beta), 2 * (degree + 1))


def _places(degree: int) -> tuple[Int[Tensor, " place"], Int[Tensor, " row"]]:
    """Row (l, M, N) at each place (order, order, parity, sign, degree), and the way back."""
    n, absent = degree + 1, n_rows(degree)
    there = torch.full((n, n, 2, 2, n), absent)
    for at in range(n):
        rows = n_rows(at - 1) + torch.arange((2 * at + 1) ** 2).view(2 * at + 1, 2 * at + 1)
        for sign in (0, 1):
            for parity in (0, 1):
                first, second = sign, sign ^ parity
                chosen = rows if not first else rows.flip(0)
                chosen = chosen if not second else chosen.flip(1)
                there[first : at + 1, second : at + 1, parity, sign, at] = chosen[
                    at + first :, at + second :
                ]
    there = there.flatten()
    used = torch.nonzero(there < absent).squeeze(1)
    back = torch.empty(absent, dtype=torch.int64)
    back[there[used]] = used
    return there, back
