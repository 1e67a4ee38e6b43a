"""Translators side by side: scorecards of their best weights, and pictures.

    python benchmarks/translators.py GTQ TARGET --work DIR [--pairs GTQ DTQ] [--minutes 10]
        [--events 12000] [--cores NAME=TEXT ...] [--detector FILE.toml]
        [--write docs/translators.md] [--part translators] [--figure docs/translators.png]

GTQ and TARGET are what `kzcal translate twin` wrote. Translators in --from-pairs are trained on
--pairs, of `kzcal simulate --gtq`. A model that DIR holds already under the name of its
translator is taken as it is; each is applied to GTQ and compared with TARGET. With --events less
than there are, those that took part in a training are left out of its scorecard. --minutes limits
the trainings that are still to be done; only one column is at a time that all have had. What each
training had of a processor is told with --cores, as no file of a model says it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import NullFormatter, PercentFormatter, StrMethodFormatter
from pages import table, write_part

from kzcal.calibrate.report.picture import FAINT, drawing
from kzcal.training.curves import read_table

NAMES = ("fitted-response", "graph-unet-gan", "cyclegan")
COLOURS = ("#c0392b", "#20639b", "#d1701c")
KZCAL = "import sys; from kzcal.cli.main import main; sys.exit(main())"
TARGETED = (
    ("dark fraction", "dark_fraction"),
    ("time resolution", "time_resolution"),
    ("charge resolution", "charge_resolution"),
)


def kzcal(*words: object) -> str:
    """What a command prints."""
    command = [sys.executable, "-c", KZCAL, *map(str, words)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def trained(name: str, given: argparse.Namespace) -> Path:
    """The model of a translator, trained if it is not there."""
    model: Path = given.work / name
    if not (model / "weights.safetensors").exists():
        source, target = (given.source, given.target)
        if name in given.from_pairs and given.pairs:
            source, target = given.pairs
        words = ("--source", source, "--target", target, "--out", model)
        limits = ("--minutes", given.minutes, "--detector", given.detector)
        kzcal("translate", "train", name, *words, *limits, "--events", given.events)
    return model


def judged(name: str, model: Path, given: argparse.Namespace) -> dict[str, Any]:
    """The scorecard of a model's translation of the source."""
    fake, card = given.work / f"{name}.h5", given.work / f"{name}-scorecard"
    if not (card / "scorecard.json").exists():
        told = manifest(model)
        unseen = ("--unseen",) if told.get("share", 1.0) < 1 else ()
        kzcal("translate", "apply", model, given.source, "--out", fake, "--seed", 1, *unseen)
        kzcal("compare", fake, given.target, "--out", card, "--detector", given.detector)
    found: dict[str, Any] = json.loads((card / "scorecard.json").read_text())
    return found


def manifest(model: Path) -> dict[str, Any]:
    """What a model says of itself."""
    return tomllib.loads((model / "model.toml").read_text())


def saw_all(model: Path) -> bool:
    """Whether the events of a scorecard took part in the training; those of pairs are others."""
    told = manifest(model)
    return not told["paired"] and told.get("share", 1.0) == 1


def worst(rows: Sequence[Mapping[str, Any]], begin: str) -> str:
    """The largest relative difference of the rows whose names begin so, and its error."""
    found = [row for row in rows if row["name"].startswith(begin)]
    if not found or any(row["difference"] is None for row in found):
        return "not known"
    row = max(found, key=lambda each: abs(each["difference"]))
    return f"{100 * abs(row['difference']):.1f} ± {100 * row['error']:.1f} %"


def minutes_of(model: Path) -> float:
    """Time that a training took."""
    return read_table(model / "training.csv")[-1].seconds / 60


def attained(ratio: float | None, *, seen: bool) -> str:
    """Correlation of occupancies over the attainable one, with a word where events were learned.

    Args:
        ratio: None where it is not known.
        seen: whether the training took part of the events that are compared.
    """
    if ratio is None:
        return ""
    return f"{ratio:.3f} (in-sample)" if seen else f"{ratio:.3f}"


