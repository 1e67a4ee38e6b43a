"""Light counted behind and in hits of a simulated run, over the photoelectrons that made them.

    python benchmarks/lost_light.py [--scale 8] [--photons 350000000] [--seed 901]
        [--write docs/global_fit_light.md]

A run with known light (as in ``kzcal closure``, `light`) is simulated twice with the same random
numbers: as data, and with all pulses reported by how many photoelectrons of light are in them. The
first is calibrated. Then hits with the light lost behind them, over what pulses of several add by
passing the threshold, are compared with photoelectrons that would be above threshold alone: with
losses by the times of hits and by traced light. Every pulse counts with the chance to pass that
the charge spectra of the calibration give it, so that neither their errors nor chance at the
threshold matter. Every sample's light is also fitted alone for the absorption length; the true
values are used for all else.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from pages import table, write_part
from torch import Tensor

from kzcal.calibrate.arrivals import DISTANCE_EDGES, class_of, energy_class
from kzcal.calibrate.driver import calibrate_run
from kzcal.calibrate.light_model import dense_share
from kzcal.calibrate.occupancy import EVENTS_AT_ONCE, WINDOW_S
from kzcal.closure.light import Light
from kzcal.closure.light_run import Resolution, write_run
from kzcal.fit.config import FitConfig
from kzcal.fit.gathering import DECAYS, light_in_hits, sample_rows
from kzcal.fit.light.lost import RADII, LostByTime, in_light
from kzcal.fit.light.occupancy import OccupancyCounts
from kzcal.fit.light.pileup import MOST_PE, passing_shares, pileup_of
from kzcal.fit.light.points import Rows, emission_points
from kzcal.fit.light.traced import TracedBlock, traced
from kzcal.fit.light.traced_pairs import ArrivalValues, TracedPairs
from kzcal.fit.newton import Newton
from kzcal.fit.objective import FitObjective
from kzcal.fit.run import CalibratedRun
from kzcal.geometry.adjusted import detector_at
from kzcal.io.source import open_events
from kzcal.optics.acceptance import Sightline, sightline
from kzcal.photoelectrons import Photoelectrons
from kzcal.physics.transport import Transport
from kzcal.plugins import load
from kzcal.response.detector import DetectorResponse
from kzcal.response.merging import Pulses, by_group_then_time, merged
from kzcal.response.strays import joined, moved, with_added

CPU = torch.device("cpu")
FREE = ("efficiency_20", "absorption_scale")
GROUPS = (("neutron-capture",), ("c11", "bi214"), ("po210", "po214"))
EDGES = (4.0, 6.0)
"""Of near, middle and far, m."""
N_PLACE, N_TYPE = len(EDGES) + 1, 2


def counting(
    self: DetectorResponse,
    light: Photoelectrons,
    window: tuple[Tensor, Tensor],
    *,
    ceiling: float | None = None,
    generator: torch.Generator,
) -> Pulses:
    """As DetectorResponse.sample, all pulses; charges are photoelectrons of light in them."""
    dark = self._dark(window, generator)
    seen = self._seen(light, ceiling, generator)
    seen = moved(seen, self.moved, generator=generator)
    seen = with_added(seen, self.added, generator=generator)
    time = seen.time + self._transit(seen.pmt, generator)
    arriving = joined(Photoelectrons(seen.event, seen.pmt, time), dark)
    charge = self._charge(arriving.pmt, generator)
    of_light = torch.zeros_like(charge)
    of_light[: len(time)] = 1
    pulses = merged(arriving, charge, self.merging_time, len(self.gain))
    number = merged(arriving, of_light, self.merging_time, len(self.gain)).charge
    torch.randn(pulses.pmt.shape, generator=generator, device=pulses.pmt.device)
    when = pulses.time + self.delay_of(pulses.charge, pulses.pmt)
    begin, end = (edge[pulses.event] for edge in window)
    kept = torch.nonzero((when >= begin) & (when <= end))[:, 0]
    kept = kept[by_group_then_time(pulses.event[kept], when[kept])]
    return Pulses(pulses.event[kept], pulses.pmt[kept], when[kept], number[kept])


@dataclass(frozen=True)
class Setting:
    """What is simulated and fitted."""

    truth: Mapping[str, float]
    config: FitConfig

    @classmethod
    def of(cls, seed: int, photons: int) -> Setting:
        """Truths drawn as in a closure, at which the fit starts."""
        truth = Light().draw(np.random.default_rng([seed, 1]))
        start = {name: {"start": value} for name, value in truth.items()}
        config = FitConfig(
            terms=("occupancy",),
            photons=photons,
            rounds=1,
            seed=seed,
            fit=FREE,
            parameters=start,
            where="lost light",
        )
        return cls(truth, config)


def simulate(directory: Path, truth: Mapping[str, float], scale: float, seed: int) -> None:
    """Write both runs."""
    resolution = Resolution(truth["vertex_resolution"], truth["t0_resolution"])
    for name in ("data", "counted"):
        scratch = directory / f"{name}.truth"
        scratch.mkdir()
        path = directory / f"{name}.h5"
        if name == "data":
            write_run(path, scratch, truth, resolution, scale=scale, seed=seed)
            continue
        with mock.patch.object(DetectorResponse, "sample", counting):
            write_run(path, scratch, truth, resolution, scale=scale, seed=seed)


def opened(directory: Path, setting: Setting) -> Iterator[CalibratedRun]:
    """The data as calibrated, then the counted run with the same calibration."""
    plugins, config, truth = load(), setting.config, setting.truth
    formats = {name: record.build() for name, record in plugins.event_formats.items()}
    samples = {name: record.build() for name, record in plugins.samples.items()}
    nominal, materials = config.open_detector()
    calibration = replace(
        config.calibration_config(),
        vertex_resolution=truth["vertex_resolution"],
        t0_resolution=truth["t0_resolution"],
    )
    result = None
    for name in ("data", "counted"):
        source = open_events(directory / f"{name}.h5", nominal, formats).__enter__()
        result = result or calibrate_run(
            source, nominal, calibration, samples=samples, device=CPU, advance=lambda _hits: None
        )
        at = detector_at(nominal, config.parameter_set(nominal).values)
        yield CalibratedRun.of(source, result, at, materials, calibration, device=CPU)


@dataclass(frozen=True)
class Cells:
    """Sample, shell of radius, type and distance of pairs of event and PMT; -1 for others."""

    run: CalibratedRun
    sample: Tensor
    shape: tuple[int, int, int, int]

    @classmethod
    def of_samples(cls, run: CalibratedRun, sample: Tensor, n_samples: int) -> Cells:
        """Of the events of samples, -1 for events of none."""
        return cls(run, sample, (n_samples, len(RADII) + 1, N_TYPE, N_PLACE))

    def of(self, row: Tensor, pmt: Tensor, distance: Tensor) -> Tensor:
        """Cell of pairs."""
        sample, kind = self.sample[row], self.run.stream.detector.kind[pmt]
        shell = class_of(self.run.stream.events.vertex[row].norm(dim=-1), RADII)
        group = (sample * self.shape[1] + shell) * N_TYPE + kind
        cell = group * N_PLACE + class_of(distance, EDGES)
        return torch.where((sample >= 0) & (self.run.weight[pmt] > 0), cell, -1)

    def sums(self, cell: Tensor, values: Tensor) -> Tensor:
        """Sums of values by cell."""
        kept = cell >= 0
        total = torch.bincount(cell[kept], values[kept].double(), int(np.prod(self.shape)))
        return total.reshape(self.shape)


def chances(run: CalibratedRun) -> Tensor:
    """Chance of each PMT's pulses of 1, 2, ... photoelectrons to pass; 0 where there is no fit."""
    charge, kind = run.result.charge, run.stream.detector.kind
    chance = torch.zeros(len(kind), MOST_PE, dtype=torch.float64)
    for pmt in torch.nonzero((run.weight > 0) & torch.isfinite(charge.gain)):
        shape = charge.shape(kind[pmt])
        chance[pmt] = passing_shares(
            charge.gain[pmt], charge.width[pmt], shape, torch.zeros_like(pmt)
        ).double()
    return chance


