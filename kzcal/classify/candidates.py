"""Files of labelled candidates as a training and a scoring take them: their purpose is checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64

from kzcal.candidates import Candidates, joined
from kzcal.classify.config import ClassifierConfig
from kzcal.classify.material import Material, check_counts, labels
from kzcal.components import HITS, Classifier
from kzcal.conditions.payload import InputFile
from kzcal.errors import ConfigurationError
from kzcal.evaluate.kinds import KIND, check_kinds, last_of_each_kind
from kzcal.geometry import Detector
from kzcal.io.candidates import FORMAT, CandidateFile, format_of
from kzcal.training.draws import uniform

GROUP = "group"
"""Column of the truth that says which candidates have one parent, negative for none."""
LAG = "lag"
"""Column of the truth that a training is told: time since the parent, not a number for none."""
UNCORRECTED = "none"
"""What stands for the digest of constants where there are none."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledCandidates:
    """A file of candidates whose truth says what they are.

    Args:
        path: of the file.
        candidates: that it holds.
        sha256: of the file.
    """

    path: Path
    candidates: Candidates
    sha256: str

    @property
    def input_file(self) -> InputFile:
        """Name and hash."""
        return InputFile(self.path.name, self.sha256)

    @property
    def constants(self) -> str:
        """Candidates are made of reconstructed events, which no constants correct again."""
        return UNCORRECTED

    @classmethod
    def read(cls, path: Path, record: Classifier) -> LabelledCandidates:
        """All candidates of a file.

        Args:
            path: of the file.
            record: of the classifier that takes them.

        Raises:
            ConfigurationError: the file holds something else, or candidates for another purpose.
            FileFormatError: it breaks its format.
        """
        with opened_candidates(path, record) as file:
            return cls(path, file.read(), file.digest())


def opened_candidates(path: Path, record: Classifier) -> CandidateFile:
    """A file of candidates that a classifier takes, to be closed by the caller.

    Args:
        path: of the file.
        record: of the classifier.

    Raises:
        ConfigurationError: the file holds something else, or candidates for another purpose.
        FileFormatError: it breaks its format.
    """
    check_takes(path, record)
    file = CandidateFile(path)
    purpose = file.header.purpose
    if purpose != record.takes:
        file.close()
        message = (
            f"{record.name} takes candidates for {record.takes}, got {path} for {purpose}: build "
            f"others by `kzcal coincidence build --with {record.takes}`"
        )
        raise ConfigurationError(message)
    return file


def check_takes(path: Path, record: Classifier) -> None:
    """Refuse candidates where a classifier takes events, and the other way round.

    What does not say that it is of the other sort passes; whoever opens it says what is wrong.

    Raises:
        ConfigurationError: the file is of the other sort.
    """
    found, wanted = format_of(path), record.takes != HITS
    if found is None or (found == FORMAT) == wanted:
        return
    if wanted:
        message = (
            f"{record.name} takes candidates for {record.takes}, got {path}: make a file of them "
            f"by `kzcal coincidence build --with {record.takes}`"
        )
    else:
        message = f"{record.name} takes events with their hits, got the candidates of {path}"
    raise ConfigurationError(message)


def gather_candidates(
    files: Sequence[LabelledCandidates],
    signal: Sequence[str],
    background: Sequence[str],
    detector: Detector,
    config: ClassifierConfig,
    device: torch.device,
) -> Material:
    """Take labelled candidates of files, and hold some out.

    Which take part and which of them are held out is decided by the seed and their numbers, those
    of their parents where truth/group has them: decays of one shower are never on both sides, and
    none takes part if another of its shower is set aside. Of the truth, a training is told the
    lag alone, and only of those to learn from.

    Args:
        files: with labelled candidates.
        signal: values of truth/kind that are signal.
        background: those that are background; other candidates take no part.
        detector: of all files.
        config: about how many, and what weights make alike.
        device: where to calculate.

    Raises:
        ConfigurationError: a class lacks candidates to learn from or to judge by, a kind is in no
            file or in both classes, or files differ in their columns.
    """
    check_kinds(signal, background, [file.candidates.truth for file in files])
    known = [labels(file.path, file.candidates.truth, signal, background) for file in files]
    usable = [
        is_known & ~_set_aside_family(file.candidates, config.set_aside)
        for file, (is_known, _) in zip(files, known, strict=True)
    ]
    share = min(1.0, config.events / max(sum(int(rows.sum()) for rows in usable), 1))
    has_lag = any(LAG in file.candidates.truth for file in files)
    parts, signals, draws = [], [], []
    for file, (_, is_signal), rows in zip(files, known, usable, strict=True):
        drawn = uniform(_family(file.candidates), config.seed)
        taken = np.flatnonzero(rows & (drawn < share))
        parts.append(_learnable(file.candidates.take(taken), lag=has_lag))
        signals.append(is_signal[taken])
        draws.append(drawn[taken])
    held = _held_out(np.concatenate(draws), share * config.held_out, config.most_held_out)
    is_signal = np.concatenate(signals)
    check_counts(is_signal, held, (signal, background))
    return Material.parted(joined(parts), is_signal, held, detector, config, device)


def _held_out(
    drawn: Float64[np.ndarray, " candidate"], share: float, most: int
) -> Bool[np.ndarray, " candidate"]:
    """Candidates whose draw is below a share; at most so many, and all or none with one draw."""
    least = np.partition(drawn, most)[most] if len(drawn) > most else np.inf
    return np.asarray(drawn < min(share, least))


def _set_aside_family(candidates: Candidates, share: float) -> Bool[np.ndarray, " candidate"]:
    """The last of each kind, and all others of their groups."""
    everyone = np.ones(len(candidates), bool)
    last = last_of_each_kind(everyone, candidates.truth[KIND], share)
    if GROUP not in candidates.truth:
        return last
    group = candidates.truth[GROUP].astype(np.int64)
    return np.asarray(last | ((group >= 0) & np.isin(group, group[last])))


def _learnable(candidates: Candidates, *, lag: bool) -> Candidates:
    """The same with nothing of the truth but, if asked for, the lag."""
    if not lag:
        return candidates.blind()
    unknown = np.full(len(candidates), np.nan)
    told = np.asarray(candidates.truth.get(LAG, unknown), np.float32)
    return replace(candidates.blind(), truth={LAG: told})


def _family(candidates: Candidates) -> Int64[np.ndarray, " candidate"]:
    """Number of the parent of each candidate, its own where it has none."""
    if GROUP not in candidates.truth:
        return candidates.event
    group = candidates.truth[GROUP].astype(np.int64)
    return np.where(group >= 0, group, candidates.event)
