"""Hits that are alike in when they come: by PMT type, sample, distance and expected light."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from kzcal.calibrate.arrivals import class_of
from kzcal.calibrate.light_model import dense_share
from kzcal.fit.run import CalibratedRun
from kzcal.optics.acceptance import Sightline, sightline
from kzcal.response.charge import detection_efficiency

ALPHA_SAMPLES = ("po210", "po214")
ELECTRON_SAMPLES = ("neutron-capture", "bi214")
"""Samples with electrons and gammas alone; positrons would need ortho-positronium."""
SAMPLES = ELECTRON_SAMPLES + ALPHA_SAMPLES
DISTANCE_EDGES = (4.5, 6.0, 7.5, 9.0, 10.5)
MEAN_EDGES = (0.1, 0.25, 0.5, 0.9)
"""Upper edges of the classes of expected photoelectrons; pairs with more are left out."""
N_DISTANCE, N_MEAN = len(DISTANCE_EDGES) + 1, len(MEAN_EDGES)
SHAPE = (2, len(SAMPLES), N_DISTANCE, N_MEAN)
N_CELLS = math.prod(SHAPE)
EVENTS_AT_ONCE = 512

Rows = Mapping[str, Int[np.ndarray, " event"]]


@dataclass(frozen=True, slots=True, eq=False)
class TimeCells:
    """Says which cell a pair of event and PMT is in, and what light it expects.

    Args:
        run: the calibrated run.
        sample: of every event of the run, index into SAMPLES; -1 for none.
        passing: share of single photoelectrons of each PMT above threshold.
    """

    run: CalibratedRun
    sample: Int[Tensor, " event"]
    passing: Float[Tensor, " pmt"]

    @classmethod
    def of(cls, run: CalibratedRun, rows: Rows) -> TimeCells:
        """Cells of the events in these rows of the run, by sample; other samples are left out."""
        sample = torch.full((len(run.stream.events.used),), -1, device=run.weight.device)
        for number, name in enumerate(SAMPLES):
            chosen = torch.from_numpy(np.asarray(rows.get(name, []), np.int64))
            sample[chosen.to(sample.device)] = number
        sample = torch.where(run.stream.events.used, sample, -1)
        charge = run.result.charge
        shape = charge.shape(run.stream.detector.kind)
        seen = detection_efficiency(charge.gain, charge.width, shape)[0].nan_to_num(1.0)
        return cls(run, sample, seen.clamp(min=0.1).float())

    def of_pairs(
        self, row: Int[Tensor, " pair"], pmt: Int[Tensor, " pair"], view: Sightline
    ) -> tuple[Int[Tensor, " pair"], Float[Tensor, " pair"]]:
        """Cell of pairs of event and PMT, -1 for none, and their expected photoelectrons."""
        light, detector = self.run.result.light, self.run.stream.detector
        kind = detector.kind[pmt]
        share = light.acceptance.fraction_of_hits(view, detector.aperture_radius[pmt], kind)
        mean = light.light[row] * light.efficiency[pmt] * share / self.passing[pmt]
        return self._cell(self.sample[row], kind, pmt, view, mean), mean

    def of_events(
        self, rows: Int[Tensor, " event"]
    ) -> tuple[Int[Tensor, "event pmt"], Float[Tensor, "event pmt"]]:
        """The same of all PMTs in events."""
        light, stream = self.run.result.light, self.run.stream
        detector = stream.detector
        view = sightline(stream.events.vertex[rows], detector.direction, detector.radius)
        share = dense_share(light.acceptance, view, stream)
        mean = light.light[rows][:, None] * light.efficiency * share / self.passing
        pmt = torch.arange(detector.n_pmt, device=rows.device)
        return self._cell(self.sample[rows][:, None], detector.kind, pmt, view, mean), mean

    def _cell(
        self, sample: Tensor, kind: Tensor, pmt: Tensor, view: Sightline, mean: Tensor
    ) -> Tensor:
        place = class_of(view.distance, DISTANCE_EDGES)
        level = class_of(mean, MEAN_EDGES)
        cell = ((kind * len(SAMPLES) + sample) * N_DISTANCE + place) * N_MEAN + level
        wanted = (sample >= 0) & (level < N_MEAN) & (self.run.weight[pmt] > 0)
        return torch.where(wanted, cell, -1)