@dataclass(frozen=True)
class Counted:
    """Sums by cell over the pulses of the counted run, those in the light window.

    Args:
        there: photoelectrons of light that would pass alone.
        found: hits and what is lost behind them, over what pulses of several add; by way.
        variance: of ``found``: of how many photoelectrons share pulses, and of dark hits.
    """

    there: Tensor
    found: list[Tensor]
    variance: Tensor

    @classmethod
    def of(cls, run: CalibratedRun, again: CalibratedRun, cells: Cells, ways: Sequence) -> Counted:
        """Count; a pulse's losses are what a hit's of the calibrated run would be."""
        chance = chances(run)
        there, hits, variance = (torch.zeros(cells.shape, dtype=torch.float64) for _ in range(3))
        lost = [torch.zeros_like(hits) for _ in ways]
        stream = replace(run, stream=again.stream)
        ways = [replace(way, run=stream) for way in ways]
        for batch in again.stream.batches():
            cell = cells.of(batch.event + batch.rows.start, batch.pmt, batch.view.distance)
            cell = torch.where(in_light(batch, run), cell, -1)
            number = batch.charge.double()
            alone = chance[batch.pmt, 0]
            passes = chance[batch.pmt, number.long().clamp(1, MOST_PE) - 1]
            hits += cells.sums(cell, passes)
            there += cells.sums(cell, alone * number)
            further = alone * (number - 1).clamp(min=0)
            variance += cells.sums(cell, passes * (further**2 + (number == 0)))
            for total, way in zip(lost, ways, strict=True):
                total += cells.sums(cell, passes * way.behind(batch))
        dark, more = dense(run, cells)
        return cls(there, [(hits + each - dark) / more for each in lost], variance)

    def summed(self, *axes: int) -> Counted:
        """Together over axes."""
        found = [way.nan_to_num(0.0).sum(axes) for way in self.found]
        return Counted(self.there.sum(axes), found, self.variance.sum(axes))

    def cells(self, at: tuple[int, ...]) -> list[str]:
        """Light found over light, in percent, of the ways one after the other by distance."""
        there, error = self.there[at], 100 * self.variance[at].sqrt() / self.there[at]
        ways = [100 * (way[at] / there - 1) for way in self.found]
        return [
            f"{float(x):+.2f} ± {float(e):.2f}" if float(n) else ""
            for way in ways
            for x, e, n in zip(way, error, there, strict=True)
        ]


