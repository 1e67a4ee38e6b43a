"""The light map of a detector, from photons traced at its nodes' radii in random directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64, Int64

from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.geometry.materials import Materials
from kzcal.optics.light_map import SPEED, LightMap
from kzcal.optics.light_map_analytic import (
    N_COSINES,
    disc_share,
    radius_nodes,
    sight_distance,
    solid_angle_share,
)
from kzcal.optics.light_map_delays import QUANTILES
from kzcal.optics.light_map_grid import Points, cosine_nodes, segments
from kzcal.optics.light_map_smoothing import Smoother
from kzcal.optics.tracer import FullTracer

BESIDE = 1e-6
"""How far from a boundary its two nodes are traced, m."""

DELAYS_PER_NODE = 400
"""A node's delays come from its neighbours too until there are so many."""

Table = Float64[np.ndarray, "type radius cosine"]


@dataclass(frozen=True, slots=True)
class MapPrecision:
    """How much is traced for a light map.

    Args:
        photons: of scintillation, for every radius.
        cherenkov_photons: the same of Cherenkov light.
        directions: directions of the points at every radius.
        seed: of the photons.
    """

    photons: int = 4_000_000
    cherenkov_photons: int = 1_500_000
    directions: int = 1000
    seed: int = 1

    def __post_init__(self) -> None:
        if self.directions < 1 or self.photons < self.directions:
            message = (
                "a light map needs at least one photon per direction, "
                f"got photons={self.photons} and directions={self.directions}"
            )
            raise ConfigurationError(message)


