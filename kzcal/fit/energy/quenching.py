r"""Light of simulated decays as a function of the Birks constant.

The energy deposits of a decay are drawn once. Their quenched energy is worked out at some Birks
constants about the one of the detector, and its logarithm is a polynomial in the logarithm of the
constant, so that it can be differentiated and has no noise. Decays of nearly the same light are
one group, whose mean is exact. Liquids differ in what they quench: decays in the inner balloon
give other light than those outside, so that each shell of a fit has decays at its own places.

Three things are not known from first principles and are parameters with priors: ``alpha_light``,
the light of alphas over what Birks' law gives them (stopping powers of alphas, and the law itself,
are good to some per cent), ``alpha_slope``, a power of the alpha's energy by which that may
change, and ``electron_quenching``, the energy that electrons lose to quenching
over what the law along the continuous slowing down gives (delta rays and the stopping power below
10 keV are not known to better than 10 per cent).

Assumption: what electrons lose is wrong by one factor at all energies. 11C against the capture
    gamma would show it in the fit's agreement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from kzcal.fit.light.points import source_of
from kzcal.fit.terms import Values
from kzcal.geometry import Detector
from kzcal.geometry.adjusted import BIRKS, scintillator
from kzcal.geometry.materials import Materials
from kzcal.particles import ALPHA, Deposits
from kzcal.parts import ParticleSource
from kzcal.physics.transport import Transport

RATIOS = np.geomspace(0.4, 2.5, 9)
"""Birks constants at which light is worked out, over that of the detector."""
DEGREE = 4
GROUPS = 300

ALPHA_LIGHT, ALPHA_SLOPE = "alpha_light", "alpha_slope"
ELECTRON_QUENCHING = "electron_quenching"
ALPHA_MEV = 6.4
"""Energy of alphas, between those of 210Po and 214Po, whose light ``alpha_slope`` leaves."""
CHERENKOV = "cherenkov_scale"


@dataclass(frozen=True, slots=True, eq=False)
class QuenchedLight:
    """Light of decays of one sample by group, as energy: photons over those of one MeV.

    Several shells with as many groups each may stand in one.

    Args:
        weight: share of the decays in each group.
        unquenched: energy of electrons that shines, MeV.
        electron: coefficients of the log of their quenched energy, MeV, in powers of the log of
            the Birks constant over ``birks``.
        alpha: the same of alphas; where there are none the light is zero.
        alpha_mev: mean energy of the alphas, MeV; 0 without any.
        cherenkov: Cherenkov photons at scale one, in units of scintillation photons of one MeV
            that leave as many photoelectrons.
        birks: mm/MeV.
        n_decays: that were simulated, in each shell.
    """

    weight: Float[Tensor, "*shell group"]
    unquenched: Float[Tensor, "*shell group"]
    electron: Float[Tensor, "*shell group power"]
    alpha: Float[Tensor, "*shell group power"]
    alpha_mev: Float[Tensor, "*shell group"]
    cherenkov: Float[Tensor, "*shell group"]
    birks: float
    n_decays: int

    @classmethod
    def by_shell(cls, shells: Sequence[QuenchedLight]) -> QuenchedLight:
        """Light of shells, all with as many groups, in one."""
        columns: dict[str, Any] = {
            name: torch.stack([getattr(light, name) for light in shells])
            for name in cls.__slots__[:6]
        }
        return replace(shells[0], **columns)

    def energy(self, values: Values) -> Float[Tensor, "*shell group"]:
        """Light of each group, MeV; missing parameters are one, and Cherenkov light's zero."""
        one = self.weight.new_ones(())
        x = torch.log(values.get(BIRKS, self.birks * one) / self.birks)
        electron = torch.exp(_polynomial(self.electron, x)) * (self.unquenched > 0)
        lost = (self.unquenched - electron) * values.get(ELECTRON_QUENCHING, one)
        alpha = torch.exp(_polynomial(self.alpha, x)) * (self.alpha_mev > 0)
        steeper = torch.log(torch.where(self.alpha_mev > 0, self.alpha_mev / ALPHA_MEV, 1.0))
        alpha = alpha * torch.exp(steeper * values.get(ALPHA_SLOPE, 0 * one))
        shining = self.unquenched - lost + alpha * values.get(ALPHA_LIGHT, one)
        return shining + self.cherenkov * values.get(CHERENKOV, 0 * one)

    def to(self, device: torch.device) -> QuenchedLight:
        """The same on another device."""
        columns = {name: getattr(self, name).to(device) for name in self.__slots__[:6]}
        return replace(self, **columns)


