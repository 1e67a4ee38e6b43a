"""What CycleGAN reached on sparse hits and on images: figures and a picture for its page.

    for NAME, once with --faithful 1 and once without:
        kzcal translate train cyclegan --source gtq.h5 --target dtq.h5 --out NAME/model ...
        kzcal translate apply NAME/model gtq.h5 --out NAME/fake.h5
        kzcal translate apply NAME/model gtq.h5 --out NAME/again.h5 --seed 2
        kzcal compare NAME/fake.h5 dtq.h5 --out NAME/scorecard
    python benchmarks/cyclegan_page.py --detector DETECTOR.toml --gtq gtq.h5 --data dtq.h5 \
        --sparse SPARSE --images IMAGES

Writes tables into docs/translator_cyclegan.md and the picture docs/translator_cyclegan.png. Two
translations of the same photoelectrons show whether a generator is random at all. Without the last
two options only what a median of images holds is measured, of nominal PMTs.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from kzcal_cyclegan.guards import of_images
from kzcal_cyclegan.images import Panel
from kzcal_cyclegan.runs import RunTensors, Tubes
from pages import table, write_part

from kzcal.geometry import Detector, load_detector
from kzcal.hits import Events
from kzcal.io.source import open_events
from kzcal.response.translator import ResponseTranslator
from kzcal.translate.maps import expected

DOCS = Path(__file__).parents[1] / "docs"
FAR = 10.0
"""Delays between two translations beyond which it is another photoelectron, ns."""
MEDIAN_EVENTS, OUTCOMES, DRAWN_EVENTS = 60, 21, 2000
DATA, SPARSE, IMAGES = "data", "sparse hits", "images"
COLOURS = {DATA: "black", SPARSE: "tab:blue", IMAGES: "tab:orange"}


@dataclass(frozen=True, slots=True, eq=False)
class Reached:
    """What one of the two left."""

    fake: Events
    again: Events
    rows: Mapping[str, Mapping[str, object]]
    seconds: float
    steps: int
    best: int


def main() -> None:
    """Read, write the tables, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--detector", required=True)
    for name in ("gtq", "data", "sparse", "images"):
        parser.add_argument(f"--{name}", type=Path, required=name in {"gtq", "data"})
    options = parser.parse_args()
    detector, page = load_detector(options.detector), DOCS / "translator_cyclegan.md"
    if options.sparse is None or options.images is None:
        write_part(page, "median", medians(options.gtq, detector))
        return
    data = events_of(options.data, detector)
    found = {
        name: reached(directory, detector)
        for name, directory in ((SPARSE, options.sparse), (IMAGES, options.images))
    }
    write_part(page, "scorecard", scorecard(found))
    write_part(page, "randomness", randomness(data, found))
    draw(data, {name: one.fake for name, one in found.items()}, detector)


def events_of(path: Path, detector: Detector) -> Events:
    """All events of a file."""
    with open_events(path, detector) as source:
        return next(source.chunks(10**9))


def reached(directory: Path, detector: Detector) -> Reached:
    """What a directory holds of one training."""
    result = json.loads((directory / "scorecard" / "scorecard.json").read_text())
    with (directory / "model" / "training.csv").open(newline="") as stream:
        validations = list(csv.DictReader(stream))
    best = min(validations, key=lambda row: float(row["distance"]))
    return Reached(
        events_of(directory / "fake.h5", detector),
        events_of(directory / "again.h5", detector),
        {entry["name"]: entry for entry in result["rows"]},
        float(validations[-1]["seconds"]),
        int(validations[-1]["step"]),
        int(best["step"]),
    )


def medians(gtq: Path, detector: Detector) -> str:
    """One outcome of a detector of nominal PMTs, as an image, and the median of many outcomes."""
    with open_events(gtq, detector) as source:
        events = next(source.chunks(100_000))
    events = events.take(np.flatnonzero(events.physics)[:MEDIAN_EVENTS])
    tubes = Tubes.of(detector, torch.device("cpu"))
    panel = Panel.of(tubes, torch.ones(len(tubes), dtype=torch.bool))
    light, *outcomes = (
        panel.images(RunTensors.of(e, tubes).between(0, len(events)))
        for e in (events, *(answer(events, detector, seed) for seed in range(OUTCOMES)))
    )
    median = torch.stack(outcomes).median(0).values
    rows = []
    for name, images in (("one outcome", outcomes[0]), (f"median of {OUTCOMES}", median)):
        told = of_images(panel, light, images)
        n_hits = len(panel.hits(images)[0]) / len(events)
        rows.append((name, f"{n_hits:.1f}", f"{told['dark']:.4f}", f"{told['spread']:.2f}"))
    head = ("image", "hits per event", "share without a photoelectron", "spread of times [ns]")
    return table(head, rows)


