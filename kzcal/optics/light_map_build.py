"""The light map of a detector, from photons traced at its nodes' radii in random directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64

from kzcal.geometry import Detector
from kzcal.geometry.materials import Materials
from kzcal.optics.light_map import LightMap
from kzcal.optics.light_map_analytic import N_COSINES, radius_nodes, solid_angle_share
from kzcal.optics.light_map_delays import quantiles_of
from kzcal.optics.light_map_grid import Points, cosine_nodes, segments
from kzcal.optics.light_map_smoothing import Smoother
from kzcal.optics.light_map_tracing import (
    MapPrecision,
    TracedRow,
    traced_row,
    traced_straight_shares,
)
from kzcal.optics.tracer import FullTracer

BESIDE = 1e-6
"""How far from a boundary its two nodes are traced, m."""

Table = Float64[np.ndarray, "type radius cosine"]


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
    aimed = np.log(solid_angle_share(detector, radius, cosine))
    light = _tables(tracer, detector, radius, chosen, "scintillation")
    cherenkov = _tables(tracer, detector, radius, chosen, "cherenkov")
    return LightMap.from_tables(
        detector,
        radius,
        cosine,
        aimed + light.log_ratio,
        light.quantile,
        slopes=light.slopes,
        log_cherenkov=aimed + cherenkov.log_ratio,
        cherenkov_quantile=cherenkov.quantile,
        straight_share=traced_straight_shares(tracer, detector, chosen),
        ceiling=ceiling,
        device=device,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Tables:
    """Light of one spectrum: log relative to the discs' solid angles, slopes, delays [ns]."""

    log_ratio: Table
    slopes: Float64[np.ndarray, "scale type radius cosine"]
    quantile: Float64[np.ndarray, "type radius cosine quantile"]


def _tables(
    tracer: FullTracer,
    detector: Detector,
    radius: Points,
    precision: MapPrecision,
    spectrum: str,
) -> _Tables:
    """Traced, then freed of the scatter that counts explain.

    Light that PMTs mirrored gathers in caustics; the rest is smooth. So each is smoothed alone.
    """
    rows = [
        traced_row(tracer, detector, r, precision, spectrum, seed)
        for seed, r in enumerate(_inside(radius), start=1000 * precision.seed)
    ]
    smoother = Smoother.of(radius, N_COSINES)
    parts = [_smooth_part(smoother, rows, k) for k in range(len(rows[0].counts))]
    pairs = [_together(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)]
    return _Tables(
        np.stack([pair[0] for pair in pairs]),
        np.stack([np.moveaxis(pair[1], -1, 0) for pair in pairs], axis=1),
        np.stack([quantiles_of(pair[2]) for pair in pairs]),
    )


_Part = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Log ratio, slopes, and shares of the delays, of light of one kind."""


def _smooth_part(smoother: Smoother, rows: Sequence[TracedRow], k: int) -> _Part:
    counts = np.stack([row.counts[k] for row in rows])
    expected = np.stack([row.expected[k] for row in rows])
    log_ratio, strengths = smoother.log_ratio(counts, expected)
    means = np.stack([np.concatenate([row.slopes[k], row.delays[k]], -1) for row in rows])
    smooth = smoother.means(means, counts, strengths)
    n_slopes = rows[0].slopes.shape[-1]
    return log_ratio, smooth[..., :n_slopes], smooth[..., n_slopes:].clip(min=0)


def _together(straight: _Part, mirrored: _Part) -> _Part:
    total = np.logaddexp(straight[0], mirrored[0])
    share = np.exp(mirrored[0] - total)[..., None]
    slopes = straight[1] + share * (mirrored[1] - straight[1])
    return total, slopes, straight[2] + share * (mirrored[2] - straight[2])


def _inside(radius: Points) -> Points:
    """Radii moved off the boundaries into the medium that each node belongs to, m."""
    moved = radius.copy()
    for part in segments(radius):
        moved[part.stop - 1] -= BESIDE
        if part.start:
            moved[part.start] += BESIDE
    return moved
