"""What the first version of the graph U-Net GAN and the mended one make of the same light.

    python benchmarks/graph_unet_gan.py GTQ.h5 DTQ.h5 FAITHFUL.h5 MENDED.h5 \
        [--detector benchmarks/challenge/detector.toml] [--write docs/translator_graph_unet_gan.md]

DTQ.h5 holds the simulated hits of the photoelectrons in GTQ.h5, the others what `kzcal translate
apply` made of them; none of these events may have been trained on. PMTs are sorted by how many
photoelectrons reach them; those that one alone reaches, and that report one hit, show how time and
charge are smeared. --scorecard NAME=SCORECARD.json adds a table of what `kzcal compare` has found,
once for each name. --write puts the tables into the page and the figure beside it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib import pyplot as plt
from pages import table, write_part

from kzcal.geometry import Detector, load_detector
from kzcal.hits import Events
from kzcal.io.source import open_events
from kzcal.translate.maps import expected

DARK = -20.0
"""Hits earlier than this after the time of flight are dark, ns."""
MOST = 4
"""Photoelectrons that are told apart."""
TIMES = np.arange(-10.0, 10.0, 0.25)
CHARGES = np.arange(0.0, 3.5, 0.0625)
RESIDUALS = np.arange(-150.0, 200.0, 5.0)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one file shows.

    Args:
        per_event: hits of a physics trigger.
        per_forced: hits of a forced trigger.
        residual: of the hits of physics triggers, ns.
        reported: share of PMTs that report a hit, by number of photoelectrons.
        median: whether the median of the summed charge is that of a hit, by the same.
        delay: of single photoelectrons, ns.
        charge: of their hits, p.e.
        occupancy: hits of each PMT in physics triggers.
    """

    per_event: float
    per_forced: float
    residual: np.ndarray
    reported: np.ndarray
    median: np.ndarray
    delay: np.ndarray
    charge: np.ndarray
    occupancy: np.ndarray


def read(path: Path, detector: Detector) -> Events:
    with open_events(path, detector) as source:
        return next(source.chunks(10**10))


def residuals(events: Events, detector: Detector) -> np.ndarray:
    event = torch.from_numpy(events.hits.event_index)
    pmt = torch.from_numpy(events.hits.pmt.astype(np.int64))
    return events.hits.time - expected(events, event, pmt, detector).numpy()


def nodes(events: Events, detector: Detector) -> np.ndarray:
    """Event and PMT of each hit as one number."""
    return events.hits.event_index * detector.n_pmt + events.hits.pmt


def seen(light: Events, events: Events, detector: Detector) -> Seen:
    """Measure a file against its photoelectrons."""
    physics = events.physics
    size = len(events) * detector.n_pmt
    n_light = np.bincount(nodes(light, detector), minlength=size)
    node = nodes(events, detector)
    n_hits = np.bincount(node, minlength=size)
    in_physics = np.repeat(physics, detector.n_pmt)
    classes = [in_physics & (np.minimum(n_light, MOST) == n) for n in range(MOST + 1)]
    reported = [(n_hits[one] > 0).mean() for one in classes]
    charge = np.bincount(node, events.hits.charge, minlength=size)
    median = [float(np.median(charge[one]) > 0) for one in classes]
    begun = np.zeros(size)
    begun[nodes(light, detector)] = light.hits.time
    single = (n_light == 1)[node] & (n_hits == 1)[node] & physics[events.hits.event_index]
    off = residuals(events, detector)
    of_physics = physics[events.hits.event_index]
    return Seen(
        per_event=events.hits.counts[physics].mean(),
        per_forced=events.hits.counts[~physics].mean(),
        residual=off[of_physics],
        reported=np.array(reported),
        median=np.array(median),
        delay=events.hits.time[single] - begun[node[single]],
        charge=events.hits.charge[single],
        occupancy=np.bincount(events.hits.pmt[of_physics], minlength=detector.n_pmt),
    )


def width(values: np.ndarray) -> float:
    """Half of what holds the central 68 %."""
    if not len(values):
        return np.nan
    low, high = np.quantile(values, [0.16, 0.84])
    return float(high - low) / 2


