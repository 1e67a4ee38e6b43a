"""What the small network of kamnet reaches on the challenge's topology set, and how fast it is.

    python benchmarks/kamnet_small.py "NAME=MODEL"... --db kz.db --tag TAG --run RUN
        [--write docs/kamnet.md] [--figure docs/kamnet_small.png]

A model is judged by the last fifth of each kind in the file: train with --set-aside 0.2. Needs the
challenge data in $KZCAL_CHALLENGE, or beside the checkout.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float64
from kzcal_kamnet import KAMNET
from kzcal_kamnet.classifier import trained_network
from kzcal_kamnet.small import SmallNetwork
from kzcal_kamnet.views import SmallView
from pages import table, write_part

from kzcal.classify.augment import random_dead
from kzcal.classify.corrected import Correction, corrected_events
from kzcal.classify.model import ClassifierDirectory
from kzcal.evaluate.area import areas
from kzcal.evaluate.curve import Ranking
from kzcal.geometry import Detector, load_detector
from kzcal.io.source import open_events
from kzcal.learning import CorrectedEvents, HitClassifier
from kzcal.simulate.constants import Constants

ROOT = Path(__file__).resolve().parents[1]
CHALLENGE = Path(os.environ.get("KZCAL_CHALLENGE", ROOT.parent / "shared" / "challenge"))
DETECTOR = Path(__file__).parent / "challenge" / "detector.toml"
CPU = torch.device("cpu")
SET_ASIDE, ACCEPTANCE, DEAD, RESAMPLINGS = 0.2, 0.9, 0.05, 400
BATCH, STEPS, TIMED = 64, 10, 500
"""Events of a timed step, timed steps, and events that are timed in scoring."""

Scores = Float64[np.ndarray, " event"]
Labels = Bool[np.ndarray, " event"]


def held_out(
    arguments: argparse.Namespace,
    detector: Detector,
    path: Path = CHALLENGE / "topology_train.h5",
) -> tuple[CorrectedEvents, Labels]:
    """The last fifth of each kind in the order of the file, and which are signal."""
    constants = Constants.stored(arguments.db, arguments.tag, arguments.run)
    correction = Correction.of(constants.payload(detector), detector)
    with open_events(path, detector) as source:
        signal = source.table().truth["kind"] == b"bb"
        kinds = [np.flatnonzero(signal), np.flatnonzero(~signal)]
        rows = np.sort(np.concatenate([k[len(k) - int(SET_ASIDE * len(k)) :] for k in kinds]))
        return corrected_events(source, detector, correction, rows), signal[rows]


def rejection(score: Scores, signal: Labels) -> float:
    """Share of background below the score that nine tenths of the signal exceed."""
    return float(Ranking.of(score, signal).curve().rejection(np.array([ACCEPTANCE]))[0])


def area(score: Scores, signal: Labels) -> float:
    """Chance that an event of signal scores higher than one of background."""
    return float(areas(score[None], signal).values[0])


def told(measure: Callable[[Scores, Labels], float], score: Scores, signal: Labels) -> str:
    """A measure and its spread over events drawn anew."""
    generator, found = np.random.default_rng(1), []
    for _ in range(RESAMPLINGS):
        rows = generator.integers(0, len(score), len(score))
        found.append(measure(score[rows], signal[rows]))
    return f"{measure(score, signal):.3f} ± {np.std(found):.3f}"


def reached(
    name: str, classifier: HitClassifier, events: CorrectedEvents, signal: Labels
) -> list[str]:
    """What a model tells of events, and what it loses when more PMTs are dead."""
    score = classifier.score(events)
    losses = []
    for seed in range(3):
        seen = random_dead(events, DEAD, generator=np.random.default_rng(seed))
        losses.append(rejection(score, signal) - rejection(classifier.score(seen), signal))
    lost = f"{np.mean(losses):.3f} ± {np.std(losses):.3f}"
    return [name, told(rejection, score, signal), told(area, score, signal), lost]


def draw(scores: Mapping[str, Scores], signal: Labels, path: Path) -> None:
    """Rejection against acceptance of every model."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 3.8), layout="constrained")
    axes = figure.subplots()
    acceptance = np.linspace(0.02, 0.99, 98)
    for name, score in scores.items():
        axes.plot(acceptance, Ranking.of(score, signal).curve().rejection(acceptance), label=name)
    axes.axvline(ACCEPTANCE, color="0.6", linewidth=0.8)
    axes.set(xlabel="acceptance of bb", ylabel="rejection of bi214", xlim=(0, 1), ylim=(0, 1))
    axes.legend(title="trained on", frameon=False, loc="lower left")
    figure.savefig(path, dpi=130)


def speed(
    directory: ClassifierDirectory, events: CorrectedEvents, detector: Detector
) -> tuple[float, float]:
    """Processor time of an event in scoring, view included, and in a step of training, ms."""
    network = trained_network(directory.trained(detector, CPU))
    if not isinstance(network, SmallNetwork):
        message = "the small network is timed here, got another one"
        raise SystemExit(message)
    some, classifier = events.take(np.arange(TIMED)), directory.classifier(KAMNET, detector, CPU)
    begin = time.process_time()
    classifier.score(some)
    scoring = (time.process_time() - begin) / TIMED
    seen = SmallView(network.arrival, detector, CPU)(some.take(np.arange(BATCH)))
    network.train()
    network(seen).sum().backward()
    begin = time.process_time()
    for _ in range(STEPS):
        network(seen).sum().backward()
    return 1e3 * scoring, 1e3 * (time.process_time() - begin) / (STEPS * BATCH)


def trained(name: str, directory: ClassifierDirectory) -> list[str]:
    """How a model was trained, as its model.toml says."""
    manifest = directory.manifest()
    options, settings, told_of = manifest.options, manifest.settings, manifest.training
    aside = f"{100 * settings['set_aside']:.0f} %"
    how = [f"{int(options[key])}" for key in ("batch", "schedule")]
    steps = [f"{told_of[key]:,}" for key in ("step", "best_step")]
    return [name, aside, *how, *steps, told_of["ended"], f"{told_of['seconds']:.0f}"]


def main() -> None:
    """Judge models and time the last one."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="NAME=MODEL")
    parser.add_argument("--db", required=True)
    parser.add_argument("--tag", required=True)
    parser.add_argument("--run", type=int, required=True)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    detector = load_detector(DETECTOR)
    events, signal = held_out(arguments, detector)
    rows, scores, seconds, how = [], {}, (0.0, 0.0), []
    for model in arguments.models:
        name, _, path = model.partition("=")
        directory = ClassifierDirectory(Path(path))
        classifier = directory.classifier(KAMNET, detector, CPU)
        scores[name] = classifier.score(events)
        rows.append(reached(name, classifier, events, signal))
        how.append(trained(name, directory))
        seconds = speed(directory, events, detector)
    head = (
        "trained on",
        "rejection at 90 %",
        "area under the curve",
        "rejection lost to 5 % dead",
    )
    times = table(
        ("processor time of an event on one core", "ms"),
        [
            (f"scoring, from corrected hits, {TIMED} events", seconds[0]),
            (f"forward and backward, from pictures, batch of {BATCH}", seconds[1]),
        ],
    )
    training = ("trained on", "set aside", "batch", "schedule", "steps", "best", "ended by", "s")
    text = f"{table(head, rows)}\n\n{table(training, how)}\n\n{times}"
    sys.stdout.write(f"{text}\n")
    if arguments.figure:
        draw(scores, signal, arguments.figure)
    if arguments.write:
        write_part(arguments.write, "kamnet_small", text)


if __name__ == "__main__":
    main()
