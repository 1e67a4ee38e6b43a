"""When hits come, data against traced light: decay times, transit times, late light and walk.

Residuals of hits with few expected photoelectrons are counted by cell, charge and time. What is
expected of a cell is the light that was traced to it, folded with all that delays it further. Only
shapes are compared: every cell and charge has as many hits as were counted. Dark hits are known
from where no light is.

Assumption: errors of the PMTs' offsets do not widen the residuals. The offsets were fitted to
    these hits, which lie closer to them than to the true ones by about as much.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from kzcal.calibrate.stream import HitBatch
from kzcal.errors import CalibrationError
from kzcal.fit.light.sloped import SlopedHistogram
from kzcal.fit.light.traced import TracedBlock
from kzcal.fit.run import CalibratedRun
from kzcal.fit.terms import Values
from kzcal.fit.times.arrival import FIRST, N_NODES, STEP, ArrivalFold, charge_chances
from kzcal.fit.times.binned import CHARGE_EDGES, N_CHARGE, N_TIMES, BinnedHits
from kzcal.fit.times.cells import (
    ALPHA_SAMPLES,
    EVENTS_AT_ONCE,
    N_CELLS,
    SAMPLES,
    SHAPE,
    Rows,
    TimeCells,
)
from kzcal.fit.times.term import TimeTerm
from kzcal.response.nominal import read_nominal

LEAST_CHARGE = 0.05
"""Smaller charges count as this, as in the response."""
FEWEST_HITS = 1000
"""Cells with fewer are left out."""
SPREAD_NODES = 16


@dataclass(frozen=True, slots=True, eq=False)
class TimeCounts:
    """Takes in a run's hits and the light traced for them, each once, and gives the term.

    Args:
        cells: of the run.
        counts: hits by cell, charge and time bin.
        sums: of 1, q^-1/2 - 1, its square and 1 MeV over the energy, over the hits.
        pairs: sums of the photoelectrons of the pairs of a cell, their squares, and the dark
            pulses in a step.
        light: traced light by cell and node.
    """

    cells: TimeCells
    counts: Float[Tensor, " bin"]
    sums: Float[Tensor, "sum bin"]
    pairs: Float[Tensor, "sum cell"]
    light: SlopedHistogram

    @classmethod
    def of(cls, run: CalibratedRun, rows: Rows) -> TimeCounts:
        """Nothing counted yet.

        Args:
            run: the calibrated run.
            rows: events of each sample; samples without a known profile are left out.
        """
        device = run.weight.device

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.float64, device=device)

        return cls(
            TimeCells.of(run, rows),
            zeros(N_CELLS * N_CHARGE * N_TIMES),
            zeros(4, N_CELLS * N_CHARGE),
            zeros(3, N_CELLS),
            SlopedHistogram.zeros(N_CELLS * N_NODES, device),
        )

    def add(self, batch: HitBatch, _behind: Float[Tensor, " hit"] | None = None) -> None:
        """Count the hits of a batch; their times have what is lost behind them in the model."""
        hits, run = BinnedHits.of(batch, self.cells), self.cells.run
        index = hits.box * N_TIMES + hits.time
        self.counts.add_(torch.bincount(index, minlength=len(self.counts)))
        lever = hits.charge.double().clamp(min=LEAST_CHARGE) ** -0.5 - 1
        inverse = 1 / run.stream.events.energy[hits.row].double().clamp(min=0.05)
        for total, weight in zip(
            self.sums, (torch.ones_like(lever), lever, lever**2, inverse), strict=True
        ):
            total.add_(torch.bincount(hits.box, weight, len(total)))
        sample = self.cells.sample[batch.rows]
        self._add_pairs(torch.nonzero(sample >= 0)[:, 0] + batch.rows.start)

    def add_light(self, block: TracedBlock) -> None:
        """Add traced photons, each for as much light as its event has."""
        run = self.cells.run
        cell, _ = self.cells.of_pairs(block.row, block.pmt, block.view)
        place = (block.residual.double() - FIRST) / STEP
        kept = torch.nonzero((cell >= 0) & (place >= 0) & (place < N_NODES - 1))[:, 0]
        emitted = block.emitted[block.event[kept]].double()
        brightness = run.result.light.light[block.row[kept]].double()
        weight = run.weight[block.pmt[kept]] * brightness / emitted.clamp(min=1.0)
        node, above = place[kept].long(), place[kept] - place[kept].floor()
        index, slopes = cell[kept] * N_NODES + node, block.slopes[kept]
        self.light.add(index, weight * (1 - above), slopes)
        self.light.add(index + 1, weight * above, slopes)

    def term(self) -> TimeTerm:
        """The comparison, of cells with enough hits and light.

        Raises:
            CalibrationError: there is none.
        """
        n_hits = self.counts.reshape(N_CELLS, -1).sum(1)
        total = self.light.total.reshape(N_CELLS, N_NODES)
        cells = torch.nonzero((n_hits >= FEWEST_HITS) & (total.sum(1) > 0))[:, 0]
        if not len(cells):
            message = (
                f"times are compared in cells of {FEWEST_HITS} hits, got {int(n_hits.max())} in "
                f"the fullest: leave out the term, or take a longer run"
            )
            raise CalibrationError(message)
        light = SlopedHistogram(
            total[cells].reshape(-1),
            self.light.slopes.reshape(N_CELLS, N_NODES, -1)[cells].flatten(0, 1),
            self.light.squares.reshape(N_CELLS, N_NODES)[cells].reshape(-1),
        )
        counts = self.counts.reshape(N_CELLS, N_CHARGE, -1)[cells]
        fold, near = self._fold(cells), self._near()
        _, sample = _kind_and_sample(cells)
        own = torch.zeros(len(SAMPLES), dtype=torch.float64, device=cells.device)
        anchor = self.cells.run.detector.light
        term = TimeTerm(counts, light, anchor, fold, torch.zeros_like(counts), cells, sample, own)
        return term.with_variance(near).settled(near)

    def _add_pairs(self, rows: Int[Tensor, " event"]) -> None:
        """Photoelectrons and dark pulses that the pairs of these events expect."""
        run = self.cells.run
        dark = run.result.survey.dark.rate / self.cells.passing * (STEP * 1e-9)
        for some in torch.split(rows, EVENTS_AT_ONCE):
            cell, mean = self.cells.of_events(some)
            kept = cell >= 0
            index, light = cell[kept], mean[kept].double()
            pulses = dark.double().expand(cell.shape)[kept]
            for total, weight in zip(self.pairs, (light, light**2, pulses), strict=True):
                total.add_(torch.bincount(index, weight, N_CELLS))

    def _fold(self, cells: Int[Tensor, " cell"]) -> ArrivalFold:
        run = self.cells.run
        config, timing = run.stream.config, run.result.timing
        number, lever, square, inverse = self.sums.reshape(4, N_CELLS, N_CHARGE)[:, cells]
        lever = lever / number.clamp(min=1)
        mean = self.pairs[1] / self.pairs[0].clamp(min=1e-12)
        kind, sample = _kind_and_sample(cells)
        kinds = run.stream.detector.kind
        types = [(run.weight > 0) & (kinds == k) for k in range(2)]
        return ArrivalFold(
            kind=kind,
            spread=torch.stack([_spreads(timing.tts[good]) for good in types]),
            alpha=self._alpha().to(kind.device)[sample],
            rise_time=run.detector.light.rise_time,
            early=inverse.new_tensor(
                [t.early_ns for _, t in sorted(read_nominal().types.items())]
            ),
            mean=mean[cells],
            dark=self.pairs[2][cells],
            chance=torch.stack([self._chances(good) for good in types]),
            lever=lever,
            lever_variance=(square / number.clamp(min=1) - lever**2).clamp(min=0),
            inverse_energy=inverse.sum(1) / number.sum(1).clamp(min=1),
            light_speed=config.light_speed,
            merging_time=config.merging_time,
        )

    def _alpha(self) -> Float[Tensor, " sample"]:
        """Share of alphas in each sample."""
        selections = self.cells.run.result.selections
        known = [n if n in ALPHA_SAMPLES and n in selections else "" for n in SAMPLES]
        return torch.tensor([selections[n].purity if n else 0.0 for n in known]).double()

    def _chances(self, chosen: Tensor) -> Float[Tensor, "pe charge"]:
        """Chances of the classes of charge for some PMTs, which stand for their type."""
        run = self.cells.run
        charge = run.result.charge
        shape = charge.shape(run.stream.detector.kind)
        own = type(shape)(*(getattr(shape, name)[chosen].double() for name in shape.__slots__))
        return charge_chances(
            CHARGE_EDGES, charge.gain[chosen].double(), charge.width[chosen].double(), own
        )

    def _near(self) -> Values:
        """Values that the fit will not end far from."""
        result, config = self.cells.run.result, self.cells.run.stream.config
        tts_17, tts_20 = result.timing.simple.tts.double()
        near = {
            "decay_scale": 1.0,
            "late_fraction": 0.03,
            "late_delay": 30.0,
            "early_fraction": 0.005,
            "time_walk": result.walk.value,
            "time_shift": 0.0,
            "vertex_resolution": config.vertex_resolution,
            "t0_resolution": config.t0_resolution,
        }
        known = {name: tts_17.new_tensor(value) for name, value in near.items()}
        return known | {"tts_mean_17": tts_17, "tts_mean_20": tts_20}


def _kind_and_sample(cells: Int[Tensor, " cell"]) -> tuple[Tensor, Tensor]:
    """Type and sample of cells."""
    n_samples, n_places, n_means = SHAPE[1:]
    sample = cells // (n_places * n_means)
    return sample // n_samples, sample % n_samples


def _spreads(tts: Float[Tensor, " pmt"]) -> Float[Tensor, " share"]:
    """Transit-time spreads at equal shares of the PMTs, over their root mean square."""
    middle = (torch.arange(SPREAD_NODES, dtype=torch.float64) + 0.5) / SPREAD_NODES
    nodes = torch.quantile(tts.double().cpu(), middle)
    return (nodes / nodes.square().mean().sqrt()).to(tts.device)
