"""Light maps on disk: traced once for each detector, its materials and this version of kzcal."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch

from kzcal.errors import ConfigurationError, FileFormatError
from kzcal.geometry import Detector
from kzcal.geometry.materials import Materials
from kzcal.io.atomic import alone, replacing
from kzcal.optics.light_map import LightMap
from kzcal.optics.light_map_build import build_light_map
from kzcal.optics.light_map_tracing import MapPrecision

TABLES = (
    "radius",
    "cosine",
    "log_collection",
    "delay_quantile",
    "slopes",
    "log_cherenkov",
    "cherenkov_quantile",
    "straight_share",
)


MAKERS = (
    "photons",
    "tracer",
    "light_map_analytic",
    "light_map_build",
    "light_map_cone",
    "light_map_delays",
    "light_map_grid",
    "light_map_smoothing",
    "light_map_tracing",
)
"""How the names of the modules begin that decide what the tables hold."""


def light_map_of(
    detector: Detector,
    materials: Materials,
    *,
    precision: MapPrecision | None = None,
    ceiling: float = 1.6,
    device: torch.device | str = "cpu",
    directory: Path | None = None,
) -> LightMap:
    """The detector's light map: from the cache, else traced and put there.

    Of several processes that need a new map one traces it and the others wait.

    Args:
        detector: the detector.
        materials: optical tables of its media.
        precision: how much is traced.
        ceiling: relative efficiency of the PMTs that the map's samples are drawn for.
        device: where the map shall be.
        directory: of the cache; none means ``cache_directory``.

    Raises:
        ConfigurationError: the cache cannot be written to.
    """
    chosen = precision or MapPrecision()
    path = place_of(detector, materials, precision=chosen, directory=directory)
    if kept := _kept(path, detector, ceiling, device):
        return kept
    _make(path.parent)
    with alone(path):
        if kept := _kept(path, detector, ceiling, device):
            return kept
        traced = build_light_map(detector, materials, precision=chosen, ceiling=ceiling)
        write_light_map(path, traced)
    return traced.to(device)


def place_of(
    detector: Detector,
    materials: Materials,
    *,
    precision: MapPrecision | None = None,
    directory: Path | None = None,
) -> Path:
    """The file that keeps, or will keep, the map that ``light_map_of`` gives."""
    digest = _digest(detector, materials, precision or MapPrecision())
    return (directory or cache_directory()) / f"light-map-{digest[:32]}.npz"


def cache_directory() -> Path:
    """$KZCAL_CACHE, else kzcal in $XDG_CACHE_HOME, else ~/.cache/kzcal."""
    if chosen := os.environ.get("KZCAL_CACHE"):
        return Path(chosen)
    if common := os.environ.get("XDG_CACHE_HOME"):
        return Path(common) / "kzcal"
    return Path.home() / ".cache" / "kzcal"


def write_light_map(path: Path, light_map: LightMap) -> None:
    """Write a map's tables; the file appears whole or not at all."""
    tables = {name: getattr(light_map, name).cpu().numpy() for name in TABLES}
    with replacing(path) as beside, beside.open("wb") as stream:
        np.savez(stream, speed=light_map.speed, **tables)


def read_light_map(
    path: Path,
    detector: Detector,
    *,
    ceiling: float = 1.6,
    device: torch.device | str = "cpu",
) -> LightMap:
    """Read the map of a detector.

    Raises:
        FileFormatError: there is no such file, or it is damaged.
    """
    try:
        with path.open("rb") as stream, zipfile.ZipFile(stream):
            stream.seek(0)
            stored = np.load(stream, allow_pickle=False)
            tables = {name: stored[name].astype(np.float64) for name in TABLES}
            speed = float(stored["speed"])
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        message = f"a light map must be a whole .npz file with its tables, got {path}: {error}"
        raise FileFormatError(message) from error
    return LightMap.from_tables(detector, **tables, speed=speed, ceiling=ceiling, device=device)


def _kept(
    path: Path, detector: Detector, ceiling: float, device: torch.device | str
) -> LightMap | None:
    """The map of a file; None where none is, or a damaged one."""
    try:
        return read_light_map(path, detector, ceiling=ceiling, device=device)
    except FileFormatError:
        return None


def _digest(detector: Detector, materials: Materials, precision: MapPrecision) -> str:
    """SHA-256 of all that a map depends on, the code that makes it included."""
    made_of = {
        "pmts": [_hash(detector.positions), _hash(detector.aperture_radius)],
        "types": _hash(detector.diameter_inch),
        "media": [(m.material, m.outer_radius_m, m.photons_per_mev > 0) for m in detector.media],
        "scintillator": detector.scintillator_radius,
        "light": asdict(detector.light),
        "gain": asdict(detector.light_gain),
        "materials": materials.digest,
        "precision": asdict(precision),
        "code": _code_digest(),
    }
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()


def _hash(values: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


def _code_digest() -> str:
    """SHA-256 of the modules that trace photons and make maps of them."""
    modules = sorted(
        (entry.name, entry.read_bytes())
        for entry in files("kzcal.optics").iterdir()
        if entry.name.endswith(".py") and entry.name.startswith(MAKERS)
    )
    return hashlib.sha256(repr(modules).encode()).hexdigest()


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = (
            f"light maps are kept in a directory that can be written, got {directory}: "
            f"{error.strerror}; name another one in $KZCAL_CACHE"
        )
        raise ConfigurationError(message) from error
