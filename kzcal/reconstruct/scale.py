"""The visible-energy scale: light of the gamma of neutron capture on hydrogen."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.geometry import Detector
from kzcal.optics.light_map import LightMap
from kzcal.particles import GAMMA, Primaries
from kzcal.physics.transport import Transport

CAPTURE_GAMMA_MEV = 2.2246
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
    direction, place = (_unit(generator.normal(size=(N_GAMMAS, 3))) for _ in range(2))
    gammas = Primaries(
        offsets=np.arange(N_GAMMAS + 1),
        particle=np.full(N_GAMMAS, GAMMA, np.int32),
        energy=np.full(N_GAMMAS, CAPTURE_GAMMA_MEV),
        time=np.zeros(N_GAMMAS),
        direction=direction,
    )
    radius = REACH * detector.scintillator_radius * np.cbrt(generator.random((N_GAMMAS, 1)))
    transport = Transport(detector)
    deposits = transport.deposits(gammas, radius * place, generator=generator)
    sites = transport.light(deposits)
    photons = sites.scintillation + _cherenkov_share(light_map) * sites.cherenkov
    return float(photons.double().sum()) / (N_GAMMAS * CAPTURE_GAMMA_MEV)


def _cherenkov_share(light_map: LightMap) -> float:
    """Photoelectrons of a Cherenkov photon over those of a scintillation photon at the centre."""
    number = torch.bincount(light_map.kind).double()

    def light(table: Float[Tensor, "type radius cosine"]) -> float:
        return float((number * table[:, 0].double().exp().mean(1).to(number)).sum())

    return light(light_map.log_cherenkov) / light(light_map.log_collection)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
