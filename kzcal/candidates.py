"""Candidates: groups of events that may belong together, with what is known about each group.

A candidate for spallation is a decay with the neutron captures around it, one for an antineutrino
is a pair of a prompt and a delayed event. Both are a row of numbers; a capture is a point of its
decay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float32, Int64, Shaped

from kzcal.errors import ConfigurationError

SPALLATION = "spallation"
IBD = "ibd"
PURPOSES = (SPALLATION, IBD)


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Candidates of one or several runs, a row each, and the points that belong to each row.

    Args:
        purpose: what they are candidates for: ``spallation`` or ``ibd``.
        event: number that scores call a candidate by: for spallation that of the decay in its
            run, for ibd that of the pair.
        run: that each belongs to.
        columns: numbers of each candidate by name; NaN where one is not known.
        offsets: points of candidate i are rows ``offsets[i]`` to ``offsets[i + 1] - 1``.
        points: numbers of each point by name.
        units: of columns and points by name.
        truth: of simulated candidates by column name, such as ``kind``; empty for data.
        members: numbers of the events of each candidate by name, such as ``prompt`` and
            ``delayed``; empty where ``event`` says it all.
    """

    purpose: str
    event: Int64[np.ndarray, " candidate"]
    run: Int64[np.ndarray, " candidate"]
    columns: Mapping[str, Float32[np.ndarray, " candidate"]]
    offsets: Int64[np.ndarray, " candidate_plus_1"]
    points: Mapping[str, Float32[np.ndarray, " point"]]
    units: Mapping[str, str]
    truth: Mapping[str, Shaped[np.ndarray, " candidate"]] = field(default_factory=dict)
    members: Mapping[str, Int64[np.ndarray, " candidate"]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Number of candidates."""
        return len(self.event)

    @property
    def counts(self) -> Int64[np.ndarray, " candidate"]:
        """Number of points of each candidate."""
        return np.diff(self.offsets)

    def take(
        self, rows: Bool[np.ndarray, " candidate"] | Int64[np.ndarray, " taken"]
    ) -> Candidates:
        """The chosen candidates (mask or rows) with their points, in the order given."""
        chosen = np.flatnonzero(rows) if rows.dtype == bool else rows
        counts = self.counts[chosen]
        ends = np.cumsum(counts)
        first = self.offsets[chosen] - (ends - counts)
        point = np.repeat(first, counts) + np.arange(int(ends[-1]) if len(ends) else 0)
        return Candidates(
            self.purpose,
            self.event[chosen],
            self.run[chosen],
            {name: column[chosen] for name, column in self.columns.items()},
            np.concatenate([[0], ends]).astype(np.int64),
            {name: column[point] for name, column in self.points.items()},
            self.units,
            {name: column[chosen] for name, column in self.truth.items()},
            {name: column[chosen] for name, column in self.members.items()},
        )

    def blind(self) -> Candidates:
        """The same without what only a simulation knows, and without numbers of events."""
        return replace(self, truth={}, members={})

    def table(self, names: Sequence[str]) -> Float32[np.ndarray, "candidate column"]:
        """Columns side by side.

        Raises:
            ConfigurationError: there is none of a name.
        """
        return np.stack([_chosen(self.columns, name, "column") for name in names], axis=1)

    def point_table(self, names: Sequence[str]) -> Float32[np.ndarray, "point column"]:
        """Columns of points side by side.

        Raises:
            ConfigurationError: there is none of a name.
        """
        return np.stack([_chosen(self.points, name, "column of points") for name in names], axis=1)

    def padded(
        self, names: Sequence[str], most: int
    ) -> tuple[Float32[np.ndarray, "candidate most column"], Bool[np.ndarray, "candidate most"]]:
        """Columns of the first points of each candidate, zero where it has fewer, and which are.

        Raises:
            ConfigurationError: there is none of a name.
        """
        present = np.arange(most) < self.counts[:, None]
        rows = (self.offsets[:-1, None] + np.arange(most))[present]
        filled = np.zeros((len(self), most, len(names)), np.float32)
        for i, name in enumerate(names):
            filled[present, i] = _chosen(self.points, name, "column of points")[rows]
        return filled, present


def joined(parts: Sequence[Candidates]) -> Candidates:
    """Candidates of several files or runs one after the other.

    Args:
        parts: at least one; all of one purpose with the same columns, points, truth and members.

    Raises:
        ConfigurationError: there is none, or they differ in what they hold.
    """
    if not parts:
        message = "candidates to be joined must be at least one set, got none"
        raise ConfigurationError(message)
    first = parts[0]
    for part in parts[1:]:
        for what in ("purpose", "columns", "points", "truth", "members"):
            ours, theirs = (_held(candidates, what) for candidates in (first, part))
            if ours != theirs:
                message = f"candidates to be joined must have one {what}, got {ours}; {theirs}"
                raise ConfigurationError(message)
    ends = np.cumsum([0, *(int(part.offsets[-1] - part.offsets[0]) for part in parts)])
    shifted = [p.offsets[1:] - p.offsets[0] + end for p, end in zip(parts, ends[:-1], strict=True)]
    return Candidates(
        first.purpose,
        np.concatenate([part.event for part in parts]),
        np.concatenate([part.run for part in parts]),
        {name: np.concatenate([part.columns[name] for part in parts]) for name in first.columns},
        np.concatenate([np.zeros(1, np.int64), *shifted]),
        {name: np.concatenate([_belonging(p, name) for p in parts]) for name in first.points},
        first.units,
        {name: np.concatenate([part.truth[name] for part in parts]) for name in first.truth},
        {name: np.concatenate([part.members[name] for part in parts]) for name in first.members},
    )


def _belonging(candidates: Candidates, name: str) -> Float32[np.ndarray, " point"]:
    """A column of the points that belong to the candidates."""
    return candidates.points[name][candidates.offsets[0] : candidates.offsets[-1]]


def _held(candidates: Candidates, what: str) -> str:
    """The purpose of candidates, or the names of their columns of a sort."""
    found = getattr(candidates, what)
    return found if isinstance(found, str) else ", ".join(sorted(found)) or "none"


def _chosen(
    columns: Mapping[str, Float32[np.ndarray, " row"]], name: str, what: str
) -> Float32[np.ndarray, " row"]:
    if name not in columns:
        message = f"candidates have no {what} {name!r} (choices: {', '.join(columns) or 'none'})"
        raise ConfigurationError(message)
    return columns[name]