def cells(name: str, model: Path, card: Mapping[str, Any], common: float, cores: str) -> list[str]:
    """A row of the table; ``common`` is the time that all had, min."""
    rows = card["rows"]
    validations = read_table(model / "training.csv")
    best = min(validations, key=lambda v: v.distance)
    by_then = min((v.distance for v in validations if v.seconds <= 60.5 * common), default=np.nan)
    differences = [worst(rows, begin) for _, begin in TARGETED]
    (alike,) = (row["difference"] for row in rows if row["name"] == "occupancy_correlation")
    areas = [
        f"{found['auc']:.3f} ± {found['error']:.3f} ({found['floor']:.3f})"
        for found in card["two_sample"].values()
    ]
    return [
        f"`{name}`",
        f"{minutes_of(model):.1f}",
        cores,
        f"{by_then:.3g}",
        f"{best.distance:.3g} ({best.seconds / 60:.1f} min)",
        f"{card['events'][1]:,}",
        *differences,
        attained(alike, seen=saw_all(model)),
        *areas,
        f"{len(card['differing'])} of {len(rows)}",
    ]


def draw(path: Path, models: Mapping[str, Path], cards: Mapping[str, Mapping[str, Any]]) -> None:
    """Distance over time, and the differences of the scorecards."""
    with drawing(11.0, 4.4) as figure:
        curves, bars = figure.subplots(1, 2, width_ratios=(1, 1.35))
        figure.subplots_adjust(left=0.07, bottom=0.34, top=0.96, wspace=0.22)
        for name, colour in zip(models, COLOURS, strict=False):
            rows = [v for v in read_table(models[name] / "training.csv") if v.distance < np.inf]
            minutes, distance = [v.seconds / 60 for v in rows], [v.distance for v in rows]
            curves.plot(minutes, distance, marker=".", ms=4, color=colour, label=name)
        curves.set(xlabel="time of training, min", ylabel="distance on events held out")
        curves.set_yscale("log")
        curves.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        curves.yaxis.set_minor_formatter(NullFormatter())
        curves.legend()
        _draw_bars(bars, cards)
        figure.savefig(path, metadata={"Software": None})


def _draw_bars(axes: Any, cards: Mapping[str, Mapping[str, Any]]) -> None:  # noqa: ANN401  Axes
    """Relative differences of the rows that have one."""
    rows = next(iter(cards.values()))["rows"]
    names = [row["name"] for row in rows if row["measure"] == "relative"]
    for place, (name, colour) in enumerate(zip(cards, COLOURS, strict=False)):
        found = {row["name"]: row["difference"] for row in cards[name]["rows"]}
        size = [abs(found[row]) if found.get(row) is not None else np.nan for row in names]
        axes.bar(np.arange(len(names)) + 0.27 * (place - 1), size, 0.26, color=colour)
    axes.axhline(0.02, color=FAINT, lw=0.8)
    axes.set_yscale("log")
    axes.set_ylim(bottom=1e-4)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=2))
    axes.set_ylabel("difference from data")
    axes.set_xticks(
        range(len(names)), [n.replace("_", " ") for n in names], rotation=60, ha="right"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="models, fakes, scorecards")
    parser.add_argument("--pairs", type=Path, nargs=2, help="files of simulated pairs")
    parser.add_argument("--from-pairs", nargs="*", default=["graph-unet-gan"])
    parser.add_argument("--only", nargs="*", choices=NAMES, default=NAMES)
    parser.add_argument("--cores", nargs="*", default=[], metavar="NAME=TEXT")
    parser.add_argument("--detector", default="kamland-zen-800")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--events", type=int, default=20_000, help="that trainings take")
    parser.add_argument("--part", default="translators", help="of the page")
    parser.add_argument("--write", type=Path, help="page that takes the table")
    parser.add_argument("--figure", type=Path, help="picture to write")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    models = {name: trained(name, given) for name in given.only}
    cards = {name: judged(name, model, given) for name, model in models.items()}
    common = min(map(minutes_of, models.values()))
    areas = [name.replace("_", " ") for name in next(iter(cards.values()))["two_sample"]]
    head = [
        "translator",
        "trained [min]",
        "cores",
        f"distance by {common:.1f} min",
        "best distance",
        "physics events of the scorecard",
        *(f"{name}, worst type" if name != "dark fraction" else name for name, _ in TARGETED),
        "occupancy correlation of attainable",
        *(f"{name} (floor)" for name in areas),
        "rows that differ",
    ]
    cores = dict(each.split("=", 1) for each in given.cores)
    rows = [
        cells(name, models[name], cards[name], common, cores.get(name, "not noted"))
        for name in models
    ]
    print(table(head, rows))
    if given.figure:
        draw(given.figure, models, cards)
    if given.write:
        write_part(given.write, given.part, table(head, rows))


if __name__ == "__main__":
    main()
