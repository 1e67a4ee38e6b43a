"""Sums, shares and largest values over the captures of a candidate or of a muon."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import embedding_bag

AT_ONCE = 2048
"""Points whose products are held together, so that they stay in the processor's cache."""


def largest(
    point: Float[Tensor, "point number"],
    weight: Float[Tensor, "feature number"],
    counts: Int64[Tensor, " candidate"],
) -> Float[Tensor, "candidate feature"]:
    """Largest of ``weight @ point`` over the points of each candidate; zero where it has none.

    The products are never kept. Only the point that is largest in a feature has a slope there, so
    the way back is a sum over one row per candidate and feature, where a product and a maximum by
    themselves go back through every point. What is left of the cost is the way forward.

    Args:
        point: numbers of each, those of one candidate one after the other.
        weight: of the features.
        counts: points of each candidate.

    Source: C. Qi et al. (2017), PointNet, arXiv:1612.00593, for the maximum over a shared layer.
    """
    with torch.autocast(point.device.type, enabled=False):
        found: Tensor = _Largest.apply(  # type: ignore[no-untyped-call]
            point.float(), weight.float(), counts
        )
    return found


class _Largest(torch.autograd.Function):
    """A linear layer and a maximum in one."""

    @staticmethod
    def forward(ctx: Any, point: Tensor, weight: Tensor, counts: Tensor) -> Tensor:  # noqa: ANN401
        value = point.new_zeros(len(counts), len(weight))
        place = torch.full(value.shape, -1, dtype=torch.int64, device=point.device)
        first = counts.cumsum(0) - counts
        for rows, most in _alike(counts):
            slot = torch.arange(most, device=point.device) % counts[rows, None]
            index = first[rows, None] + slot
            product = (weight @ point[index.flatten()].T).view(len(weight), len(rows), most)
            top, at = product.max(2)
            value[rows], place[rows] = top.T, index.gather(1, at.T)
        ctx.save_for_backward(point, weight, place)
        return value

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, Tensor | None, None]:  # noqa: ANN401
        point, weight, place = ctx.saved_tensors
        some = place[:, 0] >= 0
        place, slope = place[some], slope[some]
        if not len(place):
            return torch.zeros_like(point), torch.zeros_like(weight), None
        to_weight = embedding_bag(
            place.T.contiguous(), point, per_sample_weights=slope.T.contiguous(), mode="sum"
        )
        chosen, order = place.flatten().sort(stable=True)
        feature = torch.arange(len(weight), device=point.device).repeat(len(place))
        counts = torch.bincount(chosen, minlength=len(point))
        to_point = embedding_bag(
            feature[order],
            weight,
            counts.cumsum(0) - counts,
            per_sample_weights=slope.flatten()[order],
            mode="sum",
        )
        return to_point, to_weight, None


def _alike(counts: Int64[Tensor, " candidate"]) -> list[tuple[Int64[Tensor, " row"], int]]:
    """Candidates in groups of about as many points, and the most of a group."""
    order = counts.argsort()
    sizes = counts[order].tolist()
    groups, begin = [], next((i for i, size in enumerate(sizes) if size), len(sizes))
    while begin < len(sizes):
        end = begin + 1
        while end < len(sizes) and (end - begin + 1) * sizes[end] <= AT_ONCE:
            end += 1
        groups.append((order[begin:end], int(sizes[end - 1])))
        begin = end
    return groups


def shares(
    logit: Float[Tensor, "point head"], segment: Int64[Tensor, " point"], n: int
) -> Float[Tensor, "point head"]:
    """Shares of the points of each segment that add up to one."""
    top = logit.new_full((n, logit.shape[1]), -torch.inf)
    index = segment[:, None].expand_as(logit)
    top = top.scatter_reduce(0, index, logit.detach(), "amax")
    odds = (logit - top[segment]).exp()
    return odds / total(odds, segment, n)[segment]


def total(
    values: Float[Tensor, "point number"], segment: Int64[Tensor, " point"], n: int
) -> Float[Tensor, "segment number"]:
    """Sum over the points of each segment."""
    return values.new_zeros(n, values.shape[1]).index_add(0, segment, values)


def log_total(
    logit: Float[Tensor, " muon"],
    segment: Int64[Tensor, " muon"],
    floor: Float[Tensor, " candidate"],
) -> Float[Tensor, " candidate"]:
    """Logarithm of the sum of exponentials over the muons of each candidate and its floor."""
    top = floor.detach().scatter_reduce(0, segment, logit.detach(), "amax")
    odds = (logit - top[segment]).exp()
    return ((floor - top).exp().index_add(0, segment, odds)).log() + top