def dense(run: CalibratedRun, cells: Cells) -> tuple[Tensor, Tensor]:
    """Dark hits, and hits over photoelectrons above threshold, by cell."""
    stream, light, detector = run.stream, run.result.light, run.stream.detector
    pileup = pileup_of(run, run.result.arrivals)
    pmt = torch.arange(detector.n_pmt)
    sums = torch.zeros(3, *cells.shape, dtype=torch.float64)
    for rows in torch.split(torch.nonzero(cells.sample >= 0)[:, 0], EVENTS_AT_ONCE):
        view = sightline(stream.events.vertex[rows], detector.direction, detector.radius)
        mean = light.light[rows][:, None] * light.efficiency
        mean = mean * dense_share(light.acceptance, view, stream)
        energy = energy_class(stream.events.energy[rows])[:, None]
        place = class_of(view.distance, DISTANCE_EDGES)
        hits = mean * pileup.at(mean, detector.kind, energy, place)
        dark = (run.result.survey.dark.rate * WINDOW_S).expand(len(rows), -1)
        cell = cells.of(rows[:, None].expand(mean.shape), pmt.expand(mean.shape), view.distance)
        for total, values in zip(sums, (dark, hits, mean), strict=True):
            total += cells.sums(cell.reshape(-1), values.reshape(-1))
    return sums[0], sums[1] / sums[2]


def of_samples(block: TracedBlock, names: Sequence[str], group: Sequence[str]) -> TracedBlock:
    """The photons of some samples, which are numbered in the order of the group."""
    number = torch.tensor([group.index(n) if n in group else -1 for n in names])
    kept = number[block.sample] >= 0
    view = Sightline(block.view.distance[kept], block.view.cosine[kept])
    parts = ("row", "decay", "pmt", "residual", "slopes", "event")
    columns = {part: getattr(block, part)[kept] for part in parts}
    return replace(block, view=view, sample=number[block.sample[kept]], **columns)