def answer(events: Events, detector: Detector, seed: int) -> Events:
    """What nominal PMTs report."""
    generator = np.random.default_rng(seed)
    return ResponseTranslator().translate(events, detector, generator=generator)


def scorecard(found: Mapping[str, Reached]) -> str:
    """Every row of the scorecard beside each other."""
    sparse, images = found[SPARSE].rows, found[IMAGES].rows
    rows = [
        (name.replace("_", " "), cell(one["data"]), cell(one["fake"]), cell(images[name]["fake"]))
        for name, one in sparse.items()
        if name in images and isinstance(one["data"], float)
    ]
    text = table(["number", DATA, SPARSE, IMAGES], rows)
    times = "; ".join(
        f"{name}: best after {one.best} of {one.steps} steps in {one.seconds / 60:.1f} minutes"
        for name, one in found.items()
    )
    return f"{text}\n\n{times}, one thread of a shared machine."


def cell(value: object) -> str:
    """A number of three digits, or nothing."""
    return f"{value:.3g}" if isinstance(value, float | int) else ""


def randomness(data: Events, found: Mapping[str, Reached]) -> str:
    """How much two translations differ, and what becomes of events without light."""
    rows = []
    for name, one in found.items():
        common, delay = twice(one.fake, one.again)
        rows.append((name, f"{common:.3f}", f"{delay:.2f}", dark_hits(one.fake)))
    rows.append((DATA, "", "", dark_hits(data)))
    head = ("", "hits in both", "their delay [ns]", "hits per forced trigger")
    return table(head, rows)


def twice(first: Events, second: Events) -> tuple[float, float]:
    """Share of hits that a second translation has too, and the spread of their times, ns."""
    keys, times = [], []
    for events in (first, second):
        hits = events.hits
        key = hits.event_index * 65536 + hits.pmt
        unique, place = np.unique(key, return_index=True)
        keys.append(unique)
        times.append(hits.time[place])
    _, mine, other = np.intersect1d(*keys, assume_unique=True, return_indices=True)
    delay = times[0][mine] - times[1][other]
    near = np.abs(delay) < FAR
    return len(mine) / len(keys[0]), float(delay[near].std() / np.sqrt(2))


def dark_hits(events: Events) -> str:
    """Hits of a forced trigger on average."""
    forced = events.take(events.forced)
    return f"{len(forced.hits.pmt) / max(len(forced), 1):.1f}"


def draw(data: Events, fakes: Mapping[str, Events], detector: Detector) -> None:
    """Residuals, charges, hits per event and occupancy."""
    figure, axes = plt.subplots(2, 2, figsize=(10, 7), layout="constrained")
    for name, events in {DATA: data, **fakes}.items():
        physics = events.take(np.flatnonzero(events.physics)[:DRAWN_EVENTS])
        residual = physics.hits.time - arrivals(physics, detector)
        style = {"histtype": "step", "color": COLOURS[name], "label": name, "density": True}
        axes[0, 0].hist(residual, bins=np.arange(-150, 350, 2.0), log=True, **style)
        axes[0, 1].hist(residual, bins=np.arange(-10, 40, 0.5), **style)
        axes[1, 0].hist(physics.hits.charge, bins=np.arange(0, 5, 1 / 16), **style)
        occupied = np.bincount(physics.hits.pmt, minlength=detector.n_pmt) / len(physics)
        if name == DATA:
            true = occupied
        else:
            axes[1, 1].plot(true, occupied, ".", ms=2, color=COLOURS[name], label=name)
    most = 1.1 * true.max()
    axes[1, 1].plot([0, most], [0, most], color="black", lw=0.8)
    axes[1, 1].set(xlim=(0, most), ylim=(0, most))
    labels = ("residual [ns]", "residual [ns]", "charge [p.e.]", "hits per event, data")
    for axis, label in zip(axes.flat, labels, strict=True):
        axis.set_xlabel(label)
    axes[1, 1].set_ylabel("hits per event, fake")
    axes[0, 0].legend(loc="upper right")
    figure.savefig(DOCS / "translator_cyclegan.png", dpi=110)


def arrivals(events: Events, detector: Detector) -> np.ndarray:
    """When light of the vertex reaches each hit PMT, ns."""
    event, pmt = (
        torch.from_numpy(np.asarray(column, np.int64))
        for column in (events.hits.event_index, events.hits.pmt)
    )
    return expected(events, event, pmt, detector).numpy()


if __name__ == "__main__":
    main()
