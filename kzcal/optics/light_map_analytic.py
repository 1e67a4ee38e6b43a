"""The light map of bare geometry: solid angles of discs with attenuation, without tracing."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from jaxtyping import Float64

from kzcal.geometry import Detector
from kzcal.optics.light_map import LightMap
from kzcal.optics.light_map_delays import QUANTILES
from kzcal.optics.light_map_grid import Points, cosine_nodes

RADIUS_STEP_M = 0.3
N_COSINES = 49


def radius_nodes(detector: Detector, *, step: float = RADIUS_STEP_M) -> Points:
    """Radii of a map's nodes [m]: about ``step`` apart, twice where a medium of emission ends."""
    edges = [0.0, *(m.outer_radius_m for m in detector.media if m.photons_per_mev > 0)]
    parts = [
        np.linspace(low, high, max(int(np.ceil((high - low) / step)), 3) + 1)
        for low, high in itertools.pairwise(edges)
    ]
    return np.concatenate(parts)


def solid_angle_share(
    detector: Detector, radius: Points, cosine: Points
) -> Float64[np.ndarray, "type radius cosine"]:
    """Share of a point's isotropic light that goes to a disc, with its angular response.

    Only the disc's centre is looked at, which is right to about 1 % at 2 m.
    """
    r, c = radius[:, None], cosine[None, :]
    distance = sight_distance(detector, radius, cosine)
    incidence = (detector.pmt_radius - r * c) / distance
    response = 1 + detector.light.angular_slope * (incidence - 0.85)
    kinds = np.unique(detector.diameter_inch, return_index=True)[1]
    square = detector.aperture_radius[kinds, None, None] ** 2
    share: Float64[np.ndarray, "type radius cosine"] = (
        0.25 * square * incidence * response / distance**2
    )
    return share


def sight_distance(
    detector: Detector, radius: Points, cosine: Points
) -> Float64[np.ndarray, "radius cosine"]:
    """Distance from each node to its PMT, m."""
    r, c = radius[:, None], cosine[None, :]
    distance: Float64[np.ndarray, "radius cosine"] = np.sqrt(
        r**2 + detector.pmt_radius**2 - 2 * detector.pmt_radius * r * c
    )
    return distance


def analytic_light_map(
    detector: Detector,
    *,
    attenuation: float = 20.0,
    efficiency: float = 0.25,
    delay: float = 1.0,
    ceiling: float = 1.6,
    device: torch.device | str = "cpu",
) -> LightMap:
    """The map of discs in a medium that only absorbs.

    Args:
        detector: the detector.
        attenuation: length over which light falls by e, m.
        efficiency: of a PMT of relative efficiency 1 for the light that meets its disc.
        delay: mean of the delays, which are exponential, ns.
        ceiling: relative efficiency of the PMTs that photoelectrons are drawn for.
        device: where the map shall be.
    """
    radius, cosine = radius_nodes(detector), cosine_nodes(N_COSINES)
    distance = sight_distance(detector, radius, cosine)
    share = solid_angle_share(detector, radius, cosine)
    quantile = -delay * np.log1p(-np.minimum(QUANTILES, 1 - 1e-6))
    return LightMap.from_tables(
        detector,
        radius,
        cosine,
        np.log(efficiency * share) - distance / attenuation,
        np.broadcast_to(quantile, (*share.shape, len(quantile))),
        slopes=np.stack([np.broadcast_to(distance / attenuation, share.shape)] + 3 * [0 * share]),
        ceiling=ceiling,
        device=device,
    )
