r"""How light is shared out over the PMTs: hits by type, radius of the event and angle to the PMT.

A shell of radius and the angle between vertex and PMT fix the distance and the incidence of the
light. How many hits each of these bins has of all in its shell tells how light is absorbed,
scattered and reflected on its way, and how PMTs respond to its incidence. The amount of light is
free in every shell, so that neither energies nor samples matter.

Behind a pulse a PMT is busy. With the light lost there, D, the N hits of a bin stand for N + D.
Since hits are a counting process of intensity mean times live share, N is Poisson around the mean
times N / (N + D), and this is what is compared.

Assumption: each PMT's efficiency is that of the calibration, whose own free acceptance keeps what
is compared here out of it; errors of single PMTs average out over the bins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from kzcal.calibrate.arrivals import DISTANCE_EDGES, class_of, energy_class
from kzcal.calibrate.light_model import dense_share
from kzcal.calibrate.occupancy import EVENTS_AT_ONCE, WINDOW_S
from kzcal.calibrate.stream import HitBatch
from kzcal.fit.light.collection import EFFICIENCY_20, seen_share
from kzcal.fit.light.lost import in_light
from kzcal.fit.light.pileup import pileup_of
from kzcal.fit.light.points import Rows
from kzcal.fit.light.sloped import SlopedHistogram
from kzcal.fit.light.traced import TracedBlock
from kzcal.fit.run import CalibratedRun
from kzcal.fit.terms import Expectation, Values
from kzcal.fit.times.cells import ALPHA_SAMPLES
from kzcal.geometry import LightParameters
from kzcal.light import PROFILES
from kzcal.optics.acceptance import Sightline, sightline

SHELLS = (2.5, 3.4, 4.0, 4.5, 4.9, 5.2)
"""Radii between shells, m: of about equal volumes out to 5.5 m."""
N_SHELLS = len(SHELLS) + 1
N_ANGLES = 24
"""Bins of equal solid angle about the vertex."""
N_TYPES = 2
N_BINS = N_SHELLS * N_TYPES * N_ANGLES


@dataclass(frozen=True, slots=True, eq=False)
class OccupancyTerm:
    """Hits by shell, type of PMT and angle.

    Args:
        counts: hits.
        live: hits counted over hits that light and noise would make without pile-up.
        light: hits that traced light makes, before efficiencies of types and shells.
        anchor: parameters that it was traced with.
        dark: hits that are no light.
    """

    counts: Float[Tensor, " bin"]
    live: Float[Tensor, " bin"]
    light: SlopedHistogram
    anchor: LightParameters
    dark: Float[Tensor, " bin"]

    @property
    def name(self) -> str:
        """What it compares."""
        return "occupancy"

    def expected(self, values: Values) -> Expectation:
        """Hits, as many in every shell as were counted."""
        light = self.light.expected(values, self.anchor).reshape(N_SHELLS, N_TYPES, N_ANGLES)
        one = light.new_ones(())
        by_type = torch.stack([one, values.get(EFFICIENCY_20, one)])
        live, dark, counts = (
            column.reshape(light.shape) for column in (self.live, self.dark, self.counts)
        )
        light = light * by_type[:, None] * live
        dark = dark * live
        amount = (counts - dark).sum((1, 2)) / light.sum((1, 2)).clamp(min=1e-9)
        mean = amount[:, None, None] * light + dark
        return Expectation(mean.reshape(-1), self.light.relative_variance)


@dataclass(frozen=True, slots=True, eq=False)
class OccupancyCounts:
    """Counts hits of a run and photons traced for them; both are added in place.

    Args:
        run: the run.
        sample: of every event that takes part, index into ``names``; -1 for the others.
        names: of the samples.
        hits: in the light window, by bin.
        lost: light lost behind them.
        light: traced.
    """

    run: CalibratedRun
    sample: Int[Tensor, " event"]
    names: tuple[str, ...]
    hits: Float[Tensor, " bin"]
    lost: Float[Tensor, " bin"]
    light: SlopedHistogram

    @classmethod
    def of(cls, run: CalibratedRun, rows: Mapping[str, Rows]) -> OccupancyCounts:
        """Nothing counted yet.

        Args:
            run: the calibrated run.
            rows: events of each sample.
        """
        events = run.stream.events
        device = events.used.device
        sample = torch.full(events.used.shape, -1, device=device)
        for number, part in enumerate(rows.values()):
            sample[torch.as_tensor(part, device=device)] = number
        sample = torch.where(events.used, sample, -1)
        zero = torch.zeros(N_BINS, dtype=torch.float64, device=device)
        light = SlopedHistogram.zeros(N_BINS, device)
        return cls(run, sample, tuple(rows), zero, zero.clone(), light)

    def add(self, batch: HitBatch, behind: Float[Tensor, " hit"]) -> None:
        """Count hits in the light window, and what is lost behind them."""
        run = self.run
        row = batch.event + batch.rows.start
        chosen = (self.sample[row] >= 0) & (run.weight[batch.pmt] > 0) & in_light(batch, run)
        view = Sightline(batch.view.distance[chosen], batch.view.cosine[chosen])
        index = bin_of(run, row[chosen], batch.pmt[chosen], view)
        self.hits.add_(torch.bincount(index, minlength=N_BINS))
        self.lost.add_(torch.bincount(index, behind[chosen].double(), N_BINS))

    def add_light(self, block: TracedBlock) -> None:
        """Add traced photons, as many as their event has light."""
        run = self.run
        emitted = run.result.light.light[block.events].double() / block.emitted
        weight = block.weight * run.weight[block.pmt].double() * emitted[block.event]
        decay = run.detector.light.decay_scale
        for number, name in enumerate(self.names):
            own = block.sample == number
            profile = PROFILES.index("alpha" if name in ALPHA_SAMPLES else "electron")
            weight[own] *= seen_share(block.residual[own], profile, decay)
        index = bin_of(run, block.row, block.pmt, block.view)
        self.light.add(index, weight, block.slopes)

    def term(self) -> OccupancyTerm:
        """The comparison, once all hits and photons are in."""
        counted, dark = _dense(self.run, self.sample >= 0)
        live = self.hits / (self.hits + self.lost).clamp(min=1.0)
        return OccupancyTerm(
            self.hits.clone(), live * counted, self.light, self.run.detector.light, dark
        )


def bin_of(
    run: CalibratedRun,
    row: Int[Tensor, "*#shape"],
    pmt: Int[Tensor, "*#shape"],
    view: Sightline,
) -> Int[Tensor, "*shape"]:
    """Bin of PMTs seen from events."""
    radius = run.stream.events.vertex.norm(dim=1)[row]
    along = run.stream.detector.radius - view.distance * view.cosine
    cosine = along / radius.clamp(min=1e-3)
    angle = ((cosine + 1) * (N_ANGLES / 2)).long().clamp(0, N_ANGLES - 1)
    kind = run.stream.detector.kind[pmt]
    index: Tensor = (class_of(radius, SHELLS) * N_TYPES + kind) * N_ANGLES + angle
    return index


def _dense(
    run: CalibratedRun, chosen: Bool[Tensor, " event"]
) -> tuple[Float[Tensor, " bin"], Float[Tensor, " bin"]]:
    """Hits counted over photoelectrons above threshold, and dark hits, by bin."""
    stream, result, detector = run.stream, run.result, run.stream.detector
    pileup = pileup_of(run, result.arrivals)
    good = torch.nonzero(run.weight > 0)[:, 0]
    dark_rate = result.survey.dark.rate[good].double() * WINDOW_S
    sums = torch.zeros(3, N_BINS, dtype=torch.float64, device=detector.device)
    for rows in torch.split(torch.nonzero(chosen)[:, 0], EVENTS_AT_ONCE):
        view = sightline(stream.events.vertex[rows], detector.direction, detector.radius)
        share = dense_share(result.light.acceptance, view, stream)[:, good]
        view = Sightline(view.distance[:, good], view.cosine[:, good])
        mean = result.light.light[rows][:, None] * result.light.efficiency[good] * share
        energy = energy_class(stream.events.energy[rows])[:, None]
        distance = class_of(view.distance, DISTANCE_EDGES)
        counted = mean * pileup.at(mean, detector.kind[good], energy, distance)
        index = bin_of(run, rows[:, None], good, view).reshape(-1)
        dark = dark_rate.expand(len(rows), -1)
        for total, part in zip(sums, (counted, mean, dark), strict=True):
            total.add_(torch.bincount(index, part.reshape(-1).double(), N_BINS))
    counted, mean, dark = sums
    return torch.where(mean > 0, counted / mean, 1.0), dark
