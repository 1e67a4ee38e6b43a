"""How a training went: a table of its validations, and their curves."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import StrMethodFormatter

from kzcal.calibrate.report.picture import DATA, FAINT, MODEL, drawing
from kzcal.io.atomic import replacing
from kzcal.training.loop import Validation

COLUMNS = ("step", "seconds", "distance")
DISTANCE = "distance of the scorecard"
MOST_CURVES = 8
"""Losses that are drawn, in the order in which a step tells them."""


def write_table(path: Path, validations: Sequence[Validation]) -> None:
    """Write a row per validation, whole or not at all."""
    names = list(dict.fromkeys(name for row in validations for name in row.losses))
    with replacing(path) as unfinished, unfinished.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*COLUMNS, *names])
        for row in validations:
            losses = [repr(row.losses[name]) if name in row.losses else "" for name in names]
            writer.writerow([row.step, repr(row.seconds), repr(row.distance), *losses])


def read_table(path: Path) -> list[Validation]:
    """The validations of a table; none if there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as stream:
        return [
            Validation(
                int(row.pop("step")),
                float(row.pop("seconds")),
                float(row.pop("distance")),
                {name: float(value) for name, value in row.items() if value},
            )
            for row in csv.DictReader(stream)
        ]


def draw_curves(
    path: Path, validations: Sequence[Validation], title: str, judged_by: str = DISTANCE
) -> None:
    """Draw what validations found, which ought to be small, and losses over time."""
    minutes = [row.seconds / 60 for row in validations]
    with drawing(9.0, 3.4) as figure, replacing(path) as unfinished:
        distance, losses = figure.subplots(1, 2)
        figure.subplots_adjust(left=0.09, wspace=0.28)
        figure.suptitle(title, x=0.01, ha="left", fontsize=9)
        _draw_distance(distance, minutes, [row.distance for row in validations])
        distance.set_ylabel(judged_by)
        names = list(dict.fromkeys(name for row in validations for name in row.losses))
        for name in names[:MOST_CURVES]:
            told = [row.losses.get(name, float("nan")) for row in validations]
            losses.plot(minutes, told, label=name.replace("_", " "), marker=".", ms=3)
        losses.set_ylabel("losses and the like")
        losses.set_xlabel("time, min")
        if names:
            losses.legend(loc="best")
        figure.savefig(unfinished, format="png", metadata={"Software": None})


def _draw_distance(axes: Axes, minutes: Sequence[float], distance: Sequence[float]) -> None:
    """Distance over time; the best one is marked."""
    axes.plot(minutes, distance, color=DATA, marker=".", ms=4)
    best = min(range(len(distance)), key=distance.__getitem__)
    axes.plot(minutes[best], distance[best], "o", mfc="none", color=MODEL, ms=8)
    axes.axhline(distance[best], color=FAINT, lw=0.7)
    axes.set_xlabel("time, min")
    if 0 < min(distance) < 0.99 * max(distance):
        axes.set_yscale("log")
        for which in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            which(StrMethodFormatter("{x:.3g}"))