def rows(found: Mapping[str, Seen]) -> list[tuple[object, ...]]:
    """The table."""
    data, *others = found.values()

    def row(name: str, measure: Callable[[Seen], float], form: str = ".2f") -> tuple[object, ...]:
        mine, *theirs = (format(measure(one), form) for one in found.values())
        return (name, mine, "", *theirs)

    shares = [
        (
            f"PMTs with a hit, of {n}{' or more' if n == MOST else ''} photoelectrons, %",
            f"{100 * data.reported[n]:.2f}",
            f"{100 * data.median[n]:.0f}",
            *(f"{100 * one.reported[n]:.2f}" for one in others),
        )
        for n in range(MOST + 1)
    ]
    return [
        row("hits of a physics trigger", lambda s: s.per_event, ".1f"),
        row("hits of a forced trigger", lambda s: s.per_forced, ".1f"),
        row("dark share of hits, %", lambda s: 100 * float((s.residual < DARK).mean())),
        *shares,
        row("time of single photoelectrons, σ, ns", lambda s: width(s.delay)),
        row("charge of single photoelectrons, σ, p.e.", lambda s: width(s.charge), ".3f"),
        row(
            "correlation of occupancy",
            lambda s: float(np.corrcoef(s.occupancy, data.occupancy)[0, 1]),
            ".3f",
        ),
    ]


def scorecards(paths: Mapping[str, Path]) -> str:
    """Rows with a target, of several scorecards."""
    found = {name: json.loads(path.read_text())["rows"] for name, path in paths.items()}
    names = [row["name"] for row in next(iter(found.values())) if row["verdict"]]
    cells = {
        name: {row["name"]: row["difference"] for row in card} for name, card in found.items()
    }
    body = [
        (
            name,
            *(
                f"{card[name]:.3f}" if card.get(name) is not None else ""
                for card in cells.values()
            ),
        )
        for name in names
    ]
    return table(("difference", *found), body)


def draw(found: Mapping[str, Seen], path: Path) -> None:
    """The figure."""
    figure, axes = plt.subplots(2, 2, figsize=(10, 7), layout="constrained")
    colours = ("0.6", "tab:red", "tab:blue")
    place = np.arange(MOST + 1)
    for i, (name, one) in enumerate(found.items()):
        axes[0, 0].bar(place + 0.27 * (i - 1), one.reported, 0.25, color=colours[i], label=name)
        for axis, values, edges in (
            (axes[0, 1], one.delay, TIMES),
            (axes[1, 0], one.charge, CHARGES),
            (axes[1, 1], one.residual, RESIDUALS),
        ):
            weights = np.full(len(values), 1 / max(len(values), 1))
            axis.hist(
                np.clip(values, edges[0], edges[-1]),
                edges,
                weights=weights,
                color=colours[i],
                histtype="stepfilled" if i == 0 else "step",
                lw=1.5,
            )
    axes[0, 0].set_xticks(place, [*map(str, range(MOST)), f"≥ {MOST}"])
    axes[0, 0].set(xlabel="photoelectrons", ylabel="share of PMTs with a hit", yscale="log")
    axes[1, 0].legend(*axes[0, 0].get_legend_handles_labels(), frameon=False)
    axes[0, 1].set(xlabel="time after a single photoelectron [ns]", ylabel="share", yscale="log")
    axes[1, 0].set(xlabel="charge of a single photoelectron [p.e.]", ylabel="share")
    axes[1, 1].set(xlabel="residual [ns]", ylabel="share", yscale="log")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("gtq", "dtq", "faithful", "mended"):
        parser.add_argument(name, type=Path)
    here = Path(__file__).parent
    parser.add_argument("--detector", default=here / "challenge" / "detector.toml")
    parser.add_argument("--figure", type=Path, default=Path("graph_unet_gan.png"))
    parser.add_argument("--scorecard", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    mpl.use("agg")
    detector = load_detector(arguments.detector)
    light = read(arguments.gtq, detector)
    files = {
        "simulated": arguments.dtq,
        "first version": arguments.faithful,
        "mended": arguments.mended,
    }
    found = {name: seen(light, read(path, detector), detector) for name, path in files.items()}
    text = table(("", "simulated", "median", *list(files)[1:]), rows(found))
    print(text)
    page = arguments.write
    draw(found, page.with_suffix(".png") if page else arguments.figure)
    cards = dict(pair.split("=", 1) for pair in arguments.scorecard)
    judged = scorecards({name: Path(path) for name, path in cards.items()}) if cards else ""
    print(judged)
    if page:
        write_part(page, "figures", text)
        if cards:
            write_part(page, "scorecard", judged)


if __name__ == "__main__":
    main()
