"""Files of labelled events as a training takes them: corrected and split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Int64

from kzcal.classify.config import ClassifierConfig
from kzcal.classify.corrected import Correction, corrected_events, together
from kzcal.classify.material import Material, check_counts, labels, thinned
from kzcal.conditions.payload import InputFile
from kzcal.evaluate.kinds import KIND, check_kinds, last_of_each_kind
from kzcal.geometry import Detector
from kzcal.io.source import EventSource
from kzcal.training.draws import uniform


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

    @property
    def input_file(self) -> InputFile:
        """Name and hash."""
        return InputFile(self.path.name, self.source.digest())


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
    truths = [file.source.table().truth for file in files]
    check_kinds(signal, background, truths)
    kinds = [
        labels(file.path, truth, signal, background)
        for file, truth in zip(files, truths, strict=True)
    ]
    usable = [
        free_rows(file, is_known, config.set_aside)
        for file, (is_known, _) in zip(files, kinds, strict=True)
    ]
    share = min(1.0, config.events / max(sum(int(rows.sum()) for rows in usable), 1))
    parts, signals, held_out = [], [], []
    for file, (_, is_signal), rows in zip(files, kinds, usable, strict=True):
        split = split_rows(file, rows, is_signal, share, config)
        parts.append(corrected_events(file.source, detector, file.correction, split.rows))
        signals.append(split.signal)
        held_out.append(split.held_out)
    is_signal, held = np.concatenate(signals), np.concatenate(held_out)
    held = thinned(held, config.most_held_out)
    check_counts(is_signal, held, (signal, background))
    return Material.parted(together(parts), is_signal, held, detector, config, device)


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
    aside = last_of_each_kind(table.reconstructed, table.truth[KIND], set_aside)
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
