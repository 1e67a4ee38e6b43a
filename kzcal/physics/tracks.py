"""What a track leaves in a liquid, as tables over its energy: light, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from kzcal.geometry.compositions import Composition
from kzcal.physics.alphas import alpha_stopping
from kzcal.physics.cherenkov import electron_speed, photons_per_cm
from kzcal.physics.electrons import collision_stopping, forward_distances, integral

ENERGY = np.geomspace(1e-4, 100.0, 1201)
"""Nodes of all tables, MeV."""

Nodes = Float64[np.ndarray, " node"]
Energy = Float64[np.ndarray, " track"]


@dataclass(frozen=True, slots=True, eq=False)
class TrackTables:
    """Tables of one particle in one liquid, at the nodes ENERGY.

    Args:
        quenched: energy that counts for scintillation, MeV.
        cherenkov: photons of 200 to 700 nm.
        beta: mean speed over c where Cherenkov photons are emitted; 1 without any.
        forward: distance along the first direction, weighted by energy, m.
        end: distance of the end of the track along its first direction, m.
        range: length of the track, m.
    """

    quenched: Nodes
    cherenkov: Nodes
    beta: Nodes
    forward: Nodes
    end: Nodes
    range: Nodes

    def at(self, column: str, energy: Energy) -> Energy:
        """A column at the energies of tracks, MeV; in proportion to energy below the nodes."""
        values: Nodes = getattr(self, column)
        below = np.minimum(energy / ENERGY[0], 1) if column != "beta" else 1.0
        looked_up: Energy = below * np.interp(energy, ENERGY, values)
        return looked_up


def birks(stopping: Nodes, density: float, birks_mm_per_mev: float) -> Nodes:
    """Quenched energy of a track by Birks' law, MeV.

    Args:
        stopping: stopping power at the nodes ENERGY, MeV cm2/g.
        density: of the liquid, g/cm3.
        birks_mm_per_mev: Birks constant; 0 quenches nothing.

    Source: Birks (1951), doi:10.1088/0370-1298/64/10/303, along the continuous slowing down;
        delta rays are not counted apart.
    """
    return integral(ENERGY, 1 / (1 + 0.1 * birks_mm_per_mev * density * stopping))


def electron_tracks(
    material: Composition,
    birks_mm_per_mev: float,
    refractive_index: Float64[np.ndarray, " wavelength"],
    cherenkov_scale: float = 1.0,
) -> TrackTables:
    """Tables of electrons.

    Args:
        material: of the liquid.
        birks_mm_per_mev: Birks constant of electrons.
        refractive_index: phase index at cherenkov.WAVELENGTHS_NM.
        cherenkov_scale: Cherenkov photons over those of Frank and Tamm.

    Assumption: bremsstrahlung is left out; what it would carry away, 1 % of 2 MeV and 6 % of
        13 MeV, is given to the liquid along the track.
    """
    stopping = collision_stopping(material, ENERGY)
    per_mev = 1 / (material.density * stopping)
    speed = electron_speed(ENERGY)
    light = cherenkov_scale * photons_per_cm(speed, refractive_index) * per_mev
    photons = integral(ENERGY, light)
    with_speed = integral(ENERGY, light * speed)
    forward, end = forward_distances(material, ENERGY)
    beta = np.divide(with_speed, photons, out=np.ones_like(photons), where=photons > 0)
    return TrackTables(
        quenched=birks(stopping, material.density, birks_mm_per_mev),
        cherenkov=photons,
        beta=beta,
        forward=forward / 100,
        end=end / 100,
        range=integral(ENERGY, per_mev) / 100,
    )


def alpha_tracks(material: Composition, birks_mm_per_mev: float) -> TrackTables:
    """Tables of alpha particles; their tracks are straight and make no Cherenkov light.

    Args:
        material: of the liquid.
        birks_mm_per_mev: Birks constant of alpha particles.
    """
    stopping = alpha_stopping(material, ENERGY)
    length = integral(ENERGY, 1 / (material.density * stopping)) / 100
    remaining = integral(ENERGY, ENERGY / (material.density * stopping)) / 100
    dark = np.zeros_like(ENERGY)
    return TrackTables(
        quenched=birks(stopping, material.density, birks_mm_per_mev),
        cherenkov=dark,
        beta=np.ones_like(ENERGY),
        forward=remaining / ENERGY,
        end=length,
        range=length,
    )
