"""The detector of the challenge's period A, its constants as they are, and its events.

The challenge's Monte Carlo shares no code with kzcal. Its light has one liquid and an oil, no
Cherenkov light and no rise time; all that differs from PMT to PMT is in period_A_truth.h5.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import torch

from kzcal.geometry import Detector, LightParameters, Medium, load_detector
from kzcal.geometry.materials import Curve, Materials, load_materials
from kzcal.hits import Events
from kzcal.io.events import open_events
from kzcal.optics.light_map_build import build_light_map
from kzcal.optics.light_map_tracing import MapPrecision
from kzcal.reconstruct.fit import Reconstruction
from kzcal.response.charge import ChargeShape
from kzcal.response.detector import DetectorResponse

PHOTONS_PER_MEV = 8200.0
OIL_ABSORPTION, OIL_SCATTERING = 25.0, 60.0
SHAPE = (0.13, 0.35, 0.30, 0.05)
"""Exponential share and scale, threshold and its width, as the challenge's score.py has them."""
PRECISION = MapPrecision(photons=800_000, cherenkov_photons=50_000)
LEAST_MEV = 0.25
"""Smaller events are hardly more than dark hits."""
CHALLENGE_KINDS = ("bb", "bi210", "po214", "bi214", "nH")


def challenge_detector(truth: h5py.File) -> tuple[Detector, Materials]:
    """Geometry and materials under the true scales; the oil scatters alike under every scale."""
    scattering = OIL_SCATTERING / truth["scat_scale"][()]
    length = 1 / (1 / OIL_ABSORPTION + 1 / scattering)
    ends, known = np.array([200.0, 800.0]), load_materials()
    oil = {
        ("oil", "refractive_index"): known.curve("mineral_oil", "refractive_index"),
        ("oil", "attenuation_length_m"): Curve(ends, np.full(2, length)),
        ("oil", "scattering_fraction"): Curve(ends, np.full(2, length / scattering)),
    }
    light = LightParameters(
        absorption_scale=float(truth["abs_scale"][()]),
        scattering_scale=float(truth["scat_scale"][()]),
        pmt_reflectivity=float(truth["refl_pmt"][()]),
        sheet_reflectivity=float(truth["refl_sheet"][()]),
        angular_slope=float(truth["ang_a"][()]),
        decay_scale=float(truth["tau_scale"][()]),
        rise_time=0.0,
    )
    media = (
        Medium("liquid", "scintillator", 0.0, 6.5, PHOTONS_PER_MEV, 0.12),
        Medium("oil", "oil", 6.5, 9.0),
    )
    detector: Detector = replace(load_detector(), light=light, media=media)
    return detector, Materials({**known.curves, **oil}, "the challenge", "")


def challenge_response(truth: h5py.File) -> DetectorResponse:
    """Every PMT as it was made."""

    def column(name: str) -> torch.Tensor:
        return torch.from_numpy(truth[name][:].astype(np.float32))

    n = len(truth["qe"])
    cable = torch.arange(n)
    for one, other in truth["swapped"][:]:
        cable[[one, other]] = torch.tensor([other, one])
    return DetectorResponse(
        gain=column("gain"),
        spe_width=column("spe_width"),
        time_offset=column("t_offset"),
        tts=column("tts"),
        dark_rate=column("dark_rate"),
        alive=torch.from_numpy(truth["status"][:] != 1),
        shape=ChargeShape(*(torch.full((n,), value) for value in SHAPE)),
        walk=float(truth["walk"][()]),
        late_share=float(truth["late_p"][()]),
        qe=column("qe"),
        cable=cable,
    )


def challenge_reconstruction(directory: Path) -> Reconstruction:
    """The fit with the true constants and a light map traced for the true materials."""
    with h5py.File(directory / "period_A_truth.h5") as truth:
        light_map = build_light_map(*challenge_detector(truth), precision=PRECISION)
        scale = PHOTONS_PER_MEV * float(truth["light_yield"][()])
        return Reconstruction(light_map, challenge_response(truth), photons_per_mev=scale)


def challenge_events(
    directory: Path, kind: str, n_events: int
) -> tuple[np.ndarray, np.ndarray, Events]:
    """True vertices [m] and quenched energies [MeV] of the first events of a kind, and these.

    Two electrons from one point, "bb", come from topology_train.h5, all else from period A.
    """
    apart = kind == "bb"
    name = "topology_train.h5" if apart else "period_A.h5"
    truth_name = name if apart else "period_A_truth.h5"
    group = "truth" if apart else "events"
    with h5py.File(directory / truth_name) as file:
        kinds = np.array([word.decode().strip("\0 ") for word in file[f"{group}/kind"][:]])
        energy = file[f"{group}/e_quenched"][:].astype(float)
        vertex = np.stack([file[f"{group}/{axis}"][:] for axis in "xyz"], axis=1).astype(float)
    chosen = np.flatnonzero((kinds == kind) & (energy > LEAST_MEV))[:n_events]
    parts, first = [], 0
    with open_events(directory / name, load_detector()) as source:
        for chunk in source.chunks():
            here = chosen[(chosen >= first) & (chosen < first + len(chunk))]
            parts.append((here, chunk.take(here - first)))
            first += len(chunk)
    most = max(parts, key=lambda part: len(part[0]))
    return vertex[most[0]], energy[most[0]], most[1]
