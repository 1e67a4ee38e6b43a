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

RADIUS_STEP_M = 0.2
N_COSINES = 65


def radius_nodes(detector: Detector, *, step: float = RADIUS_STEP_M) -> Points:
    """Radii of a map's nodes [m]: about ``step`` apart, twice where a medium of emission ends."""
    edges = [0.0, *(m.outer_radius_m for m in detector.media if m.photons_per_mev > 0)]
    parts = [
        np.linspace(low, high, max(int(np.ceil((high - low) / step)), 3) + 1)
        for low, high in itertools.pairwise(edges)
    ]
    return np.concatenate(parts)


def sight_distance(
    detector: Detector, radius: float | Points, cosine: np.ndarray
) -> Float64[np.ndarray, "..."]:
    """Distance from points at a radius [m] to PMTs at an angle, m."""
    along = 2 * detector.pmt_radius * radius * cosine
    distance: np.ndarray = np.sqrt(radius**2 + detector.pmt_radius**2 - along)
    return distance


def disc_share(
    detector: Detector, radius: float | Points, cosine: np.ndarray, aperture: float | np.ndarray
) -> Float64[np.ndarray, "..."]:
    """Share of a point's isotropic light that aims at a disc, with its angular response.

    Only the disc's centre is looked at, which is right to about 1 % at 2 m.

    Args:
        detector: the detector.
        radius: of the points, m.
        cosine: of the angle between point and disc.
        aperture: radius of the disc, m.
    """
    distance = sight_distance(detector, radius, cosine)
    incidence = (detector.pmt_radius - radius * cosine) / distance
    response = 1 + detector.light.angular_slope * (incidence - 0.85)
    share: np.ndarray = 0.25 * aperture**2 * incidence * response / distance**2
    return share


def solid_angle_share(
    detector: Detector, radius: Points, cosine: Points
) -> Float64[np.ndarray, "type radius cosine"]:
    """That share at nodes."""
    first = np.unique(detector.diameter_inch, return_index=True)[1]
    aperture = detector.aperture_radius[first][:, None, None]
    share: Float64[np.ndarray, "type radius cosine"] = disc_share(
        detector, radius[:, None], cosine, aperture
    )
    return share


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
    distance = sight_distance(detector, radius[:, None], cosine)
    share = solid_angle_share(detector, radius, cosine)
    quantile = -delay * np.log1p(-np.minimum(QUANTILES, 1 - 1e-6))
    incidence = (detector.pmt_radius - radius[:, None] * cosine) / distance
    response = 1 + detector.light.angular_slope * (incidence - 0.85)
    absorbing, inclined = (
        np.broadcast_to(slope, share.shape) for slope in (distance / attenuation, 1 - 1 / response)
    )
    return LightMap.from_tables(
        detector,
        radius,
        cosine,
        np.log(efficiency * share) - distance / attenuation,
        np.broadcast_to(quantile, (*share.shape, len(quantile))),
        slopes=np.stack([absorbing, *3 * [0 * share], inclined]),
        ceiling=ceiling,
        device=device,
    )
