"""Constants of the light that all PMTs share: what a global fit adjusts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LightParameters:
    """How light is made, travels and is reflected, beyond the tables of the materials.

    A detector file gives those that differ from these in its table ``[light]``.

    Args:
        absorption_scale: absorption lengths over those of the tables.
        scattering_scale: Rayleigh scattering lengths over those of the tables.
        pmt_reflectivity: of glass and photocathode, mirror-like about the PMT's axis.
        sheet_reflectivity: of the black sheet between the PMTs, diffuse.
        angular_slope: a disc's response to the cosine of incidence, 1 + slope (cosine - 0.85).
        reemission_delay: mean delay of re-emitted light, ns.
        reemission_longer: of the emission spectrum at wavelengths shorter than that absorbed, the
            share that light is not emitted at again. 1: never more energy than was absorbed;
            0: always the whole spectrum, since molecules relax before they emit. Source: Kasha
            (1950), doi:10.1039/DF9500900014. Assumption: 1; far light against near settles it
            where the absorption is known otherwise.
        decay_scale: scintillation decay times over the nominal ones.
        rise_time: of the scintillation, ns.
        ortho_positronium: share of positrons that form it.
        ortho_positronium_lifetime: ns.
        cherenkov_scale: Cherenkov photons over those of Frank and Tamm.
        alpha_birks_mm_per_mev: Birks constant of alpha particles, which need not be that of
            electrons.
    """

    absorption_scale: float = 1.0
    scattering_scale: float = 1.0
    pmt_reflectivity: float = 0.20
    sheet_reflectivity: float = 0.10
    angular_slope: float = 0.3
    reemission_delay: float = 1.5
    reemission_longer: float = 1.0
    decay_scale: float = 1.0
    rise_time: float = 0.8
    ortho_positronium: float = 0.5
    ortho_positronium_lifetime: float = 3.0
    cherenkov_scale: float = 1.0
    alpha_birks_mm_per_mev: float = 0.130
