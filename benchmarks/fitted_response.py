"""What a fitted response has learned, beside the calibration of the same run and beside a truth.

    kzcal translate train fitted-response --source gtq.h5 --target dtq.h5 --out model/
    kzcal translate apply model/ gtq.h5 --out fake.h5
    kzcal compare fake.h5 dtq.h5 --out scorecard/
    kzcal db export --db kz.db --tag full-2026 --run 15001 --out calibration.csv
    python benchmarks/fitted_response.py model/ calibration.csv [--scorecard scorecard/]
        [--closure MODEL TRUTH.csv] [--write docs/translator_fitted_response.md]
        [--figure docs/translator_fitted_response.png]

The model of --closure was trained on `kzcal simulate --gtq` with the constants of TRUTH.csv.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from kzcal_fitted_response.payload import response_payload
from pages import table, write_part

from kzcal.calibrate.report.picture import TYPE_COLOURS, drawing
from kzcal.conditions.payload import Lineage, Payload
from kzcal.conditions.quantities import QUANTITIES, is_good
from kzcal.conditions.table import read_table
from kzcal.geometry import Detector
from kzcal.io.toml import read_toml
from kzcal.translate.curves import read_table as read_training
from kzcal.translate.model import WEIGHTS, ModelDirectory, read_tensors

HEADER = ("constant", "PMTs", "learned", "other", "difference", "its error", "pull", "correlation")
RELATIVE = {"qe", "gain", "spe_width", "tts", "dark_rate"}


def learned(model: Path) -> tuple[Payload, Detector]:
    """Constants of a model."""
    directory = ModelDirectory(model)
    detector = directory.open_detector(directory.manifest())
    weights, _ = read_tensors(model / WEIGHTS)
    return response_payload(weights, detector, Lineage()), detector


def compared(
    mine: Payload, other: Payload, detector: Detector
) -> Iterator[tuple[str, int, np.ndarray, np.ndarray, np.ndarray]]:
    """Values of both and the error of their difference, of PMTs good in both, by type."""
    good = is_good(mine) & is_good(other)
    for quantity in QUANTITIES:
        columns = [payload.columns[quantity.name] for payload in (mine, other)]
        error = np.hypot(*(column.errors for column in columns))
        for size in (17, 20):
            rows = good & (detector.diameter_inch == size) & (error > 0)
            yield quantity.name, size, *(c.values[rows] for c in columns), error[rows]


def rows_of(mine: Payload, other: Payload, detector: Detector) -> list[list[str]]:
    """A row for each constant and type."""
    rows = []
    for name, size, value, reference, error in compared(mine, other, detector):
        off = value - reference
        scale, unit = (100 / reference.mean(), " %") if name in RELATIVE else (1.0, " ns")
        pull = off / error
        alike = np.corrcoef(value, reference)[0, 1]
        rows.append(
            [
                f"`{name}`",
                f"{len(off)} of {size} inch",
                f"{value.mean():.4g}",
                f"{reference.mean():.4g}",
                f"{scale * off.mean():+.2f} ± {scale * off.std():.2f}{unit}",
                f"{scale * np.median(error):.2f}{unit}",
                f"{pull.mean():+.2f} ± {pull.std():.2f}",
                f"{alike:.3f}",
            ]
        )
    return rows


def told(model: Path) -> str:
    """How long the training took."""
    training = read_toml(model / "model.toml")["training"]
    validations = read_training(model / "training.csv")
    best = next(v for v in validations if v.step == training["best_step"])
    return (
        f"{training['seconds'] / 60:.1f} minutes, of which the best weights took "
        f"{best.seconds / 60:.1f} ({best.step} turns); distance {best.distance:.3g}."
    )


def status(mine: Payload, other: Payload) -> str:
    """On which PMTs that are not good both agree."""
    words = [payload.columns["status"].values for payload in (mine, other)]
    same = int((words[0] == words[1]).sum())
    wrong = ", ".join(
        f"{word} {int((words[0] == word).sum())} and {int((words[1] == word).sum())}"
        for word in sorted(set(np.concatenate(words)) - {"good"})
    )
    return f"{same} of {len(words[0])} PMTs have the same status; PMTs that are {wrong}."


def scorecard_rows(path: Path) -> list[list[str]]:
    """Rows with a target, and those that one law does not explain."""
    card = json.loads((path / "scorecard.json").read_text())
    rows = []
    for row in card["rows"]:
        if row["verdict"] or row["differs"]:
            numbers = [row[key] for key in ("fake", "data", "difference", "error", "target")]
            cells = ["" if number is None else f"{number:.4g}" for number in numbers]
            verdict = row["verdict"] or "no target"
            rows.append([row["name"], *cells, verdict + (", differs" if row["differs"] else "")])
    return rows


def draw(mine: Payload, other: Payload, detector: Detector, path: Path) -> None:
    """Learned constants against those of the calibration, and their pulls."""
    with drawing(13.0, 6.2) as figure:
        axes = figure.subplots(2, len(QUANTITIES))
        figure.subplots_adjust(left=0.04, right=0.99, wspace=0.3, hspace=0.35)
        found: dict[str, list] = {}
        for name, size, value, reference, error in compared(mine, other, detector):
            found.setdefault(name, []).append((size, value, reference, error))
        for column, (name, parts) in zip(axes.T, found.items(), strict=True):
            edges = np.linspace(-4, 4, 41)
            for size, value, reference, error in parts:
                style = {"color": TYPE_COLOURS[size], "label": f"{size} inch"}
                column[0].plot(reference, value, ".", ms=2, **style)
                pull = (value - reference) / error
                column[1].hist(pull, edges, histtype="step", density=True, **style)
            ends = np.concatenate([p[2] for p in parts])
            ends = np.percentile(ends, [0.5, 99.5])
            column[0].plot(ends, ends, color="#444444", lw=0.7)
            column[0].set(title=name, xlabel="calibrated")
            column[1].plot(edges, np.exp(-(edges**2) / 2) / np.sqrt(2 * np.pi), color="#444444")
            column[1].set(xlabel="pull")
        axes[0, 0].set_ylabel("learned")
        axes[0, 0].legend()
        figure.savefig(path, metadata={"Software": None})


def main() -> None:
    """Compare, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("calibration", type=Path)
    parser.add_argument("--scorecard", type=Path)
    parser.add_argument("--closure", type=Path, nargs=2, metavar=("MODEL", "TRUTH"))
    parser.add_argument("--write", type=Path, help="page that gets the tables")
    parser.add_argument("--figure", type=Path)
    given = parser.parse_args()
    mine, detector = learned(given.model)
    other = read_table(given.calibration)
    rows = table(HEADER, rows_of(mine, other, detector))
    parts = {"constants": f"{told(given.model)} {status(mine, other)}\n\n{rows}"}
    if given.scorecard:
        head = ("row", "translated", "data", "difference", "error", "target", "verdict")
        parts["scorecard"] = table(head, scorecard_rows(given.scorecard))
    if given.closure:
        found, place = learned(given.closure[0])
        truth = read_table(given.closure[1])
        for quantity in QUANTITIES:
            errors = truth.columns[quantity.name].errors
            errors[np.isfinite(errors)] = 0.0
        rows = table(HEADER, rows_of(found, truth, place))
        parts["closure"] = f"{told(given.closure[0])}\n\n{rows}"
    for name, text in parts.items():
        print(f"{name}\n\n{text}\n")
        if given.write:
            write_part(given.write, name, text)
    if given.figure:
        draw(mine, other, detector, given.figure)


if __name__ == "__main__":
    main()
