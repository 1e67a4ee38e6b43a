"""Light of every event, counted photoelectron by photoelectron.

The hits of good PMTs in the light window are counted, each with the light that its PMT lost while
it was busy, and the dark ones are taken off. Over the share of the light that these PMTs collect
by the calibration's own light model, with what pile-up and threshold do to the count, this is the
apparent light of the event; its unit is that of the model, and its dependence on the vertex gone.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from kzcal.calibrate.arrivals import DISTANCE_EDGES, class_of, energy_class
from kzcal.calibrate.light_model import dense_share
from kzcal.calibrate.occupancy import EVENTS_AT_ONCE, WINDOW_S
from kzcal.calibrate.stream import HitBatch
from kzcal.fit.light.lost import in_light
from kzcal.fit.light.pileup import pileup_of
from kzcal.fit.run import CalibratedRun
from kzcal.optics.acceptance import sightline


@dataclass(frozen=True, slots=True, eq=False)
class HitSums:
    """What one pass over the run adds up for every event; hits are added in place.

    Args:
        counted: hits in the light window.
        lost: light lost behind them, in photoelectrons above threshold.
        squares: sum of the squares of one and the light lost behind each hit.
    """

    counted: Float[Tensor, " event"]
    lost: Float[Tensor, " event"]
    squares: Float[Tensor, " event"]

    @classmethod
    def zeros(cls, n_events: int, device: torch.device) -> HitSums:
        """Nothing added yet; in double precision."""

        def zero(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.float64, device=device)

        return cls(zero(n_events), zero(n_events), zero(n_events))

    def add(
        self,
        batch: HitBatch,
        behind: Float[Tensor, " hit"],
        run: CalibratedRun,
        wanted: Bool[Tensor, " event"],
    ) -> None:
        """Add the hits of wanted events, and what is lost behind them."""
        chosen = wanted[batch.rows][batch.event] & (run.weight[batch.pmt] > 0)
        chosen = chosen & in_light(batch, run)
        behind = behind[chosen].double()
        row = batch.event[chosen] + batch.rows.start
        one = torch.ones_like(behind)
        for total, weight in (
            (self.counted, one),
            (self.lost, behind),
            (self.squares, (1 + behind) ** 2),
        ):
            total.index_add_(0, row, weight)


@dataclass(frozen=True, slots=True, eq=False)
class ApparentLight:
    """Light of every event; rows that were not wanted hold zeros.

    Args:
        light: hits counted over the share of the light that is collected.
        share: hits that one unit of light leaves, without pile-up.
        spread: variance of the hits counted over their number, without dark ones.
    """

    light: Float[Tensor, " event"]
    share: Float[Tensor, " event"]
    spread: Float[Tensor, " event"]

    @classmethod
    def of(
        cls, sums: HitSums, run: CalibratedRun, wanted: Bool[Tensor, " event"]
    ) -> ApparentLight:
        """Apparent light from the hits of a whole run."""
        counted = sums.counted + sums.lost - dark_hits(run)
        share, pulses = collected(run, wanted)
        safe = torch.where(pulses > 0, pulses, 1.0)
        everything = (sums.counted + sums.lost).clamp(min=1.0)
        return cls(torch.where(pulses > 0, counted / safe, 0.0), share, sums.squares / everything)


def dark_hits(run: CalibratedRun) -> float:
    """Dark hits of good PMTs in a light window."""
    good = run.weight > 0
    return float(run.result.survey.dark.rate[good].double().sum()) * WINDOW_S


def collected(
    run: CalibratedRun, wanted: Bool[Tensor, " event"]
) -> tuple[Float[Tensor, " event"], Float[Tensor, " event"]]:
    """Hits that a unit of each event's light leaves: photoelectrons alone, and with pile-up."""
    stream, light, detector = run.stream, run.result.light, run.stream.detector
    pileup = pileup_of(run, run.result.arrivals)
    good = run.weight > 0
    weight = run.weight.float()
    share = torch.zeros_like(wanted, dtype=torch.float64)
    pulses = torch.zeros_like(share)
    for rows in torch.split(torch.nonzero(wanted)[:, 0], EVENTS_AT_ONCE):
        view = sightline(stream.events.vertex[rows], detector.direction, detector.radius)
        part = dense_share(light.acceptance, view, stream) * good
        mean = light.light[rows][:, None] * light.efficiency * part
        energy = energy_class(stream.events.energy[rows])[:, None]
        counted = pileup.at(mean, detector.kind, energy, class_of(view.distance, DISTANCE_EDGES))
        share[rows] = (part @ weight).double()
        pulses[rows] = ((part * counted) @ weight).double()
    return share, pulses
