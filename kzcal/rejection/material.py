"""Candidates with the scores that several classifiers gave them, joined by number and run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped

from kzcal.candidates import Candidates
from kzcal.errors import ConfigurationError
from kzcal.evaluate.dependence import Column
from kzcal.evaluate.kinds import KIND, last_of_each_kind
from kzcal.evaluate.scored import FEWEST, ScoreFiles
from kzcal.io.scores import read_numbered_scores

COMBINED = "combined"
"""Name of the score that is made; no other may have it."""
ISOTOPE = "isotope"
GROUP = "group"
FEWEST_OF_EACH = 5 * FEWEST
"""Candidates of either class that a combination takes: each of five folds can be judged."""


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Candidates of all files.

    Args:
        names: of the scores.
        scores: of each candidate.
        event: number of each.
        run: that each belongs to.
        signal: rows that are signal.
        background: rows that are background.
        isotope: of each row; empty where there is none.
        columns: numbers that scores may depend on.
        counts: candidates of each file.
        group: of each candidate: one number for all of one shower or antineutrino, which are
            learned from and judged together; its own for each that belongs to none.
    """

    names: tuple[str, ...]
    scores: Float64[np.ndarray, "score candidate"]
    event: Int64[np.ndarray, " candidate"]
    run: Int64[np.ndarray, " candidate"]
    signal: Bool[np.ndarray, " candidate"]
    background: Bool[np.ndarray, " candidate"]
    isotope: Shaped[np.ndarray, " candidate"]
    columns: tuple[Column, ...]
    counts: tuple[int, ...]
    group: Int64[np.ndarray, " candidate"]

    @property
    def labelled(self) -> Bool[np.ndarray, " candidate"]:
        """Which are of one of the classes."""
        return np.asarray(self.signal | self.background)

    @classmethod
    def of(
        cls,
        files: Sequence[Candidates],
        scores: Sequence[ScoreFiles],
        signal: Sequence[str],
        background: Sequence[str],
        *,
        last: float = 1.0,
    ) -> Material:
        """Join scores to candidates.

        Args:
            files: candidates of each file.
            scores: files of each classifier, one for each file of candidates; they may hold
                further events.
            signal: values of truth/kind that are signal.
            background: those that are background.
            last: share of the candidates of each kind to judge, from the end of each file; others
                are scored alone.

        Raises:
            ConfigurationError: names are not fit, a class has too few candidates, or the files
                do not say what theirs are.
            FileFormatError: a score is missing, or there are two for one event.
        """
        names = _checked_names(scores)
        kinds = _truth(files, KIND)
        judged, group = _last(files, last), _groups(files)
        is_signal = np.isin(kinds, signal) & judged
        is_background = np.isin(kinds, background) & judged
        _check_classes(kinds, group, is_signal, is_background, (signal, background))
        joined = [
            np.concatenate([
                read_numbered_scores(path, candidates.event)
                for path, candidates in zip(one.paths, files, strict=True)
            ])
            for one in scores
        ]  # fmt: skip
        return cls(
            names,
            np.array(joined),
            np.concatenate([c.event for c in files]),
            np.concatenate([c.run for c in files]),
            is_signal,
            is_background,
            _truth(files, ISOTOPE),
            _columns(files),
            tuple(len(candidates) for candidates in files),
            group,
        )


def _checked_names(scores: Sequence[ScoreFiles]) -> tuple[str, ...]:
    """Names of at least two classifiers, all different."""
    names = tuple(one.name for one in scores)
    if len(names) < 2 or len(set(names)) < len(names) or COMBINED in names:
        message = (
            f"a combination takes two or more scores of different names, none of them "
            f"{COMBINED!r}, got {', '.join(names)}: write NAME=FILE"
        )
        raise ConfigurationError(message)
    return names


def _check_classes(
    kinds: Shaped[np.ndarray, " candidate"],
    group: Int64[np.ndarray, " candidate"],
    is_signal: Bool[np.ndarray, " candidate"],
    is_background: Bool[np.ndarray, " candidate"],
    asked: tuple[Sequence[str], Sequence[str]],
) -> None:
    """Refuse classes that overlap or are too small."""
    if (is_signal & is_background).any():
        both = ", ".join(sorted(set(asked[0]) & set(asked[1])))
        message = f"a kind is signal or background, got {both} as both: name it once"
        raise ConfigurationError(message)
    named = zip(("--signal", "--background"), asked, (is_signal, is_background), strict=True)
    for option, words, rows in named:
        n = len(np.unique(group[rows]))
        if n < FEWEST_OF_EACH:
            known = ", ".join(np.unique(kinds)[:10]) or "no candidates"
            message = (
                f"a combination needs {FEWEST_OF_EACH} candidates of each class, those of one "
                f"shower counted once, got {n} of {', '.join(words)} among {known}: see {option}"
            )
            raise ConfigurationError(message)


def _truth(files: Sequence[Candidates], name: str) -> Shaped[np.ndarray, " candidate"]:
    """A column of the truth as text.

    Raises:
        ConfigurationError: files do not say what their candidates are.
    """
    if name == KIND and any(name not in candidates.truth for candidates in files):
        message = (
            "a combination learns from candidates of known kinds, got a file without truth/kind: "
            "build candidates of simulated runs"
        )
        raise ConfigurationError(message)
    empty = [np.full(len(candidates), "") for candidates in files]
    found = [
        candidates.truth[name].astype(str) if name in candidates.truth else none
        for candidates, none in zip(files, empty, strict=True)
    ]
    return np.concatenate(found)


def _last(files: Sequence[Candidates], share: float) -> Bool[np.ndarray, " candidate"]:
    """The last of each kind in each file."""
    found = [
        last_of_each_kind(np.ones(len(one), bool), one.truth[KIND].astype(str), share)
        for one in files
    ]
    return np.concatenate(found)


def _groups(files: Sequence[Candidates]) -> Int64[np.ndarray, " candidate"]:
    """A number for all candidates of one run and group, and one for each that has no group."""
    group = np.concatenate([
        one.truth[GROUP].astype(np.int64) if GROUP in one.truth else np.full(len(one), -1)
        for one in files
    ])  # fmt: skip
    alone = np.where(group < 0, np.arange(len(group)), -1)
    run = np.concatenate([one.run for one in files])
    keys = np.stack([np.where(group < 0, 0, run), np.maximum(group, -1), alone])
    return np.unique(keys, axis=1, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _columns(files: Sequence[Candidates]) -> tuple[Column, ...]:
    """Columns that all files have and know of every candidate."""
    names = [n for n in files[0].columns if all(n in candidates.columns for candidates in files)]
    both = {name: np.concatenate([c.columns[name] for c in files]) for name in names}
    return tuple(
        Column(name, files[0].units.get(name, "1"), values.astype(np.float64))
        for name, values in both.items()
        if np.isfinite(values).all()
    )
