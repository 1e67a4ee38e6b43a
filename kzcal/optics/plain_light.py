"""Light of point-like events in a detector of few parameters: enough for a demonstration.

Direct light falls off with solid angle and attenuation; a part of what is lost on the way is
scattered or re-emitted and arrives later, the more so the longer the way. There are no photons
here: photoelectrons are drawn from their expected number and time distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from kzcal.optics.acceptance import sightline
from kzcal.photoelectrons import Photoelectrons


@dataclass(frozen=True, slots=True)
class PlainLight:
    """Parameters of the light.

    Args:
        photoelectrons: detected photoelectrons per MeV of visible energy that solid angle one
            would give at nominal efficiency.
        attenuation: length over which direct light falls by e, m.
        scattering: length over which light scatters, m.
        angular_slope: response to the cosine of incidence, 1 + slope (cosine - 0.85).
        delay: mean delay of scattered light, ns.
        speed: of light in the liquid, m/ns.
    """

    photoelectrons: float = 1150.0
    attenuation: float = 22.0
    scattering: float = 14.0
    angular_slope: float = 0.3
    delay: float = 12.0
    speed: float = 0.196

    def sample(
        self,
        vertex: Float[Tensor, "event 3"],
        energy: Float[Tensor, " event"],
        t0: Float[Tensor, " event"],
        is_alpha: Int[Tensor, " event"],
        efficiency: Float[Tensor, " pmt"],
        direction: Float[Tensor, "pmt 3"],
        aperture_radius: Float[Tensor, " pmt"],
        radius: float,
        profiles: Sequence[Sequence[tuple[float, float]]],
        *,
        generator: torch.Generator,
    ) -> Photoelectrons:
        """Draw photoelectrons.

        Args:
            vertex: m.
            energy: visible energy, MeV.
            t0: emission time in the hit-time base, ns.
            is_alpha: index into ``profiles``.
            efficiency: relative efficiency of each PMT.
            direction: unit vectors to the PMTs.
            aperture_radius: m.
            radius: of the sphere of the PMTs, m.
            profiles: weights and decay times of scintillation, ns.
            generator: source of randomness.
        """
        view = sightline(vertex, direction, radius)
        solid_angle = aperture_radius**2 * view.cosine.clamp(min=0.02) / (4 * view.distance**2)
        angular = 1 + self.angular_slope * (view.cosine - 0.85)
        direct = solid_angle * angular * torch.exp(-view.distance / self.attenuation)
        mean = self.photoelectrons * energy[:, None] * efficiency * direct
        cell = torch.repeat_interleave(
            torch.arange(mean.numel(), device=mean.device),
            torch.poisson(mean, generator=generator).long().reshape(-1),
        )
        event, pmt = cell // len(efficiency), cell % len(efficiency)
        distance = view.distance.reshape(-1)[cell]
        time = t0[event] + distance / self.speed
        time = time + self._scintillation(is_alpha[event], profiles, generator)
        scattered = 1 - torch.exp(-distance / self.scattering)
        chance = torch.rand(cell.shape, generator=generator, device=cell.device)
        late = self.delay * _exponential(cell.shape, generator, cell.device)
        return Photoelectrons(event, pmt, time + torch.where(chance < scattered, late, 0.0))

    def _scintillation(
        self,
        kind: Tensor,
        profiles: Sequence[Sequence[tuple[float, float]]],
        generator: torch.Generator,
    ) -> Tensor:
        chance = torch.rand(kind.shape, generator=generator, device=kind.device)
        delay = _exponential(kind.shape, generator, kind.device)
        time = torch.zeros_like(delay)
        for k, profile in enumerate(profiles):
            weights = torch.tensor([w for w, _ in profile], device=kind.device)
            times = torch.tensor([tau for _, tau in profile], device=kind.device)
            edges = torch.cumsum(weights / weights.sum(), 0)[:-1]
            time = torch.where(kind == k, delay * times[torch.bucketize(chance, edges)], time)
        return time


def _exponential(shape: torch.Size, generator: torch.Generator, device: torch.device) -> Tensor:
    uniform = torch.rand(shape, generator=generator, device=device)
    return -torch.log1p(-uniform.clamp(max=1 - 1e-7))
