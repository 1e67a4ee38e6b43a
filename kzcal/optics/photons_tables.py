"""What a photon looks up on its way: a detector and its materials as plain arrays."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int16, Int64

from kzcal.errors import DetectorError
from kzcal.geometry import Detector
from kzcal.geometry.materials import Materials
from kzcal.light import PROFILE_COMPONENTS
from kzcal.optics.photons_lookup import half_angles, pmt_cells

SHORTEST_NM, LONGEST_NM = 200, 800
WAVELENGTHS = np.arange(SHORTEST_NM, LONGEST_NM + 1, dtype=np.float64)
"""Light has whole wavelengths, nm; a photon keeps the row of its own."""

CHERENKOV_NM = 700
MEDIA = 8
QUANTILES = 8192


class PhotonTables(NamedTuple):
    """All that the history of a photon depends on.

    Args:
        medium: absorption and scattering coefficient [1/m], time per length [ns/m] and
            probability of re-emission, at each wavelength.
        refractive_index: of phases.
        emitted: row of the wavelength at each quantile of each spectrum: of the media, and last
            of Cherenkov light.
        cumulative: share of a medium's emission that light absorbed at each wavelength is not
            emitted in again.
        square_radius: of the outer ends of the media up to the PMTs, m^2.
        last: row of the outermost medium.
        cells: see ``pmt_cells``.
        pmt: unit vector to each PMT and the cosine of the angle that its disc spans.
        accepted: quantum efficiency over the largest one and over that of normal incidence.
        profile: cumulative weights of the components, then their decay times [ns].
        pmt_radius: m.
        pmt_reflectivity, sheet_reflectivity, angular_slope: see ``LightParameters``.
        reemission_delay, rise_time: ns.
    """

    medium: Float64[np.ndarray, "medium wavelength 4"]
    refractive_index: Float64[np.ndarray, "medium wavelength"]
    emitted: Int16[np.ndarray, "spectrum quantile"]
    cumulative: Float64[np.ndarray, "medium wavelength"]
    square_radius: Float64[np.ndarray, " medium"]
    last: int
    cells: Int16[np.ndarray, "cell candidate"]
    pmt: Float64[np.ndarray, "pmt 4"]
    accepted: Float64[np.ndarray, " wavelength"]
    profile: Float64[np.ndarray, "profile 2 component"]
    pmt_radius: float
    pmt_reflectivity: float
    sheet_reflectivity: float
    angular_slope: float
    reemission_delay: float
    rise_time: float


class Sources(NamedTuple):
    """Where photons begin.

    Args:
        position: m.
        direction: of the track, for Cherenkov light.
        beta: speed of the track; 0 for isotropic light.
        spectrum: row of ``PhotonTables.emitted``.
        profile: row of ``PhotonTables.profile``, or -1 for light at once.
    """

    position: Float64[np.ndarray, "source 3"]
    direction: Float64[np.ndarray, "source 3"]
    beta: Float64[np.ndarray, " source"]
    spectrum: Int64[np.ndarray, " source"]
    profile: Int64[np.ndarray, " source"]


def photon_tables(detector: Detector, materials: Materials) -> PhotonTables:
    """The tables of a detector, for its own ``light`` parameters.

    Raises:
        DetectorError: a medium lacks a table, or more light would come back than there is.
    """
    _check_shares(detector)
    light = detector.light
    media = [m for m in detector.media if m.inner_radius_m < detector.pmt_radius]
    names = [m.material for m in media]
    emission = np.stack([materials.emission(name, WAVELENGTHS) for name in names])
    cherenkov = np.where(WAVELENGTHS <= CHERENKOV_NM, WAVELENGTHS**-2, 0.0)
    efficiency = materials.quantum_efficiency(WAVELENGTHS)
    radius = np.minimum([m.outer_radius_m for m in media], detector.pmt_radius)
    half_angle = np.cos(half_angles(detector))
    return PhotonTables(
        medium=np.stack([_medium(name, detector, materials) for name in names]),
        refractive_index=np.stack(
            [materials.refractive_index(name, WAVELENGTHS) for name in names]
        ),
        emitted=np.stack([_quantiles(_cumulative(s)) for s in (*emission, cherenkov)]),
        cumulative=np.stack([_left_out(s, light.reemission_longer) for s in emission]),
        square_radius=radius**2,
        last=len(media) - 1,
        cells=pmt_cells(detector),
        pmt=np.concatenate([detector.directions, half_angle[:, None]], axis=1),
        accepted=efficiency / efficiency.max() / _largest_response(detector),
        profile=_profiles(light.decay_scale),
        pmt_radius=detector.pmt_radius,
        pmt_reflectivity=light.pmt_reflectivity,
        sheet_reflectivity=light.sheet_reflectivity,
        angular_slope=light.angular_slope,
        reemission_delay=light.reemission_delay,
        rise_time=light.rise_time,
    )


def as_record(tables: PhotonTables) -> np.ndarray:
    """The tables as one record, for compiled functions.

    Rows for media that a detector does not have are appended, so that one compiled function
    serves detectors of up to MEDIA media.
    """
    arrays = {key: np.asarray(value) for key, value in tables._asdict().items()}
    for key in ("medium", "refractive_index", "emitted", "cumulative", "square_radius"):
        missing = max(0, MEDIA + (key == "emitted") - len(arrays[key]))
        arrays[key] = np.pad(arrays[key], [(0, missing)] + [(0, 0)] * (arrays[key].ndim - 1))
    columns = [(key, array.dtype, array.shape) for key, array in arrays.items()]
    record = np.zeros(1, np.dtype(columns, align=True))
    for key, array in arrays.items():
        record[key] = array
    return record


def largest_efficiency(detector: Detector, materials: Materials) -> float:
    """Photoelectrons per photon that a PMT of relative efficiency 1 does not reflect, at most.

    The light collectors and better photocathodes of ``light_gain`` are in it.
    """
    gain = detector.light_gain.collectors * detector.light_gain.quantum_efficiency
    efficiency = materials.quantum_efficiency(WAVELENGTHS).max()
    return float(efficiency * _largest_response(detector) * gain)


def _check_shares(detector: Detector) -> None:
    for key in ("pmt_reflectivity", "sheet_reflectivity", "reemission_longer"):
        value = getattr(detector.light, key)
        if not 0 <= value <= 1:
            message = f"{key} must be from 0 to 1, got {value} in the light of {detector.name}"
            raise DetectorError(message)


def _largest_response(detector: Detector) -> float:
    return 1 + detector.light.angular_slope * 0.15


def _medium(
    name: str, detector: Detector, materials: Materials
) -> Float64[np.ndarray, "wavelength 4"]:
    columns = (
        materials.absorption(name, WAVELENGTHS) / detector.light.absorption_scale,
        materials.scattering(name, WAVELENGTHS) / detector.light.scattering_scale,
        1 / materials.group_velocity(name, WAVELENGTHS),
        materials.reemission(name, WAVELENGTHS),
    )
    return np.stack(columns, axis=1)


def _left_out(spectrum: Float64[np.ndarray, " wavelength"], longer: float) -> np.ndarray:
    """Share of a spectrum that is not re-emitted; all of it where nothing is emitted."""
    return _cumulative(spectrum) * (longer if spectrum.any() else 1.0)


def _cumulative(spectrum: Float64[np.ndarray, " wavelength"]) -> np.ndarray:
    """Cumulative share; all ones where nothing is emitted."""
    total = spectrum.sum()
    return np.cumsum(spectrum) / total if total > 0 else np.ones_like(spectrum)


def _quantiles(cumulative: np.ndarray) -> Int16[np.ndarray, " quantile"]:
    shares = (np.arange(QUANTILES) + 0.5) / QUANTILES
    rows = np.searchsorted(cumulative, shares)
    return rows.astype(np.int16)


def _profiles(decay_scale: float) -> Float64[np.ndarray, "profile 2 component"]:
    most = max(len(profile) for profile in PROFILE_COMPONENTS)
    table = np.ones((len(PROFILE_COMPONENTS), 2, most))
    for row, profile in zip(table, PROFILE_COMPONENTS, strict=True):
        weights, times = np.array(profile).T
        row[0, : len(profile)] = np.cumsum(weights) / math.fsum(weights)
        row[1, : len(profile)] = times * decay_scale
    return table
