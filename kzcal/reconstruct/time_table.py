"""When the light of a vertex is reported: tables over vertex and PMT, made once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from kzcal.optics.light_map import LightMap
from kzcal.response.timing import angular_frequencies, exponential, scintillation

FIRST, STEP, N_BINS = -40.0, 0.5, 400
"""Residuals of the table, ns: from -40 to 160."""
N_TRANSFORM = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """What the table says of each hit, and the slopes by the residual, per ns.

    Args:
        density: of photoelectrons, 1/ns.
        density_slope: 1/ns^2.
        ahead: share of photoelectrons within the merging time after the hit.
        ahead_slope: 1/ns.
        behind: share of photoelectrons within the merging time before the hit.
        behind_slope: 1/ns.
    """

    density: Float[Tensor, " hit"]
    density_slope: Float[Tensor, " hit"]
    ahead: Float[Tensor, " hit"]
    ahead_slope: Float[Tensor, " hit"]
    behind: Float[Tensor, " hit"]
    behind_slope: Float[Tensor, " hit"]


@dataclass(frozen=True, slots=True, eq=False)
class TimeTable:
    """Distribution of photoelectrons over residuals at the nodes of a light map.

    A residual is the time less that of emission, straight flight, cable and time walk.

    Args:
        rows: density, ahead, behind and their slopes to the next bin, at the middles of bins.
        shape: numbers of types, radii and cosines.
    """

    rows: Float[Tensor, "row 6"]
    shape: tuple[int, int, int]

    @classmethod
    def build(
        cls,
        light_map: LightMap,
        transit: Tensor,
        profile: Sequence[tuple[float, float]],
        *,
        decay_scale: float,
        rise_time: float,
        merging_time: float,
    ) -> TimeTable:
        """Convolve the map's delays with scintillation and transit.

        Args:
            light_map: the light map.
            transit: transforms of the transit time by type, at the frequencies of this table.
            profile: weights and decay times [ns] of the scintillation.
            decay_scale: factor on the decay times.
            rise_time: of the scintillation, ns.
            merging_time: ns.
        """
        device = light_map.radius.device
        edges = FIRST + STEP * torch.arange(N_BINS + 1, device=device, dtype=torch.float32)
        shares = light_map.delay_shares(edges).double()
        omega = frequencies(device)
        emission = scintillation(omega, profile, decay_scale) * exponential(omega, rise_time)
        transform = torch.fft.rfft(shares, n=N_TRANSFORM) * emission * transit[:, None, None]
        density = torch.fft.irfft(transform, n=N_TRANSFORM)[..., :N_BINS].clamp(min=0)
        merging = round(merging_time / STEP)
        middle = density.cumsum(-1) - density / 2
        later = torch.cat([middle[..., merging:], middle[..., -1:].expand_as(middle)], -1)
        earlier = functional.pad(middle[..., :-merging], (merging, 0))
        columns = [density / STEP, later[..., :N_BINS] - middle, middle - earlier]
        slopes = [torch.diff(c, append=c[..., -1:], dim=-1) / STEP for c in columns]
        rows = torch.stack([c for pair in zip(columns, slopes, strict=True) for c in pair], -1)
        n_type, n_radius, n_cosine = shares.shape[:3]
        return cls(rows.reshape(-1, 6).float().contiguous(), (n_type, n_radius, n_cosine))

    def of(
        self,
        residual: Float[Tensor, " hit"],
        kind: Int[Tensor, " hit"],
        radius: tuple[Int[Tensor, " hit"], Float[Tensor, " hit"]],
        cosine: tuple[Int[Tensor, " hit"], Float[Tensor, " hit"]],
    ) -> Arrival:
        """Look hits up, linear between bins and between the nodes.

        Args:
            residual: ns; those beyond the ends read the end.
            kind: type of the PMT.
            radius: lower node of the vertex and share of the way to the next.
            cosine: the same for the angle between vertex and PMT.
        """
        position = ((residual - FIRST) / STEP - 0.5).clamp(0, N_BINS - 1.001)
        low = position.long()
        way = (position - low) * STEP
        _, n_radius, n_cosine = self.shape
        node = ((kind * n_radius + radius[0]) * n_cosine + cosine[0]) * N_BINS + low
        near = self._between(node, cosine[1])
        far = self._between(node + n_cosine * N_BINS, cosine[1])
        columns = torch.lerp(near, far, radius[1][:, None])
        values = columns[:, 0::2] + way[:, None] * columns[:, 1::2]
        density, ahead, behind = values.unbind(1)
        density_slope, ahead_slope, behind_slope = columns[:, 1::2].unbind(1)
        return Arrival(density, density_slope, ahead, ahead_slope, behind, behind_slope)

    def _between(self, node: Tensor, cosine: Tensor) -> Tensor:
        """Rows between two neighbours in cosine."""
        near = self.rows.index_select(0, node)
        far = self.rows.index_select(0, node + N_BINS)
        return torch.lerp(near, far, cosine[:, None])


def frequencies(device: torch.device) -> Float[Tensor, " frequency"]:
    """Angular frequencies of the table, 1/ns."""
    return angular_frequencies(N_TRANSFORM, STEP, device)