def traced_light(
    run: CalibratedRun, setting: Setting, rows: Mapping[str, Rows], photons: int
) -> tuple[TracedPairs, list[OccupancyCounts]]:
    """Photons of all samples, and of the groups for the sharing out of light."""
    nominal, _ = setting.config.open_detector()
    values = ArrivalValues.of(setting.config.parameter_set(nominal).values)
    pairs = TracedPairs.of(run, rows, values, seed=1)
    groups = [OccupancyCounts.of(run, {n: rows[n] for n in group}) for group in GROUPS]
    points = emission_points(
        rows,
        run.stream.events.vertex.double().numpy(),
        Transport(run.detector),
        light=light_in_hits(run),
        decays=DECAYS,
        seed=2,
    )
    n_events = sum(len(part) for part in rows.values())
    for block in traced(points, run, photons / n_events, seed=3):
        pairs.add_light(block)
        for counts, group in zip(groups, GROUPS, strict=True):
            counts.add_light(of_samples(block, tuple(rows), group))
    return pairs, groups


def absorption(
    setting: Setting, run: CalibratedRun, counts: OccupancyCounts, loss: LostByTime
) -> tuple[float, float]:
    """Absorption scale over the true one less one, and its error, in percent."""
    counts = replace(
        counts, hits=torch.zeros_like(counts.hits), lost=torch.zeros_like(counts.lost)
    )
    for batch in run.stream.batches():
        counts.add(batch, loss.behind(batch))
    nominal, _ = setting.config.open_detector()
    chosen = setting.config.parameter_set(nominal)
    objective = FitObjective((counts.term(),), chosen.free, chosen.fixed)
    minimum = Newton().minimise(objective, chosen.free, seed=1)
    place = FREE.index("absorption_scale")
    true = setting.truth["absorption_scale"]
    error = float(np.sqrt(minimum.covariance[place, place]))
    return 100 * (float(minimum.values[place]) / true - 1), 100 * error / true


def parts(names: Sequence[str], counted: Counted, fitted: Sequence) -> str:
    """The three tables."""
    head = [f"{way}, {place}" for way in ("times", "traced") for place in PLACES]
    by_sample, by_shell = counted.summed(1), counted.summed(0)
    inches = list(enumerate((17, 20)))
    first = [
        (f"{name}, {inch} inch", *by_sample.cells((number, kind)))
        for kind, inch in inches
        for number, name in enumerate(names)
    ]
    second = [
        (f"{shell}, {inch} inch", *by_shell.cells((number, kind)))
        for kind, inch in inches
        for number, shell in enumerate(SHELLS)
    ]
    lines = [
        (", ".join(group), *(f"{value:+.2f} ± {error:.2f} %" for value, error in both))
        for group, both in zip(GROUPS, fitted, strict=True)
    ]
    third = table(("absorption length from", "losses by times", "by traced light"), lines)
    return f"{table(('sample', *head), first)}\n\n{table(('shell', *head), second)}\n\n{third}"


PLACES = ("below 4 m", "4 to 6 m", "beyond")
SHELLS = tuple(f"{low} to {high} m" for low, high in zip((0, *RADII), (*RADII, 5.5), strict=True))


def main() -> None:
    """Simulate, count and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=8.0, help="of 7,000 events")
    parser.add_argument("--photons", type=int, default=350_000_000)
    parser.add_argument("--seed", type=int, default=901)
    parser.add_argument("--write", type=Path, help="page that gets the tables")
    options = parser.parse_args()
    torch.set_num_threads(1)
    setting = Setting.of(options.seed, options.photons)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        simulate(directory, setting.truth, options.scale, options.seed)
        run, again = opened(directory, setting)
        rows = sample_rows(run, setting.config)
        pairs, groups = traced_light(run, setting, rows, options.photons)
        ways = LostByTime(run), pairs.lost()
        cells = Cells.of_samples(run, pairs.sample, len(rows))
        counted = Counted.of(run, again, cells, ways)
        fitted = [[absorption(setting, run, g, way) for way in ways] for g in groups]
    page = parts(tuple(rows), counted, fitted)
    if options.write:
        write_part(options.write, "lost_light", page)
    print(page)


if __name__ == "__main__":
    main()
