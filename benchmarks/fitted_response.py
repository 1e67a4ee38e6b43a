"""What a fitted response has learned, beside the calibration of the same run and beside a truth.

    kzcal translate train fitted-response --source gtq.h5 --target dtq.h5 --out model/
    kzcal translate apply model/ gtq.h5 --out fake.h5
    kzcal compare fake.h5 dtq.h5 --out scorecard/
    kzcal db export --db kz.db --tag full-2026 --run 15001 --out calibration.csv
    python benchmarks/fitted_response.py model/ calibration.csv [--scorecard scorecard/]
        [--closure gtq.h5] [--turns 12] [--truth period_A_truth.h5]
        [--write docs/translator_fitted_response.md] [--figure docs/translator_fitted_response.png]

For --closure the photoelectrons of events of odd number are reported by kzcal.response with the
constants of the calibration, and the response is learned from these hits and the photoelectrons
of events of even number.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import torch
from kzcal_fitted_response.draws import EventTable, light_of, windows_of
from kzcal_fitted_response.learner import ResponseLearner
from kzcal_fitted_response.payload import response_payload
from pages import table, write_part
from pull_figure import pulls

from kzcal.calibrate.report.picture import TYPE_COLOURS, drawing
from kzcal.conditions.payload import Lineage, Payload
from kzcal.conditions.quantities import QUANTITIES, is_good
from kzcal.conditions.table import read_table, write_table
from kzcal.geometry import Detector
from kzcal.io.source import open_events
from kzcal.io.toml import read_toml
from kzcal.learning import TranslatorTask
from kzcal.response.constants import response_from
from kzcal.response.nominal import read_nominal
from kzcal.response.translator import FORCED_WINDOW, PHYSICS_WINDOW, hits_of
from kzcal.training.curves import read_table as read_training
from kzcal.training.directory import WEIGHTS
from kzcal.training.tensors import read_tensors
from kzcal.translate.model import ModelDirectory
from kzcal.translate.origin import Origin

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


def closure(path: Path, truth: Payload, detector: Detector, turns: int) -> tuple[Payload, float]:
    """Constants learned from hits that were made with those of a calibration.

    Args:
        path: photoelectrons.
        truth: the constants.
        detector: of both.
        turns: steps of learning.

    Returns:
        What was learned, and the seconds that it took.
    """
    with open_events(path, detector) as source:
        (events,) = source.chunks(source.n_hits + 1)
    even, odd = (events.take(events.event % 2 == rest) for rest in (0, 1))
    ceiling = Origin.of(path).ceiling or 1.0
    device = torch.device("cpu")
    response = response_from(truth, detector, read_nominal())
    window = windows_of(
        EventTable.of(odd, device), torch.tensor(PHYSICS_WINDOW), torch.tensor(FORCED_WINDOW)
    )
    generator = torch.Generator().manual_seed(1)
    pulses = response.sample(light_of(odd, device), window, ceiling=ceiling, generator=generator)
    target = replace(odd, hits=hits_of(pulses, len(odd)))
    began = time.perf_counter()
    learner = ResponseLearner(
        TranslatorTask(even, target, ceiling, False, detector, device, seed=1)
    )
    for _ in range(turns):
        print(learner.step(), flush=True)
    took = time.perf_counter() - began
    return response_payload(learner.weights(), detector, Lineage()), took


def true_pulls(payloads: dict[str, Payload], path: Path, detector: Detector) -> str:
    """Mean and standard deviation of pulls against the truth, a column for each table."""
    columns = []
    with h5py.File(path) as truth, tempfile.TemporaryDirectory() as folder:
        for payload in payloads.values():
            file = Path(folder) / "table.csv"
            write_table(payload, file)
            read = np.genfromtxt(file, delimiter=",", names=True, dtype=None, encoding=None)
            size = detector.diameter_inch[is_good(payload) & (truth["status"][()] == 0)]
            found = [pulls(read, truth, quantity.name) for quantity in QUANTITIES]
            parts = [part for p in found for part in (p, p[size == 17], p[size == 20])]
            columns.append([f"{p.mean():+.2f} ± {p.std():.2f}" for p in parts])
    groups = ("all", "17 inch", "20 inch")
    names = [(f"`{quantity.name}`", group) for quantity in QUANTITIES for group in groups]
    rows = ((*name, *cells) for name, *cells in zip(names, *columns, strict=True))
    return table(("constant", "PMTs", *payloads), rows)


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
    parser.add_argument("--closure", type=Path, help="photoelectrons")
    parser.add_argument("--truth", type=Path, help="of the period, looked at in the end")
    parser.add_argument("--turns", type=int, default=12, help="of the closure")
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
        found, took = closure(given.closure, other, detector, given.turns)
        columns = {
            name: replace(column, errors=None if column.errors is None else 0 * column.errors)
            for name, column in other.columns.items()
        }
        truth = replace(other, columns=columns)
        rows = table(HEADER, rows_of(found, truth, detector))
        parts["closure"] = f"{given.turns} turns in {took / 60:.1f} minutes.\n\n{rows}"
    if given.truth:
        parts["truth"] = true_pulls({"learned": mine, "calibrated": other}, given.truth, detector)
    for name, text in parts.items():
        print(f"{name}\n\n{text}\n")
        if given.write:
            write_part(given.write, name, text)
    if given.figure:
        draw(mine, other, detector, given.figure)


if __name__ == "__main__":
    main()
