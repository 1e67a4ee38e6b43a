"""How many photoelectrons every PMT is expected to give in every event."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.calibrate.stream import HitBatch, RunStream
from kzcal.optics.acceptance import Acceptance, Sightline


@dataclass(frozen=True, slots=True)
class LightModel:
    """Expected photoelectrons above threshold of every PMT in every event.

    Args:
        efficiency: relative efficiency of each PMT, threshold included; mean one over the
            counting PMTs of each type.
        light: light of each event, in units in which the acceptance is a share.
        acceptance: share of light that a PMT collects.
    """

    efficiency: Float[Tensor, " pmt"]
    light: Float[Tensor, " event"]
    acceptance: Acceptance

    def of_hits(self, batch: HitBatch, stream: RunStream) -> Float[Tensor, " hit"]:
        """Expected photoelectrons of the PMT of each hit in the event of the hit."""
        share = hit_share(self.acceptance, batch, stream)
        return self.light[batch.rows][batch.event] * self.efficiency[batch.pmt] * share


def hit_share(acceptance: Acceptance, batch: HitBatch, stream: RunStream) -> Float[Tensor, " hit"]:
    """Share of the light of its event that the PMT of each hit collects."""
    kind = stream.detector.kind[batch.pmt]
    radius = stream.detector.aperture_radius[batch.pmt]
    return acceptance.fraction_of_hits(batch.view, radius, kind)


def first_model(stream: RunStream) -> LightModel:
    """Equal efficiencies, no light yet and the solid-angle acceptance: where the fit starts."""
    device = stream.detector.device
    return LightModel(
        torch.ones(stream.detector.n_pmt, device=device),
        torch.zeros(len(stream.events.used), device=device),
        Acceptance.flat(2, device),
    )


def dense_share(
    acceptance: Acceptance, view: Sightline, stream: RunStream
) -> Float[Tensor, "event pmt"]:
    """Share of the light of each event that each PMT collects."""
    kinds, radius = stream.detector.kind, stream.detector.aperture_radius
    share = torch.empty_like(view.distance)
    for k in range(len(acceptance.log_factor)):
        columns = kinds == k
        part = Sightline(view.distance[:, columns], view.cosine[:, columns])
        share[:, columns] = acceptance.fraction(part, radius[columns], k)
    return share
