"""How well pid tells positrons from gammas or electrons, beside other classifiers of hits.

    python benchmarks/pid.py POSITRON.h5... GAMMA.h5... --signal positron --background gamma
        --models trees pid ... --part pid_gamma --write docs/pid.md [--figure docs/pid.png]

MODELs are of `kzcal train NAME FILES --nominal --match energy --set-aside 0.25 ...`, the one to be
compared with first; all are judged by the events that were set aside.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from pages import table, write_part

from kzcal.calibrate.report.picture import drawing
from kzcal.classify.augment import random_dead
from kzcal.classify.corrected import Correction, corrected_events, together
from kzcal.classify.model import OpenedModel, opened
from kzcal.evaluate.area import areas
from kzcal.evaluate.curve import Ranking
from kzcal.evaluate.kinds import last_of_each_kind
from kzcal.evaluate.resampling import rejections
from kzcal.geometry import Detector, load_detector
from kzcal.io.source import open_events
from kzcal.learning import CorrectedEvents
from kzcal.plugins import load
from kzcal.simulate.constants import Constants

SET_ASIDE, ACCEPTANCE, DRAWS, MORE_DEAD = 0.25, 0.9, 400, 0.05
EDGES = (1.0, 1.5, 2.0, 2.5, 3.0)
"""Visible energies between which areas are told, MeV."""
MORE = (
    "rejection at 90 %",
    "area lost to 5 % dead PMTs",
    "best step",
    "training (s)",
    "score of an event (ms)",
)
"""Further columns of the table."""
CPU = torch.device("cpu")
COLOURS = ("#777777", "#c0392b", "#1f77b4", "#2e8b57", "#8e44ad")


@dataclass(frozen=True)
class Judged:
    """Events that no model has seen.

    Args:
        events: corrected.
        kind: what each is.
    """

    events: CorrectedEvents
    kind: np.ndarray


def judged(paths: Sequence[Path], detector: Detector) -> Judged:
    """The last events of each kind of some files."""
    correction = Correction.of(Constants().payload(detector), detector)
    parts, kinds = [], []
    for path in paths:
        with open_events(path, detector) as source:
            whole = source.table()
            last = last_of_each_kind(whole.reconstructed, whole.truth["kind"], SET_ASIDE)
            rows = np.flatnonzero(last)
            parts.append(corrected_events(source, detector, correction, rows))
            kinds.append(whole.truth["kind"][rows].astype(str))
    return Judged(together(parts), np.concatenate(kinds))


def scores_of(models: Sequence[OpenedModel], on: Judged) -> tuple[np.ndarray, list[float]]:
    """Scores of each model, and its processor time of an event, ms."""
    scores, seconds = [], []
    for model in models:
        begin = time.process_time()
        scores.append(model.classifier.score(on.events))
        seconds.append(1e3 * (time.process_time() - begin) / len(on.events))
    return np.array(scores), seconds


def lost_to_dead(model: OpenedModel, score: np.ndarray, on: Judged, signal: np.ndarray) -> str:
    """Area lost where further PMTs are dead, others in every event."""
    fewer = random_dead(on.events, MORE_DEAD, generator=np.random.default_rng(1))
    both = areas(np.array([score, model.classifier.score(fewer)]), signal)
    less, error = both.difference(0, 1)
    return f"{less:+.3f} ± {error:.3f}"


def reached(
    models: Sequence[OpenedModel],
    scores: np.ndarray,
    seconds: list[float],
    on: Judged,
    signal: np.ndarray,
) -> str:
    """Table of what each classifier reached; the number of hits is the last of the scores."""
    found = areas(scores, signal)
    generator = np.random.default_rng(1)
    cut = rejections(scores, signal, [ACCEPTANCE], draws=DRAWS, generator=generator)
    rows = []
    for at, model in enumerate(models):
        less, error = found.difference(at, 0)
        training = model.manifest.training
        rows.append(
            [
                f"`{model.manifest.classifier}`",
                f"{found.values[at]:.3f} ± {found.errors[at]:.3f}",
                f"{less:+.3f} ± {error:.3f}" if at else "",
                f"{cut.values[at, 0]:.3f} ± {cut.errors[at, 0]:.3f}",
                lost_to_dead(model, scores[at], on, signal),
                f"{training['best_step']:,}",
                f"{training['seconds']:.0f}",
                seconds[at],
            ]
        )
    alone = f"{found.values[-1]:.3f} ± {found.errors[-1]:.3f}"
    rows.append(["number of hits alone", alone, "", "", "", "", "", ""])
    first = models[0].manifest.classifier
    return table(["classifier", "area", f"less that of `{first}`", *MORE], rows)


def by_energy(
    models: Sequence[OpenedModel], scores: np.ndarray, on: Judged, signal: np.ndarray
) -> str:
    """Table of areas in ranges of the visible energy."""
    bins = np.digitize(on.events.energy, EDGES) - 1
    rows = []
    for at in range(len(EDGES) - 1):
        here = bins == at
        found = areas(scores[:, here], signal[here])
        told = [f"{v:.3f} ± {e:.3f}" for v, e in zip(found.values, found.errors, strict=True)]
        rows.append([f"{EDGES[at]}–{EDGES[at + 1]}", int(here.sum()), *told[:-1]])
    return table(["MeV", "events", *(f"`{m.manifest.classifier}`" for m in models)], rows)


def draw(
    models: Sequence[OpenedModel], scores: np.ndarray, on: Judged, signal: np.ndarray, path: Path
) -> None:
    """Rejection against acceptance, and how shares of hits in time differ."""
    acceptance = np.linspace(0.3, 0.999, 200)
    with drawing(8.0, 3.4) as figure:
        left, right = figure.subplots(1, 2)
        for model, score, colour in zip(models, scores, COLOURS, strict=False):
            curve = Ranking.of(score, signal).curve().rejection(acceptance)
            left.plot(acceptance, curve, color=colour, label=model.manifest.classifier)
        left.plot(acceptance, 1 - acceptance, color="0.8", linestyle=":")
        left.set_xlabel(f"{on.kind[signal][0]} accepted")
        left.set_ylabel(f"{on.kind[~signal][0]} rejected")
        left.legend()
        edges = np.arange(-10.0, 40.5, 2.0)
        first, second = (
            np.histogram(on.events.hits.take(c).time, edges)[0] for c in (signal, ~signal)
        )
        ratio = (first / first.sum()) / (second / second.sum())
        error = ratio * np.sqrt(1.0 / first + 1.0 / second)
        right.errorbar((edges[:-1] + edges[1:]) / 2, ratio, error, fmt=".", color="#1b1b1b")
        right.axhline(1.0, color="0.8", linestyle=":")
        right.set_xlabel("residual time (ns)")
        right.set_ylabel(f"share of hits, {on.kind[signal][0]} / {on.kind[~signal][0]}")
        figure.savefig(path, dpi=130)


def main() -> None:
    """Judge the models and write a part of a page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--signal", required=True)
    parser.add_argument("--background", required=True)
    parser.add_argument("--models", nargs="+", type=Path, required=True)
    parser.add_argument("--part", required=True)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--figure", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    on = judged(given.files, load_detector())
    signal = on.kind == given.signal
    others = set(on.kind) - {given.signal, given.background}
    if others:
        message = f"files hold the two kinds alone, got {', '.join(sorted(others))} too"
        raise SystemExit(message)
    records = load().classifiers
    models = [opened(path, records, CPU) for path in given.models]
    scores, seconds = scores_of(models, on)
    scores = np.vstack([scores, on.events.hits.counts.astype(np.float64)])
    told = (
        f"Judged by {signal.sum():,} events of {given.signal} and {(~signal).sum():,} of "
        f"{given.background} that were set aside; as many per energy of either."
    )
    parts = [reached(models, scores, seconds, on, signal), by_energy(models, scores, on, signal)]
    text = "\n\n".join([told, *parts])
    sys.stdout.write(f"{text}\n")
    if given.write:
        write_part(given.write, given.part, text)
    if given.figure:
        draw(models, scores, on, signal, given.figure)


if __name__ == "__main__":
    main()
