"""What trees on times, a plain CNN and a graph of hits reach: table and figure of a page.

    python benchmarks/classifier_peers.py topology_train.h5 MODEL... --db kz.db --tag full-2026
        --run 15001

MODELs are of `kzcal train NAME topology_train.h5 --set-aside 0.2 ...`; they are judged by the
events that were set aside, the last fifth of each class.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from pages import table, write_part

from kzcal.calibrate.report.picture import drawing
from kzcal.classify.augment import random_dead
from kzcal.classify.corrected import Correction, corrected_events
from kzcal.classify.judging import judge
from kzcal.classify.model import OpenedModel, opened
from kzcal.components import Classifier
from kzcal.io.source import open_events
from kzcal.learning import ClassifierTask, CorrectedEvents
from kzcal.plugins import load
from kzcal.simulate.constants import Constants

DOCS = Path(__file__).parents[1] / "docs"
SET_ASIDE, MORE_DEAD, DRAWS, STEPS = 0.2, 0.05, 3, 5
CPU = torch.device("cpu")
COLOURS = ("#1f77b4", "#c0392b", "#2e8b57", "#8e44ad")


@dataclass(frozen=True)
class Judged:
    """Events that no model has seen.

    Args:
        events: corrected.
        signal: whether each is signal.
    """

    events: CorrectedEvents
    signal: np.ndarray


def judged(path: Path, constants: Constants, model: OpenedModel) -> Judged:
    """The last fifth of each class of a file."""
    detector = model.detector
    correction = Correction.of(constants.payload(detector), detector)
    with open_events(path, detector) as source:
        signal = source.table().truth["kind"].astype(str) == "bb"
        classes = [np.flatnonzero(signal), np.flatnonzero(~signal)]
        last = [rows[round((1.0 - SET_ASIDE) * len(rows)) :] for rows in classes]
        rows = np.sort(np.concatenate(last))
        return Judged(corrected_events(source, detector, correction, rows), signal[rows])


def row(model: OpenedModel, record: Classifier, on: Judged) -> tuple[list[object], np.ndarray]:
    """A row of the table, and the scores."""
    start = time.process_time()
    score = model.classifier.score(on.events)
    seconds = time.process_time() - start
    weight = np.ones(len(score), np.float32)
    verdict = judge(score, on.signal, weight, draws=200)
    losses = []
    for seed in range(DRAWS):
        fewer = random_dead(on.events, MORE_DEAD, generator=np.random.default_rng(seed))
        found = judge(model.classifier.score(fewer), on.signal, weight)
        losses.append(verdict.rejection - found.rejection)
    steps = int(model.manifest.training["best_step"])
    return [
        model.manifest.classifier,
        f"{verdict.rejection:.3f} ± {verdict.rejection_error:.3f}",
        f"{verdict.auc:.3f}",
        f"{np.mean(losses):+.3f} ± {np.std(losses, ddof=1) / DRAWS**0.5:.3f}",
        steps,
        f"{1e3 * seconds_of_a_step(model, record, on):.0f}",
        f"{1e3 * seconds / len(score):.2f}",
    ], score


def seconds_of_a_step(model: OpenedModel, record: Classifier, on: Judged) -> float:
    """Processor time of a step of training."""
    weight = np.ones(len(on.signal), np.float32)
    task = ClassifierTask(on.events, on.signal, weight, model.detector, CPU, 1)
    assert record.learn is not None
    learner = record.learn(task, **model.manifest.options)
    learner.step()
    start = time.process_time()
    for _ in range(STEPS):
        learner.step()
    return (time.process_time() - start) / STEPS


def draw(scores: dict[str, np.ndarray], signal: np.ndarray, path: Path) -> None:
    """Rejection of background against acceptance of signal."""
    acceptance = np.linspace(0.5, 0.999, 200)
    with drawing(7.0, 4.0) as figure:
        axes = figure.subplots()
        for (name, score), colour in zip(scores.items(), COLOURS, strict=False):
            cut = np.quantile(score[signal], 1.0 - acceptance)
            rejected = (score[~signal] < cut[:, None]).mean(1)
            axes.plot(acceptance, rejected, color=colour, label=name)
        axes.axvline(0.9, color="0.7", linewidth=0.8)
        axes.set_xlabel("bb accepted")
        axes.set_ylabel("bi214 rejected")
        axes.legend(frameon=False)
        figure.savefig(path)


def main() -> None:
    """Write the table and the figure of docs/classifier_peers.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("events", type=Path)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--db", required=True)
    parser.add_argument("--tag", required=True)
    parser.add_argument("--run", type=int, required=True)
    given = parser.parse_args()
    records = load().classifiers
    models = [opened(path, records, CPU) for path in given.models]
    on = judged(given.events, Constants.stored(given.db, given.tag, given.run), models[0])
    rows, scores = [], {}
    for model in models:
        name = model.manifest.classifier
        cells, scores[name] = row(model, records.choose(name), on)
        rows.append(cells)
    head = ["classifier", "rejection at 90 %", "area", "lost with 5 % more dead PMTs", "best step"]
    text = table([*head, "a step (ms)", "score of an event (ms)"], rows)
    write_part(DOCS / "classifier_peers.md", "peers", text)
    draw(scores, on.signal, DOCS / "classifier_peers.png")


if __name__ == "__main__":
    main()