@dataclass(frozen=True, slots=True, eq=False)
class BirksTables:
    """A detector's transport, and the light of its deposits at other Birks constants.

    Args:
        detector: its Birks constants keep their ratios to each other; light is in units of that
            of the liquid of most volume.
        transport: of particles.
        unquenched: at a Birks constant of zero.
        scanned: at RATIOS of the detector's constants.
    """

    detector: Detector
    transport: Transport
    unquenched: Transport
    scanned: tuple[Transport, ...]

    @classmethod
    def of(cls, detector: Detector, materials: Materials) -> BirksTables:
        """Tables of a detector with these materials."""
        ratios = (1.0, 0.0, *RATIOS)
        middle, unquenched, *scanned = (transport_at(detector, materials, r) for r in ratios)
        return cls(detector, middle, unquenched, tuple(scanned))


def quenched_light(
    sample: str,
    tables: BirksTables,
    position: Float64[np.ndarray, "decay 3"],
    *,
    source: ParticleSource | None = None,
    cherenkov_weight: float = 1.0,
    seed: int,
) -> QuenchedLight:
    """Simulate decays of a sample, one at each place.

    Args:
        sample: whose decays are known.
        tables: of the detector.
        position: m.
        source: what decays; None for what does in the sample.
        cherenkov_weight: photoelectrons of a Cherenkov photon over those of a scintillation
            photon from the same place.
        seed: of the decays.
    """
    generator = np.random.default_rng([seed, *sample.encode()])
    decays = (source or source_of(sample)).sample(len(position), generator=generator)
    detector, transport = tables.detector, tables.transport
    deposits = transport.deposits(decays, position, generator=generator)
    alpha = deposits.particle == ALPHA
    plain = _energy(tables.unquenched, deposits, ~alpha)
    total = _energy(transport, deposits, ~alpha) + _energy(transport, deposits, alpha)
    group, number = _grouped(total)

    def mean(values: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.bincount(group, values, number) / np.bincount(group, None, number)
        return found

    of_alphas = np.bincount(deposits.event, deposits.energy * alpha, len(position))
    curves = [
        _coefficients(np.stack([mean(_energy(t, deposits, chosen)) for t in tables.scanned]))
        for chosen in (~alpha, alpha)
    ]
    photons = scintillator(detector).photons_per_mev * detector.light_gain.light_yield
    light = _energy(transport, deposits, ~alpha, "cherenkov") * cherenkov_weight / photons
    return QuenchedLight(
        weight=_double(np.bincount(group, None, number) / len(position)),
        unquenched=_double(mean(plain)),
        electron=curves[0],
        alpha=curves[1],
        alpha_mev=_double(mean(of_alphas)),
        cherenkov=_double(mean(light)),
        birks=scintillator(detector).birks_mm_per_mev,
        n_decays=len(position),
    )


def transport_at(detector: Detector, materials: Materials, ratio: float) -> Transport:
    """Transport with all Birks constants times a ratio, and Cherenkov light at scale one."""
    light = replace(
        detector.light,
        alpha_birks_mm_per_mev=ratio * detector.light.alpha_birks_mm_per_mev,
        cherenkov_scale=1.0,
    )
    media = tuple(replace(m, birks_mm_per_mev=ratio * m.birks_mm_per_mev) for m in detector.media)
    return Transport(replace(detector, light=light, media=media), materials)


def _energy(
    transport: Transport, deposits: Deposits, chosen: np.ndarray, column: str = "quenched"
) -> Float64[np.ndarray, " decay"]:
    """Sum of a column of the chosen deposits of each decay, weighted by the medium's light."""
    per_mev = transport.liquids.photons_per_mev
    weight = per_mev / per_mev.max() if column == "quenched" else np.ones_like(per_mev)
    values = transport.liquids.column(column, deposits) * weight[deposits.medium] * chosen
    total: np.ndarray = np.bincount(deposits.event, values, len(deposits))
    return total


def _grouped(total: Float64[np.ndarray, " decay"]) -> tuple[Int64[np.ndarray, " decay"], int]:
    """Decays in groups of nearly the same light, and the number of groups."""
    number = min(GROUPS, len(total))
    rank = np.empty(len(total), np.int64)
    rank[np.argsort(total, kind="stable")] = np.arange(len(total))
    return rank * number // len(total), number


def _coefficients(energy: Float64[np.ndarray, "ratio group"]) -> Float[Tensor, "group power"]:
    """Polynomials through the logs of energies; of zero energies those of one."""
    logs = np.log(np.where(energy > 0, energy, 1.0))
    return _double(np.polynomial.polynomial.polyfit(np.log(RATIOS), logs, DEGREE).T)


def _polynomial(
    coefficients: Float[Tensor, "*shell group power"], x: Tensor
) -> Float[Tensor, "*shell group"]:
    total = torch.zeros_like(coefficients[..., 0])
    for column in reversed(range(coefficients.shape[-1])):
        total = total * x + coefficients[..., column]
    return total


def _double(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float64))
