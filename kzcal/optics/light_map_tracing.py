"""Photons from one radius in random directions, sorted by the angle to the PMTs that they meet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64, Int64

from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.light import LightSites
from kzcal.optics.light_map import SPEED
from kzcal.optics.light_map_analytic import N_COSINES, disc_share, sight_distance
from kzcal.optics.light_map_cone import straight_shares
from kzcal.optics.light_map_delays import N_BINS, delay_bin
from kzcal.optics.light_map_scales import MIRROR
from kzcal.optics.tracer import Detections, FullTracer


@dataclass(frozen=True, slots=True)
class MapPrecision:
    """How much is traced for a light map.

    Args:
        photons: of scintillation, for every radius.
        cherenkov_photons: the same of Cherenkov light.
        directions: directions of the points at every radius.
        seed: of the photons.
    """

    photons: int = 3_000_000
    cherenkov_photons: int = 1_000_000
    directions: int = 1000
    seed: int = 1

    def __post_init__(self) -> None:
        if self.directions < 1 or self.photons < self.directions:
            message = (
                "a light map needs at least one photon per direction, "
                f"got photons={self.photons} and directions={self.directions}"
            )
            raise ConfigurationError(message)


@dataclass(frozen=True, slots=True, eq=False)
class TracedRow:
    """What photons from one radius left around the nodes in angle.

    Kinds are the types of PMTs, and of each first the light that no PMT mirrored, then the rest.

    Args:
        counts: photons detected.
        expected: counts, if all the light that aims at a disc were detected.
        slopes: means over the counts.
        delays: shares of the counts in the bins of ``delay_bin``.
    """

    counts: Float64[np.ndarray, "kind cosine"]
    expected: Float64[np.ndarray, "kind cosine"]
    slopes: Float64[np.ndarray, "kind cosine scale"]
    delays: Float64[np.ndarray, "kind cosine bin"]


def traced_row(
    tracer: FullTracer,
    detector: Detector,
    radius: float,
    precision: MapPrecision,
    spectrum: str,
    seed: int,
) -> TracedRow:
    """Trace photons from points at a radius [m]; the seed decides directions and photons."""
    photons = precision.photons if spectrum == "scintillation" else precision.cherenkov_photons
    each = -(-photons // precision.directions)
    unit = np.random.default_rng(seed).normal(size=(precision.directions, 3))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    generator = torch.Generator().manual_seed(seed)
    found = tracer.trace(radius * unit, each, spectrum=spectrum, generator=generator)
    kind = 2 * np.unique(detector.diameter_inch, return_inverse=True)[1]
    n_kinds = int(kind.max()) + 2

    cosine = unit @ detector.directions.T
    aimed = disc_share(detector, radius, cosine, detector.aperture_radius)
    cell = kind * N_COSINES + _nearest_node(cosine)
    expected = np.bincount(cell.ravel(), aimed.ravel(), n_kinds * N_COSINES)
    expected = expected.reshape(-1, 2, N_COSINES)[:, :1].repeat(2, axis=1)
    return _sorted(
        found,
        detector,
        radius,
        np.einsum("ij,ij->i", unit[found.source], detector.directions[found.pmt]),
        kind[found.pmt] + (found.slopes[:, MIRROR] > 0),
        expected.reshape(n_kinds, N_COSINES) * each / found.weight,
    )


def _sorted(
    found: Detections,
    detector: Detector,
    radius: float,
    cosine: Float64[np.ndarray, " count"],
    kind: Int64[np.ndarray, " count"],
    expected: Float64[np.ndarray, "kind cosine"],
) -> TracedRow:
    n = expected.size
    cell = kind * N_COSINES + _nearest_node(cosine)
    counts = np.bincount(cell, minlength=n)
    slopes = np.stack([np.bincount(cell, slope, n) for slope in found.slopes.T], axis=-1)
    delay = found.time - sight_distance(detector, radius, cosine) / SPEED
    delays = np.bincount(cell * N_BINS + delay_bin(delay), minlength=n * N_BINS)
    per_count = 1 / np.maximum(counts, 1)[:, None]
    return TracedRow(
        counts=counts.reshape(expected.shape).astype(float),
        expected=expected,
        slopes=(slopes * per_count).reshape(*expected.shape, -1),
        delays=(delays.reshape(n, N_BINS) * per_count).reshape(*expected.shape, N_BINS),
    )


def _nearest_node(cosine: np.ndarray) -> Int64[np.ndarray, "..."]:
    angle = np.arccos(np.clip(cosine, -1, 1))
    node: np.ndarray = np.rint((np.pi - angle) * ((N_COSINES - 1) / np.pi)).astype(np.int64)
    return node


def traced_straight_shares(
    tracer: FullTracer, detector: Detector, precision: MapPrecision
) -> Float64[np.ndarray, " distance"]:
    """Shares of Cherenkov light that is straight, from random tracks at all radii."""
    n = precision.directions
    rng = np.random.default_rng(precision.seed)
    unit = rng.normal(size=(2, n, 3))
    unit /= np.linalg.norm(unit, axis=2, keepdims=True)
    position = detector.scintillator_radius * rng.random((n, 1)) * unit[0]
    medium = np.searchsorted(
        [m.outer_radius_m for m in detector.media], np.linalg.norm(position, axis=1)
    )
    tracks = LightSites(
        event=torch.arange(n),
        position=torch.tensor(position, dtype=torch.float32),
        time=torch.zeros(n),
        direction=torch.tensor(unit[1], dtype=torch.float32),
        scintillation=torch.zeros(n),
        cherenkov=torch.full((n,), 4.0 * precision.cherenkov_photons / n),
        beta=torch.ones(n),
        profile=torch.zeros(n, dtype=torch.long),
        medium=torch.as_tensor(medium),
    )
    found = tracer.sample(tracks, generator=torch.Generator().manual_seed(precision.seed))
    event = found.event.numpy()
    way = detector.positions[found.pmt.numpy()] - position[event]
    distance = np.linalg.norm(way, axis=1)
    return straight_shares(distance, np.einsum("ij,ij->i", way, unit[1][event]) / distance)
