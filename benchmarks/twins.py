"""Twins of a run, translated with the constants of a tag, beside the run's own events.

    kzcal translate twin RUN.h5 --db kz.db --tag TAG --parameters fit.toml --out gtq.h5
    python benchmarks/twins.py RUN.h5 gtq.h5 --db kz.db --tag TAG --parameters fit.toml
        [--figure docs/twins.png] [--write docs/translators.md]

What differs is due to twins, constants and response together.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import matplotlib as mpl
import numpy as np
import torch
from pages import table, write_part

from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.measure import checked_samples
from kzcal.fit.config import FitConfig
from kzcal.geometry import Detector
from kzcal.geometry.adjusted import detector_at
from kzcal.hits import Events
from kzcal.io.events import EventFile
from kzcal.photoelectrons import Photoelectrons
from kzcal.plugins import load
from kzcal.response.constants import response_from
from kzcal.response.detector import DetectorResponse
from kzcal.response.nominal import read_nominal
from kzcal.response.shared import sharing
from kzcal.response.translator import FORCED_WINDOW, PHYSICS_WINDOW, hits_of
from kzcal.simulate.constants import Constants
from kzcal.translate.twin_population import Population

LIGHT_NS = (-20.0, 200.0)
SHELLS = 6
EDGES_NS = (-20, 0, 10, 30, 80, 200)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Hits of the events of a sample in their light window.

    Args:
        number: of each event.
        charge: summed, of each event, p.e.
        radius: of each event, m.
        residual: of each hit, ns.
        is_20: whether each hit is of a 20-inch tube.
        single: charge of each hit, p.e.
    """

    number: np.ndarray
    charge: np.ndarray
    radius: np.ndarray
    residual: np.ndarray
    is_20: np.ndarray
    single: np.ndarray

    @classmethod
    def of(cls, events: Events, detector: Detector) -> Sample:
        """The hits of some events."""
        hits, row = events.hits, events.hits.event_index
        place = detector.directions[hits.pmt] * detector.pmt_radius
        way = np.linalg.norm(place - events.vertex[row], axis=1)
        late = hits.time - events.t0[row] - way / CalibrationConfig().light_speed
        kept = (late > LIGHT_NS[0]) & (late < LIGHT_NS[1])
        n = len(events)
        return cls(
            np.bincount(row[kept], minlength=n),
            np.bincount(row[kept], hits.charge[kept], n),
            np.linalg.norm(events.vertex, axis=1),
            late[kept],
            detector.diameter_inch[hits.pmt[kept]] == 20,
            hits.charge[kept],
        )

    def median(self, is_20: bool) -> float:
        """Median residual of the tubes of a type, ns."""
        return float(np.median(self.residual[self.is_20 == is_20]))


def translated(events: Events, response: DetectorResponse, ceiling: float) -> Events:
    """What PMTs with these constants report, in the steps in which hits are stored."""
    edges = [
        torch.from_numpy(np.where(events.forced, *pair).astype(np.float32))
        for pair in zip(FORCED_WINDOW, PHYSICS_WINDOW, strict=True)
    ]
    light = Photoelectrons(
        torch.from_numpy(events.hits.event_index),
        torch.from_numpy(events.hits.pmt.astype(np.int64)),
        torch.from_numpy(np.ascontiguousarray(events.hits.time)),
    )
    generator = torch.Generator().manual_seed(1)
    pulses = response.sample(light, (edges[0], edges[1]), ceiling=ceiling, generator=generator)
    hits = hits_of(pulses, len(events))
    time, charge = np.round(hits.time * 8) / 8, np.round(hits.charge * 64) / 64
    return replace(events, hits=replace(hits, time=time, charge=charge))


def all_events(path: Path, detector: Detector) -> Events:
    """The events of a file."""
    with EventFile(path, detector) as source:
        (events,) = source.chunks(10**9)
        return events


def lineage_of(path: Path) -> dict[str, Any]:
    """What made a file."""
    with h5py.File(path) as file:
        lineage: dict[str, Any] = json.loads(file.attrs["lineage"])
        return lineage


def pairs(arguments: argparse.Namespace) -> Iterator[tuple[str, Sample, Sample]]:
    """Name, translated twins and own events of each sample; forced triggers at the end."""
    nominal, _ = FitConfig.from_toml(arguments.parameters).open_detector()
    with EventFile(arguments.run, nominal) as source:
        constants = Constants.stored(arguments.db, arguments.tag, source.header.run)
        radius_m = lineage_of(arguments.gtq)["configuration"]["radius_m"]
        population = Population.of(source, checked_samples(load()), nominal, radius_m)
    own = all_events(arguments.run, nominal).take(population.kept)
    detector = detector_at(nominal, constants.shared())
    response = response_from(constants.payload(detector), detector, read_nominal())
    response = sharing(response, detector, constants.shared())
    with h5py.File(arguments.gtq) as file:
        ceiling = float(file.attrs["hits"].split()[-1])
    made = translated(all_events(arguments.gtq, nominal), response, ceiling)
    for row, name in enumerate(population.names):
        mask = population.sample == row
        yield name, Sample.of(made.take(mask), nominal), Sample.of(own.take(mask), nominal)


