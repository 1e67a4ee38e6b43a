"""The graph of the PMTs on their sphere, and ever coarser graphs of clusters of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from scipy.spatial import cKDTree

from kzcal.geometry.farthest import farthest_points
from kzcal_graph_unet_gan.sparse import SparseMap

POOLING = 4
"""Nodes that become one at each level."""


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """Nodes of one fineness.

    Args:
        place: unit vectors.
        near: weighted mean over a node's neighbours.
        pool: mean over the members of each cluster of the next level; None at the coarsest.
        unpool: back to each member from its cluster; None at the coarsest.
    """

    place: Float64[np.ndarray, "node 3"]
    near: SparseMap
    pool: SparseMap | None
    unpool: SparseMap | None


def hierarchy(
    directions: Float64[np.ndarray, "pmt 3"],
    alive: Bool[np.ndarray, " pmt"],
    *,
    depth: int,
    neighbours: int,
    pooling: int = POOLING,
) -> tuple[Level, ...]:
    """The PMTs and, level by level, clusters of a quarter as many nodes.

    The clusters are the cells of nodes chosen one by one, each farthest from those before. Dead
    PMTs send nothing to their neighbours or their cluster; they listen, so that no row is empty.

    Args:
        directions: unit vectors to the PMTs.
        alive: PMTs that report anything.
        depth: number of coarser levels.
        neighbours: of each node.
        pooling: nodes that become one from a level to the next.
    """
    places: list[Float64[np.ndarray, "node 3"]] = [directions]
    homes: list[Int64[np.ndarray, " node"]] = []
    for _ in range(depth):
        fine = places[-1]
        coarse = fine[farthest_points(fine, max(1, round(len(fine) / pooling)))]
        homes.append(np.asarray(cKDTree(coarse).query(fine)[1], np.int64))
        places.append(coarse)
    weights: list[Float64[np.ndarray, " node"]] = [alive.astype(np.float64)]
    for home, coarse in zip(homes, places[1:], strict=True):
        total = np.bincount(home, weights[-1], minlength=len(coarse))
        weights.append(np.asarray(total, np.float64))
    maps = [_pooling(*pair) for pair in zip(homes, weights[:-1], weights[1:], strict=True)]
    return tuple(
        Level(place, _near(place, weight > 0, neighbours), *pair)
        for place, weight, pair in zip(places, weights, [*maps, (None, None)], strict=True)
    )


def _near(
    place: Float64[np.ndarray, "node 3"], alive: Bool[np.ndarray, " node"], neighbours: int
) -> SparseMap:
    """Mean over the nearest other nodes, weighted by a Gaussian of the distance."""
    k = min(neighbours, len(place) - 1)
    distance, index = cKDTree(place).query(place, k=k + 1)
    distance, index = (np.reshape(x, (len(place), k + 1))[:, 1:] for x in (distance, index))
    scale = np.median(distance) if k else 1.0
    weight = np.exp(-0.5 * (distance / scale) ** 2) * alive[index]
    weight = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
    row = np.repeat(np.arange(len(place)), k)
    return _map(row, index.ravel(), weight.ravel(), (len(place), len(place)))


def _pooling(
    home: Int64[np.ndarray, " node"],
    weight: Float64[np.ndarray, " node"],
    total: Float64[np.ndarray, " cluster"],
) -> tuple[SparseMap, SparseMap]:
    """Mean of the members that live, and back to every member."""
    node = np.arange(len(home))
    share = weight / np.maximum(total[home], 1e-12)
    pool = _map(home, node, share, (len(total), len(home)))
    return pool, _map(node, home, np.ones(len(home)), (len(home), len(total)))


def _map(
    row: Int64[np.ndarray, " entry"],
    column: Int64[np.ndarray, " entry"],
    weight: Float64[np.ndarray, " entry"],
    shape: tuple[int, int],
) -> SparseMap:
    kept = np.flatnonzero(weight)
    entries = [torch.from_numpy(np.asarray(x)[kept]) for x in (row, column, weight)]
    return SparseMap(entries[0], entries[1], entries[2], shape)
