"""From the particles of decays to energy deposits, and from deposits to light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Float64, Int32, Int64

from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.geometry.compositions import Composition, load_compositions
from kzcal.geometry.materials import Materials, load_materials
from kzcal.light import LightSites
from kzcal.particles import ALPHA, ELECTRON, GAMMA, POSITRON, Deposits, Primaries
from kzcal.physics.cross_sections import photon_tables
from kzcal.physics.gamma import Photons, follow_photons
from kzcal.physics.liquids import Liquids, compositions_of
from kzcal.physics.positrons import annihilation_photons
from kzcal.physics.shining import light_sites

KNOWN = (ELECTRON, POSITRON, GAMMA, ALPHA)
LONGEST_M_PER_MEV = 0.01
"""No track gets farther in a liquid; electrons of 1 MeV and more have ranges of 6 mm per MeV."""

Column = Float64[np.ndarray, " deposit"]
Points = Float64[np.ndarray, "point 3"]


class Transport:
    """Particles through the media of a detector.

    Gammas are followed through the shells. Light is that of Birks and of Frank and Tamm.

    Assumption: a track belongs to the shell in which the mean of its energy lies. That decides
        rightly where electrons from a film of 50 um shine; alphas that leave such a film share
        their energy between film and liquid, which this does not follow.

    Args:
        detector: shells, Birks constants and light yield.
        materials: refractive indices, or None for those of detector_db.
        compositions: what the materials are made of, or None for those of detector_db.
    """

    def __init__(
        self,
        detector: Detector,
        materials: Materials | None = None,
        compositions: Mapping[str, Composition] | None = None,
    ) -> None:
        media = compositions_of(detector, compositions or load_compositions())
        light = detector.light
        self._outer = np.array([medium.outer_radius_m for medium in detector.media])
        self._photons = photon_tables(media)
        self._positronium = (light.ortho_positronium, light.ortho_positronium_lifetime)
        self.liquids = Liquids.of(detector, media, materials or load_materials())

    def deposits(
        self,
        primaries: Primaries,
        position: Float64[np.ndarray, "decay 3"],
        *,
        generator: np.random.Generator,
    ) -> Deposits:
        """Energy deposits of decays, one event per decay; those outside the media are lost.

        Args:
            primaries: particles of the decays.
            position: of the decays, m.
            generator: random numbers.

        Raises:
            ConfigurationError: a particle is none that the transport follows.
        """
        _check_particles(primaries)
        decay = primaries.decay
        photons, owner = self._photons_of(primaries, position, generator=generator)
        freed = follow_photons(
            photons,
            self._photons,
            self._outer,
            ortho_positronium=self._positronium,
            generator=generator,
        )
        track = np.flatnonzero(primaries.particle != GAMMA)
        shell = self._shell(position[decay[track]])
        track, shell = track[shell < len(self._outer)], shell[shell < len(self._outer)]
        event = np.concatenate([decay[track], owner[freed.photon]])
        order = np.argsort(event, kind="stable")

        def joined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
            return np.concatenate([first, second])[order]

        deposits = Deposits(
            offsets=np.searchsorted(event[order], np.arange(len(primaries) + 1)),
            particle=joined(primaries.particle[track], freed.particle),
            energy=joined(primaries.energy[track], freed.energy),
            position=joined(position[decay[track]], freed.position),
            direction=joined(primaries.direction[track], freed.direction),
            time=joined(primaries.time[track], freed.time),
            medium=joined(shell.astype(np.int32), freed.medium),
        )
        return replace(deposits, medium=self._medium_of_tracks(deposits))

    def light(self, deposits: Deposits) -> LightSites:
        """Mean light of deposits; those that are close together shine as one."""
        return light_sites(deposits, self.liquids)

    def truth(self, deposits: Deposits) -> dict[str, Float64[np.ndarray, " event"]]:
        """What is known of each event: columns of an event file's truth.

        Returns:
            ``x``, ``y``, ``z``: centroid of the quenched energy, m, NaN without any; ``e_dep`` and
            ``e_quenched``, MeV, the latter where the liquid scintillates; ``n_site``: number of
            deposits; ``rms`` of the energy deposits about the centroid, m.
        """
        event, n = deposits.event, len(deposits)
        shines = self.liquids.photons_per_mev[deposits.medium] > 0
        quenched = self.liquids.column("quenched", deposits) * shines
        energy = deposits.energy
        centroid = np.stack([_mean(event, quenched, x, n) for x in deposits.position.T], axis=1)
        square = ((deposits.position - centroid[event]) ** 2).sum(axis=1)
        return {
            "x": centroid[:, 0],
            "y": centroid[:, 1],
            "z": centroid[:, 2],
            "e_dep": np.bincount(event, energy, n),
            "e_quenched": np.bincount(event, quenched, n),
            "n_site": np.diff(deposits.offsets).astype(np.float64),
            "rms": np.sqrt(_mean(event, energy, square, n)),
        }

    def _shell(self, position: Points) -> Int64[np.ndarray, " point"]:
        """Row of the shell that each point is in; the number of shells if in none."""
        shell: Int64[np.ndarray, " point"] = np.searchsorted(
            self._outer, np.linalg.norm(position, axis=1)
        )
        return shell

    def _medium_of_tracks(self, deposits: Deposits) -> Int32[np.ndarray, " deposit"]:
        """Row of the shell in which the mean of each track's energy lies."""
        medium = deposits.medium.copy()
        radius = np.linalg.norm(deposits.position, axis=1)
        margin = np.abs(radius - self._outer[:, None]).min(axis=0)
        near = np.flatnonzero(margin < LONGEST_M_PER_MEV * deposits.energy)
        alpha, energy = deposits.particle[near] == ALPHA, deposits.energy[near]
        forward = self.liquids.looked_up("forward", alpha, medium[near], energy)
        place = deposits.position[near] + forward[:, None] * deposits.direction[near]
        medium[near] = np.minimum(self._shell(place), len(self._outer) - 1)
        return medium

    def _photons_of(
        self,
        primaries: Primaries,
        position: Float64[np.ndarray, "decay 3"],
        *,
        generator: np.random.Generator,
    ) -> tuple[Photons, Int64[np.ndarray, " photon"]]:
        """Gammas of the decays and photons of their positrons, with the decay of each."""
        decay = primaries.decay
        gamma = np.flatnonzero(primaries.particle == GAMMA)
        rest = np.flatnonzero(primaries.particle == POSITRON)
        start, energy = position[decay[rest]], primaries.energy[rest]
        way = self.liquids.of_electrons("end", self._shell(start), energy)
        pairs = annihilation_photons(
            start + way[:, None] * primaries.direction[rest],
            primaries.time[rest],
            ortho_positronium=self._positronium,
            generator=generator,
        )
        photons = Photons(
            energy=np.concatenate([primaries.energy[gamma], pairs.energy]),
            position=np.concatenate([position[decay[gamma]], pairs.position]),
            direction=np.concatenate([primaries.direction[gamma], pairs.direction]),
            time=np.concatenate([primaries.time[gamma], pairs.time]),
        )
        return photons, np.concatenate([decay[gamma], np.repeat(decay[rest], 2)])


def _check_particles(primaries: Primaries) -> None:
    """Refuse particles that are not followed."""
    wrong = primaries.particle[~np.isin(primaries.particle, KNOWN)]
    if len(wrong):
        message = (
            f"the transport follows electrons, positrons, gammas and alphas, PDG codes "
            f"{KNOWN}, got {wrong[0]}: leave it out, or give what it sets free"
        )
        raise ConfigurationError(message)


def _mean(
    event: Int64[np.ndarray, " deposit"], weight: Column, values: Column, n: int
) -> Float64[np.ndarray, " event"]:
    """Weighted mean over the deposits of each event; NaN without weight."""
    total = np.bincount(event, weight, n)
    out = np.full(n, np.nan)
    np.divide(np.bincount(event, weight * values, n), total, out=out, where=total > 0)
    return out
