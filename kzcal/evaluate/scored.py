"""Events with their class, the scores that classifiers gave them, and what these may depend on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped

from kzcal.candidates import Candidates
from kzcal.errors import ConfigurationError
from kzcal.evaluate.dependence import Column
from kzcal.evaluate.kinds import KIND, last_of_each_kind
from kzcal.hits import Events
from kzcal.io.scores import read_scores
from kzcal.io.source import EventSource

FEWEST = 10
"""Events of either class that an evaluation takes."""


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Events of one file whose class is known and asked for.

    Args:
        rows: of them in the file.
        signal: whether each is signal.
        columns: what scores may depend on.
    """

    rows: Int64[np.ndarray, " event"]
    signal: Bool[np.ndarray, " event"]
    columns: tuple[Column, ...]

    @classmethod
    def of(
        cls,
        source: EventSource,
        signal: Sequence[str],
        background: Sequence[str],
        *,
        last: float = 1.0,
        live: int | None = None,
    ) -> Labelled:
        """Events of the kinds that are asked for.

        Args:
            source: the file.
            signal: kinds of truth/kind that count as signal.
            background: kinds that count as background.
            last: share of the events of each kind to take, from the end of the file.
            live: PMTs in use in the run, where it is known.

        Raises:
            ConfigurationError: the file has no truth/kind.
        """
        events = source.table()
        kinds = _kinds(events.truth, f"run {source.header.run}")
        asked = np.isin(kinds, [*signal, *background])
        rows = np.flatnonzero(asked & last_of_each_kind(events.reconstructed, kinds, last))
        return cls(rows, np.isin(kinds[rows], signal), _columns(events, source, rows, live))

    @classmethod
    def of_candidates(
        cls,
        candidates: Candidates,
        signal: Sequence[str],
        background: Sequence[str],
        *,
        last: float = 1.0,
    ) -> Labelled:
        """Candidates of the kinds that are asked for, with all their columns.

        Args:
            candidates: of the file.
            signal: kinds of truth/kind that count as signal.
            background: kinds that count as background.
            last: share of the candidates of each kind to take, from the end of the file.

        Raises:
            ConfigurationError: the file has no truth/kind.
        """
        kinds = _kinds(candidates.truth, f"candidates for {candidates.purpose}")
        usable = last_of_each_kind(np.ones(len(kinds), bool), kinds, last)
        rows = np.flatnonzero(np.isin(kinds, [*signal, *background]) & usable)
        columns = [
            Column(name, candidates.units.get(name, "1"), values[rows].astype(np.float64))
            for name, values in candidates.columns.items()
        ]
        columns.append(Column("run", "1", candidates.run[rows].astype(np.float64)))
        return cls(rows, np.isin(kinds[rows], signal), tuple(columns))


def _kinds(
    truth: Mapping[str, Shaped[np.ndarray, " event"]], where: str
) -> Shaped[np.ndarray, " event"]:
    """What each event is.

    Raises:
        ConfigurationError: nobody knows.
    """
    if KIND not in truth:
        message = (
            "an evaluation needs to know the class of each event, got a file without "
            f"truth/kind ({where}): give simulated events"
        )
        raise ConfigurationError(message)
    return np.asarray(truth[KIND]).astype(str)


def _columns(
    events: Events,
    source: EventSource,
    rows: Int64[np.ndarray, " event"],
    live: int | None,
) -> tuple[Column, ...]:
    """What scores may depend on, of the events of one file."""
    nhit = np.concatenate([np.zeros(0, np.int64), *(c.hits.counts for c in source.chunks())])
    vertex = events.vertex[rows].astype(np.float64)
    columns = [
        Column("energy", "MeV", events.energy[rows].astype(np.float64)),
        Column("radius", "m", np.linalg.norm(vertex, axis=1)),
        Column("height", "m", vertex[:, 2]),
        Column("nhit", "1", nhit[rows].astype(np.float64)),
        Column("run", "1", np.full(len(rows), float(source.header.run))),
    ]
    if live is not None:
        columns.append(Column("live_pmts", "1", np.full(len(rows), float(live))))
    return tuple(columns)


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Labelled events of all files, with their scores.

    Args:
        names: of the classifiers.
        scores: of each classifier for each event.
        signal: whether each event is signal.
        columns: what scores may depend on.
    """

    names: tuple[str, ...]
    scores: Float64[np.ndarray, "classifier event"]
    signal: Bool[np.ndarray, " event"]
    columns: tuple[Column, ...]

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        labelled: Sequence[Labelled],
        scores: Sequence[Sequence[Float64[np.ndarray, " event"]]],
    ) -> Scored:
        """Put the events of several files together.

        Args:
            names: of the classifiers.
            labelled: events of each file.
            scores: of each classifier, for every event of each file.

        Raises:
            ConfigurationError: there are too few events of a class, or two names are alike.
        """
        if len(set(names)) < len(names):
            message = (
                f"classifiers need names that differ, got {', '.join(names)}: write NAME=FILE"
            )
            raise ConfigurationError(message)
        signal = np.concatenate([one.signal for one in labelled])
        for what, n in (("signal", int(signal.sum())), ("background", int((~signal).sum()))):
            if n < FEWEST:
                message = (
                    f"an evaluation needs {FEWEST} events of {what}, got {n}: see --signal and "
                    "--background, which name kinds of truth/kind"
                )
                raise ConfigurationError(message)
        chosen = [
            np.concatenate([s[one.rows] for s, one in zip(row, labelled, strict=True)])
            for row in scores
        ]
        _check_alike(labelled)
        columns = tuple(
            Column(first.name, first.unit, np.concatenate([c.values for c in parts]))
            for parts in zip(*(one.columns for one in labelled), strict=True)
            for first in parts[:1]
        )
        return cls(tuple(names), np.array(chosen), signal, columns)


def _check_alike(labelled: Sequence[Labelled]) -> None:
    """Refuse files whose events have different columns.

    Raises:
        ConfigurationError: they have.
    """
    first, *others = ([column.name for column in one.columns] for one in labelled)
    for other in others:
        if other != first:
            message = (
                f"files that are judged together have the same columns, got "
                f"{', '.join(first)} and {', '.join(other)}: judge them one by one"
            )
            raise ConfigurationError(message)


@dataclass(frozen=True, slots=True)
class ScoreFiles:
    """What the user calls a classifier, and its file of scores for each file of events."""

    name: str
    paths: tuple[Path, ...]

    @classmethod
    def parsed(cls, text: str, n_files: int) -> ScoreFiles:
        """From ``[NAME=]FILE[,FILE...]``; without a name, the first file's.

        Raises:
            ConfigurationError: there are not as many files as files of events.
        """
        name, separator, files = text.partition("=")
        paths = tuple(Path(part) for part in (files if separator else text).split(","))
        if len(paths) != n_files:
            message = (
                f"a classifier has one file of scores for each --events, joined by commas, got "
                f"{text!r} for {n_files} files of events"
            )
            raise ConfigurationError(message)
        return cls(name if separator else paths[0].stem, paths)

    def read(
        self, events: Sequence[Int64[np.ndarray, " event"]]
    ) -> list[Float64[np.ndarray, " event"]]:
        """Scores for the events of each file."""
        return [read_scores(path, event) for path, event in zip(self.paths, events, strict=True)]
