"""A detector of one medium with constants that a test chooses, and light sites in it."""

from dataclasses import replace

import numpy as np
import torch

from kzcal.geometry import LightParameters, Medium, load_detector
from kzcal.geometry.materials import Curve, Materials
from kzcal.light import LightSites

BLACK = LightParameters(pmt_reflectivity=0.0, sheet_reflectivity=0.0, angular_slope=0.0)
COLOUR = 400.0
EFFICIENCY = 0.25


def clear_materials(attenuation=1e12, scattering=0.0, reemission=0.0, index=1.5):
    """Light of 400 nm alone in "clear", and a photocathode that sees all colours equally."""
    ends = np.array([200.0, 800.0])
    flat = {
        "refractive_index": index,
        "attenuation_length_m": attenuation,
        "scattering_fraction": scattering,
        "reemission_probability": reemission,
    }
    curves = {("clear", key): Curve(ends, np.full(2, value)) for key, value in flat.items()}
    line = Curve(COLOUR + np.array([-1.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0]))
    curves["clear", "emission_relative"] = line
    curves["photocathode", "quantum_efficiency"] = Curve(ends, np.full(2, EFFICIENCY))
    return Materials(curves, "a test", "")


def clear_detector(light=BLACK, radii=(9.0,)):
    """KamLAND-Zen 800's PMTs around shells of "clear" that end at these radii, m."""
    inner = (0.0, *radii[:-1])
    media = (Medium("shell", "clear", a, b, 1e4, 0.1) for a, b in zip(inner, radii, strict=True))
    return replace(load_detector(), light=light, media=tuple(media))


def light_sites(event, position=(0.0, 0.0, 0.0), scintillation=0.0, cherenkov=0.0, **others):
    """One site per event at the same point, along +x at the speed of light unless told."""
    n = len(event)
    columns = {
        "event": torch.as_tensor(event),
        "position": torch.tensor(position, dtype=torch.float64).expand(n, 3),
        "time": torch.zeros(n),
        "direction": torch.tensor([1.0, 0.0, 0.0]).expand(n, 3),
        "scintillation": torch.full((n,), float(scintillation)),
        "cherenkov": torch.full((n,), float(cherenkov)),
        "beta": torch.ones(n),
        "profile": torch.zeros(n, dtype=torch.long),
        "medium": torch.zeros(n, dtype=torch.long),
    }
    return LightSites(**columns | others)