def ratio(made: np.ndarray, own: np.ndarray) -> str:
    """Ratio of two means, with its error."""
    error = np.hypot(*(part.std() / part.mean() / len(part) ** 0.5 for part in (made, own)))
    return f"{made.mean() / own.mean():.4f} ± {error:.4f}"


def row_of(name: str, made: Sample, own: Sample) -> list[object]:
    """What a sample's twins have of hits, over what the events have."""
    halves = [
        made.number[inside].mean() / own.number[inside].mean()
        for inside in (own.radius < np.median(own.radius), own.radius >= np.median(own.radius))
    ]
    return [
        name,
        len(own.number),
        f"{own.number.mean():.1f}",
        ratio(made.number, own.number),
        f"{halves[0]:.3f}, {halves[1]:.3f}",
        f"{made.number.std() / own.number.std():.3f}",
        ratio(made.charge, own.charge),
        f"{np.mean(made.single) / np.mean(own.single):.4f}",
        *(f"{made.median(is_20) - own.median(is_20):+.3f}" for is_20 in (False, True)),
    ]


def parts_of(name: str, made: Sample, own: Sample) -> Iterator[list[object]]:
    """Hits by type and time of the twins over those of the events."""
    for is_20, label in ((False, "17-inch"), (True, "20-inch")):
        counts = [np.histogram(s.residual[s.is_20 == is_20], EDGES_NS)[0] for s in (made, own)]
        yield [
            name,
            label,
            *(f"{m / o:.3f} ± {(1 / m + 1 / o) ** 0.5:.3f}" for m, o in zip(*counts, strict=True)),
        ]


def draw(found: list[tuple[str, Sample, Sample]], path: Path) -> None:
    """Hits of an event, their number by radius, residuals and charges."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(len(found), 4, figsize=(15, 2.6 * len(found)))
    for line, (name, made, own) in zip(axes, found, strict=True):
        step = max(1, round(np.ptp(own.number) / 40))
        edges = np.arange(own.number.min(), own.number.max() + step + 1, step) - 0.5
        line[0].hist(own.number, edges, color="0.8", label="data")
        line[0].hist(made.number, edges, histtype="step", color="k", label="translated twins")
        line[0].set(xlabel="hits in the light window", ylabel=f"events ({name})")
        shells = np.quantile(own.radius, np.linspace(0, 1, SHELLS + 1))
        place = np.digitize(own.radius, shells[1:-1])
        means, errors, middle = [], [], []
        for shell in range(SHELLS):
            a, b = made.number[place == shell], own.number[place == shell]
            means.append(a.mean() / b.mean())
            errors.append(np.hypot(a.std() / a.mean(), b.std() / b.mean()) / len(b) ** 0.5)
            middle.append(own.radius[place == shell].mean())
        line[1].errorbar(middle, means, errors, fmt="o", color="k")
        line[1].axhline(1, color="0.7")
        line[1].set(xlabel="radius (m)", ylabel="hits, twins / data", ylim=(0.94, 1.06))
        for is_20, colour in ((False, "C0"), (True, "C1")):
            label = "20-inch" if is_20 else "17-inch"
            for sample, style in ((own, {"alpha": 0.4, "lw": 3}), (made, {"lw": 1})):
                mine = sample.is_20 == is_20
                for axis, values, bins in (
                    (line[2], sample.residual, np.arange(-20, 200, 2)),
                    (line[3], sample.single, np.arange(0, 6, 1 / 8)),
                ):
                    axis.hist(
                        values[mine], bins, histtype="step", color=colour, label=label, **style
                    )
        for axis, what in ((line[2], "residual (ns)"), (line[3], "charge (p.e.)")):
            axis.set(xlabel=what, ylabel="hits", yscale="log")
    axes[0, 0].legend()
    handles, labels = axes[0, 2].get_legend_handles_labels()
    names = [f"{label}, {what}" for label, what in zip(labels, ("data", "twins") * 2, strict=True)]
    axes[0, 2].legend(handles, names, fontsize="small")
    figure.tight_layout()
    figure.savefig(path, dpi=60)


def main() -> None:
    """Compare, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("gtq", type=Path)
    parser.add_argument("--db", required=True)
    parser.add_argument("--tag", required=True)
    parser.add_argument("--parameters", type=Path, required=True)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    found = list(pairs(arguments))
    header = ["sample", "events", "hits of an event", "twins / data", "inner, outer half"]
    header += ["their width", "charge of an event", "of a hit", "17-inch (ns)", "20-inch (ns)"]
    text = table(header, [row_of(*each) for each in found])
    header = ["sample", "PMTs", *(f"{a} to {b} ns" for a, b in pairwise(EDGES_NS))]
    text += "\n\n" + table(header, [row for each in found for row in parts_of(*each)])
    print(text)
    if arguments.figure:
        draw(found, arguments.figure)
    if arguments.write:
        write_part(arguments.write, "twins", text)


if __name__ == "__main__":
    main()