def build_light_map(
    detector: Detector,
    materials: Materials,
    *,
    precision: MapPrecision | None = None,
    ceiling: float = 1.6,
    device: torch.device | str = "cpu",
) -> LightMap:
    """Trace photons and make the map of them.

    Args:
        detector: its ``light`` is the map's.
        materials: optical tables of its media.
        precision: how much is traced.
        ceiling: relative efficiency of the PMTs that the map's samples are drawn for.
        device: where the map shall be.
    """
    chosen = precision or MapPrecision()
    radius, cosine = radius_nodes(detector), cosine_nodes(N_COSINES)
    tracer = FullTracer(detector, materials, ceiling)
    smoother = Smoother.of(radius, len(cosine))
    aimed = np.log(solid_angle_share(detector, radius, cosine))
    light = _traced(tracer, detector, radius, chosen, "scintillation").smooth(smoother)
    cherenkov = _traced(tracer, detector, radius, chosen, "cherenkov").smooth(smoother)
    return LightMap.from_tables(
        detector,
        radius,
        cosine,
        aimed + light.log_ratio,
        light.quantile,
        slopes=light.slopes,
        log_cherenkov=aimed + cherenkov.log_ratio,
        cherenkov_quantile=cherenkov.quantile,
        ceiling=ceiling,
        device=device,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _SmoothTables:
    """Tables of light of one spectrum; the log is relative to the discs' solid angles."""

    log_ratio: Table
    slopes: Float64[np.ndarray, "scale type radius cosine"]
    quantile: Float64[np.ndarray, "type radius cosine quantile"]


@dataclass(frozen=True, slots=True, eq=False)
class _Tally:
    """What photons of one spectrum left around the nodes.

    Args:
        counts: photons detected.
        expected: photoelectrons, if all the light that aims at a disc were detected, in counts.
        slopes: mean of the slopes of the counts.
        delays: mean, then quantiles, of the delays of the counts, ns.
        spread: standard deviation of one count's slopes and delays.
    """

    counts: Table
    expected: Table
    slopes: Float64[np.ndarray, "type radius cosine scale"]
    delays: Float64[np.ndarray, "type radius cosine quantile_plus_1"]
    spread: tuple[float, float]

    def smooth(self, smoother: Smoother) -> _SmoothTables:
        """Without the scatter from node to node that the counts explain."""
        kinds = range(len(self.counts))
        log_ratio = [smoother.log_ratio(self.counts[k], self.expected[k]) for k in kinds]
        slopes = [smoother.means(self.slopes[k], self.counts[k], self.spread[0]) for k in kinds]
        delays = [smoother.means(self.delays[k], self.counts[k], self.spread[1]) for k in kinds]
        rising = np.maximum.accumulate(np.stack(delays)[..., 1:], axis=-1)
        return _SmoothTables(np.stack(log_ratio), np.moveaxis(np.stack(slopes), -1, 0), rising)


def _traced(
    tracer: FullTracer,
    detector: Detector,
    radius: Points,
    precision: MapPrecision,
    spectrum: str,
) -> _Tally:
    """Photons of all radii, sorted into nodes."""
    rows = [
        _traced_row(tracer, detector, r, precision, spectrum, seed)
        for seed, r in enumerate(_just_inside(radius), start=100 * precision.seed)
    ]
    spread = np.sqrt(np.mean([row.variance for row in rows], axis=0))
    return _Tally(
        counts=np.stack([row.counts for row in rows], axis=1),
        expected=np.stack([row.expected for row in rows], axis=1),
        slopes=np.stack([row.slopes for row in rows], axis=1),
        delays=np.stack([row.delays for row in rows], axis=1),
        spread=(float(spread[0]), float(spread[1])),
    )


def _just_inside(radius: Points) -> Points:
    """Radii moved off the boundaries into the medium that each node belongs to, m."""
    moved = radius.copy()
    for part in segments(radius):
        moved[part.stop - 1] -= BESIDE
        if part.start:
            moved[part.start] += BESIDE
    return moved


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """A tally at one radius."""

    counts: Float64[np.ndarray, "type cosine"]
    expected: Float64[np.ndarray, "type cosine"]
    slopes: Float64[np.ndarray, "type cosine scale"]
    delays: Float64[np.ndarray, "type cosine quantile_plus_1"]
    variance: tuple[float, float]


def _traced_row(
    tracer: FullTracer,
    detector: Detector,
    radius: float,
    precision: MapPrecision,
    spectrum: str,
    seed: int,
) -> _Row:
    photons = precision.photons if spectrum == "scintillation" else precision.cherenkov_photons
    each = -(-photons // precision.directions)
    unit = np.random.default_rng(seed).normal(size=(precision.directions, 3))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    generator = torch.Generator().manual_seed(seed)
    found = tracer.trace(radius * unit, each, spectrum=spectrum, generator=generator)
    kind = np.unique(detector.diameter_inch, return_inverse=True)[1]
    n_kinds = int(kind.max()) + 1
    shape = (n_kinds, N_COSINES)

    cosine = unit @ detector.directions.T
    aimed = disc_share(detector, radius, cosine, detector.aperture_radius)
    expected = np.bincount(
        (kind * N_COSINES + _nearest_node(cosine)).ravel(), aimed.ravel(), n_kinds * N_COSINES
    )
    seen = np.einsum("ij,ij->i", unit[found.source], detector.directions[found.pmt])
    delay = found.time - sight_distance(detector, radius, seen) / SPEED
    cell = kind[found.pmt] * N_COSINES + _nearest_node(seen)
    counts = np.bincount(cell, minlength=n_kinds * N_COSINES)
    sums = [np.bincount(cell, slope, n_kinds * N_COSINES) for slope in found.slopes.T]
    return _Row(
        counts=counts.reshape(shape).astype(float),
        expected=(expected * each / found.weight).reshape(shape),
        slopes=(np.stack(sums, -1) / np.maximum(counts, 1)[:, None]).reshape(*shape, -1),
        delays=_delays(delay, cell, shape),
        variance=(float(np.var(found.slopes[:, 0])), float(np.var(delay))),
    )


def _nearest_node(cosine: np.ndarray) -> Int64[np.ndarray, "..."]:
    angle = np.arccos(np.clip(cosine, -1, 1))
    node: np.ndarray = np.rint((np.pi - angle) * ((N_COSINES - 1) / np.pi)).astype(np.int64)
    return node


def _delays(
    delay: Float64[np.ndarray, " count"], cell: Int64[np.ndarray, " count"], shape: tuple[int, int]
) -> Float64[np.ndarray, "type cosine quantile_plus_1"]:
    """Mean and quantiles around each node, with those of its neighbours where counts are few."""
    order = np.argsort(cell, kind="stable")
    ordered = delay[order]
    starts = np.searchsorted(cell[order], np.arange(shape[0] * shape[1] + 1))
    table = np.zeros((*shape, len(QUANTILES) + 1))
    for k, j in np.ndindex(*shape):
        low, high = j, j + 1
        while starts[k * shape[1] + high] - starts[k * shape[1] + low] < DELAYS_PER_NODE and (
            low,
            high,
        ) != (0, shape[1]):
            low, high = max(low - 1, 0), min(high + 1, shape[1])
        near = ordered[starts[k * shape[1] + low] : starts[k * shape[1] + high]]
        if len(near):
            table[k, j, 0] = near.mean()
            table[k, j, 1:] = np.quantile(near, QUANTILES)
    return table
