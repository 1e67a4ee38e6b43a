"""What a classifier is trained and judged on: labelled events of files, corrected and split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64

from kzcal.classify.config import ClassifierConfig
from kzcal.classify.corrected import Correction, corrected_events, together
from kzcal.classify.matching import matching_weights
from kzcal.errors import ConfigurationError
from kzcal.evaluate.kinds import KIND, check_kinds, last_of_each_kind
from kzcal.geometry import Detector
from kzcal.io.source import EventSource
from kzcal.learning import ClassifierTask, CorrectedEvents
from kzcal.training.draws import uniform

FEWEST_JUDGED = 20
"""Events of each class that a validation needs."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFile:
    """A file of events whose truth says what they are.

    Args:
        path: of the file.
        source: the same, open.
        correction: of its run.
        constants: digest of the constants that made it, or "nominal".
    """

    path: Path
    source: EventSource
    correction: Correction
    constants: str


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Events to learn from, and others to judge by.

    Args:
        task: to learn from.
        events: held out.
        signal: whether each of these is signal.
        weight: of each of these.
    """

    task: ClassifierTask
    events: CorrectedEvents
    signal: Bool[np.ndarray, " event"]
    weight: Float32[np.ndarray, " event"]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Rows of a file that take part in a training.

    Args:
        rows: ascending.
        signal: whether each is signal.
        held_out: whether each is held out.
    """

    rows: Int64[np.ndarray, " row"]
    signal: Bool[np.ndarray, " row"]
    held_out: Bool[np.ndarray, " row"]


def gather(
    files: Sequence[LabelledFile],
    signal: Sequence[str],
    background: Sequence[str],
    detector: Detector,
    config: ClassifierConfig,
    device: torch.device,
) -> Material:
    """Read labelled events, corrected by the constants of their runs, and hold some out.

    Which events take part and which of them are held out is decided by their numbers and the
    seed.

    Args:
        files: with labelled events, of one run or several.
        signal: values of truth/kind that are signal.
        background: those that are background; other events take no part.
        detector: of all files.
        config: about how many, and what weights make alike.
        device: where to calculate.

    Raises:
        ConfigurationError: a class lacks events to learn from or to judge by, or a kind is in no
            file or in both classes.
    """
    check_kinds(signal, background, [file.source.table() for file in files])
    kinds = [labels(file, signal, background) for file in files]
    usable = [
        free_rows(file, is_known, config.set_aside)
        for file, (is_known, _) in zip(files, kinds, strict=True)
    ]
    share = min(1.0, config.events / max(sum(int(rows.sum()) for rows in usable), 1))
    parts, signals, held = [], [], []
    for file, (_, is_signal), rows in zip(files, kinds, usable, strict=True):
        split = split_rows(file, rows, is_signal, share, config)
        parts.append(corrected_events(file.source, detector, file.correction, split.rows))
        signals.append(split.signal)
        held.append(split.held_out)
    events, sign, out = together(parts), np.concatenate(signals), np.concatenate(held)
    out = thinned(out, config.most_held_out)
    _check(sign, out, signal, background)
    task = ClassifierTask(
        events=events.take(~out),
        signal=sign[~out],
        weight=matching_weights(events.take(~out), sign[~out], config.match),
        detector=detector,
        device=device,
        seed=config.seed,
    )
    judged = events.take(out)
    return Material(task, judged, sign[out], matching_weights(judged, sign[out], config.match))


def labels(
    file: LabelledFile, signal: Sequence[str], background: Sequence[str]
) -> tuple[Bool[np.ndarray, " event"], Bool[np.ndarray, " event"]]:
    """Which events of a file are of a known class, and which are signal.

    Raises:
        ConfigurationError: the file does not say what its events are, or has none of these.
    """
    truth = file.source.table().truth
    if KIND not in truth:
        message = (
            f"a classifier learns from events of known kinds, got no truth/kind in {file.path}"
        )
        raise ConfigurationError(message)
    kind = truth[KIND].astype(str)
    is_signal = np.isin(kind, list(signal))
    is_known = is_signal | np.isin(kind, list(background))
    if not is_known.any():
        message = (
            f"{file.path}: signal is {', '.join(signal)} and background {', '.join(background)}, "
            f"got only events of {', '.join(np.unique(kind)[:10])}: name kinds that it has"
        )
        raise ConfigurationError(message)
    return is_known, is_signal


def free_rows(
    file: LabelledFile,
    is_known: Bool[np.ndarray, " event"],
    set_aside: float,
) -> Bool[np.ndarray, " event"]:
    """Which events of both classes were reconstructed and are not set aside.

    Args:
        file: with the events.
        is_known: which are of one of the classes.
        set_aside: share of each kind at the end of the file that is.
    """
    table = file.source.table()
    aside = last_of_each_kind(table, table.truth[KIND], set_aside)
    return np.asarray(is_known & table.reconstructed & ~aside)


def split_rows(
    file: LabelledFile,
    free: Bool[np.ndarray, " event"],
    is_signal: Bool[np.ndarray, " event"],
    share: float,
    config: ClassifierConfig,
) -> Split:
    """Rows of a file that take part, and which of them are held out.

    Args:
        file: with the events.
        free: which of them may take part.
        is_signal: which are signal.
        share: of them that takes part.
        config: seed, and the share that is held out.
    """
    draws = uniform(file.source.table().event, config.seed)
    taken = np.flatnonzero(free & (draws < share))
    return Split(taken, is_signal[taken], draws[taken] < share * config.held_out)


def thinned(held: Bool[np.ndarray, " event"], most: int) -> Bool[np.ndarray, " event"]:
    """The same mask with at most so many events, evenly over all of them."""
    rows = np.flatnonzero(held)
    kept = np.zeros_like(held)
    kept[rows[:: max(1, -(-len(rows) // most))]] = True
    return kept


def resampled(material: Material, seed: int, match: str) -> Material:
    """The same with events to learn from drawn anew from them, with replacement.

    Args:
        material: of the training.
        seed: of the draw, and of the training on it.
        match: what weights make alike.
    """
    task = material.task
    generator = np.random.default_rng(seed)
    rows = np.sort(generator.integers(0, len(task.signal), len(task.signal)))
    events, signal = task.events.take(rows), task.signal[rows]
    weight = matching_weights(events, signal, match)
    return replace(
        material, task=replace(task, events=events, signal=signal, weight=weight, seed=seed)
    )


def _check(
    signal: Bool[np.ndarray, " event"],
    held: Bool[np.ndarray, " event"],
    names: Sequence[str],
    others: Sequence[str],
) -> None:
    for word, mine in ((", ".join(names), signal), (", ".join(others), ~signal)):
        learned, judged = int((mine & ~held).sum()), int((mine & held).sum())
        if not learned or judged < FEWEST_JUDGED:
            message = (
                f"a training needs events of each class to learn from and {FEWEST_JUDGED} to "
                f"judge by, got {learned} and {judged} of {word}: give more events, or raise the "
                f"setting held_out"
            )
            raise ConfigurationError(message)
