"""What tracks leave in each liquid of a detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int32

from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.geometry.compositions import Composition
from kzcal.geometry.materials import Materials
from kzcal.particles import ALPHA, Deposits
from kzcal.physics.cherenkov import WAVELENGTHS_NM
from kzcal.physics.tracks import TrackTables, alpha_tracks, electron_tracks

Column = Float64[np.ndarray, " deposit"]


@dataclass(frozen=True, slots=True, eq=False)
class Liquids:
    """Tables of tracks, by medium of the detector.

    Args:
        electrons: of electrons and positrons.
        alphas: of alpha particles.
        photons_per_mev: scintillation photons per MeV of quenched energy.
    """

    electrons: tuple[TrackTables, ...]
    alphas: tuple[TrackTables, ...]
    photons_per_mev: Float64[np.ndarray, " medium"]

    @classmethod
    def of(
        cls, detector: Detector, compositions: Sequence[Composition], materials: Materials
    ) -> Liquids:
        """Tables for the media of a detector.

        Args:
            detector: Birks constants and light yields.
            compositions: of the media, in their order.
            materials: refractive indices.
        """
        light = detector.light
        electrons = [
            electron_tracks(
                composition,
                medium.birks_mm_per_mev,
                materials.refractive_index(medium.material, WAVELENGTHS_NM),
                light.cherenkov_scale,
            )
            for composition, medium in zip(compositions, detector.media, strict=True)
        ]
        alphas = [alpha_tracks(c, light.alpha_birks_mm_per_mev) for c in compositions]
        per_mev = np.array([medium.photons_per_mev for medium in detector.media])
        return cls(tuple(electrons), tuple(alphas), per_mev * detector.light_gain.light_yield)

    def column(self, name: str, deposits: Deposits) -> Column:
        """A column of TrackTables for each deposit."""
        alpha = deposits.particle == ALPHA
        return self.looked_up(name, alpha, deposits.medium, deposits.energy)

    def looked_up(
        self,
        name: str,
        alpha: Bool[np.ndarray, " deposit"],
        medium: Int32[np.ndarray, " deposit"],
        energy: Column,
    ) -> Column:
        """A column of TrackTables for alphas or else electrons of given energies [MeV]."""
        values = self.of_electrons(name, medium, energy)
        if alpha.any():
            values[alpha] = _at(self.alphas, name, medium[alpha], energy[alpha])
        return values

    def of_electrons(
        self, name: str, medium: Int32[np.ndarray, " deposit"], energy: Column
    ) -> Column:
        """A column of TrackTables for electrons [MeV] in media."""
        return _at(self.electrons, name, medium, energy)


def compositions_of(
    detector: Detector, known: Mapping[str, Composition]
) -> tuple[Composition, ...]:
    """Compositions of the media of a detector.

    Raises:
        ConfigurationError: a material has none.
    """
    for medium in detector.media:
        if medium.material not in known:
            message = (
                f"every medium is made of a material with a composition, got {medium.material!r}: "
                f"choose from {', '.join(known)}, or add it to materials/compositions.toml"
            )
            raise ConfigurationError(message)
    return tuple(known[medium.material] for medium in detector.media)


def _at(
    tables: Sequence[TrackTables], name: str, medium: Int32[np.ndarray, " deposit"], energy: Column
) -> Column:
    values = np.zeros(len(energy))
    for row, table in enumerate(tables):
        inside = medium == row
        values[inside] = table.at(name, energy[inside])
    return values
