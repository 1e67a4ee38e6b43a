"""The visible-energy scale: light of the gamma of neutron capture on hydrogen."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.geometry import Detector
from kzcal.optics.light_map import LightMap
from kzcal.physics.transport import Transport
from kzcal.physics.visible import capture_light

N_GAMMAS = 2000
REACH = 0.6
"""Captures lie within this share of the scintillator's radius, so that few gammas leave it."""


def photons_per_visible_mev(detector: Detector, light_map: LightMap, *, seed: int = 1) -> float:
    """Scintillation photons that make the light of one visible MeV.

    By definition a gamma of 2.2246 MeV has that visible energy. Its Cherenkov light counts as the
    scintillation light that PMTs would see as well. The statistical error is below 0.1 %.

    Args:
        detector: the liquid, its quenching and its light yield.
        light_map: collections of both kinds of light.
        seed: of the gammas.
    """
    generator = np.random.default_rng(seed)
    radius = REACH * detector.scintillator_radius * np.cbrt(generator.random((N_GAMMAS, 1)))
    place = generator.normal(size=(N_GAMMAS, 3))
    return capture_light(
        Transport(detector),
        radius * place / np.linalg.norm(place, axis=1, keepdims=True),
        cherenkov_weight=_cherenkov_share(light_map),
        generator=generator,
    )


def _cherenkov_share(light_map: LightMap) -> float:
    """Photoelectrons of a Cherenkov photon over those of a scintillation photon at the centre."""
    number = torch.bincount(light_map.kind).double()

    def light(table: Float[Tensor, "type radius cosine"]) -> float:
        return float((number * table[:, 0].double().exp().mean(1).to(number)).sum())

    return light(light_map.log_cherenkov) / light(light_map.log_collection)
