"""Candidates for antineutrinos: pairs of a prompt and a delayed event, or of accidental ones.

Off-time pairs are those of the same run with the delayed window moved away in time: whatever they
are, they do not belong together, so that they show what accidental pairs look like and, divided by
the number of windows, how many of them there are.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from jaxtyping import Bool, Float32, Int64, Shaped

from kzcal.candidates import IBD, Candidates
from kzcal.coincidence.captures import in_windows
from kzcal.coincidence.config import NS_PER_S, NS_PER_US, IbdSettings
from kzcal.coincidence.names import IBD_UNITS
from kzcal.coincidence.singles import TEXT, Singles
from kzcal.coincidence.slabs import Slab
from kzcal.coincidence.windows import window_pairs
from kzcal.errors import ConfigurationError
from kzcal.samples.cuts import within

Pairs = Int64[np.ndarray, " pair"]
Rows = Int64[np.ndarray, " row"]
Windows = Int64[np.ndarray, " window"]

WINDOWS_AT_ONCE = 1 << 17
"""Windows in memory at once, of all delayed events together."""


class PairSearch:
    """Looks for pairs slab by slab, and keeps the events that later ones may need.

    Args:
        settings: what is looked for.
        run: number of the run.
        score_names: names of the scores that come with the events.
        has_truth: whether the run is simulated.
        first: number of its first pair in the file.
    """

    def __init__(
        self,
        settings: IbdSettings,
        *,
        run: int,
        score_names: tuple[str, ...] = (),
        has_truth: bool = False,
        first: int = 0,
    ) -> None:
        self.settings = settings
        self.counts: Counter[str] = Counter()
        self._run = run
        self._names = score_names
        self._has_truth = has_truth
        self._low, self._high = (round(edge * NS_PER_US) for edge in settings.time)
        self._alone = round(settings.alone * NS_PER_US)
        self._shifts = np.array([round(shift * NS_PER_US) for shift in settings.shifts])
        self._singles: Singles | None = None
        self._done = 0
        self._n_pairs = first

    def take(
        self, slab: Slab, scores: Float32[np.ndarray, "event score"] | None = None
    ) -> Candidates:
        """The pairs that the next slab completes.

        Args:
            slab: events and muons.
            scores: of the slab's events, a column for each name.
        """
        found = self._found(slab, scores)
        singles = found if self._singles is None else self._singles.followed_by(found)
        until = int(np.searchsorted(singles.time, slab.end_ns - self._alone))
        pairs = self._pairs(singles, slice(self._done, until))
        self._keep(singles, until)
        return pairs

    def last(self) -> Candidates:
        """The pairs that had to wait for what might have come after them."""
        singles = self._singles
        if singles is None:
            message = "a search ends after its first slab"
            raise ConfigurationError(message)
        pairs = self._pairs(singles, slice(self._done, len(singles)))
        self._keep(singles, len(singles))
        return pairs

    def _keep(self, singles: Singles, done: int) -> None:
        """Keep what later events may pair with, or not be alone for."""
        at = int(singles.time[min(done, len(singles) - 1)]) if len(singles) else 0
        reach = int(self._shifts[-1]) + self._high + self._alone
        first = min(int(np.searchsorted(singles.time, at - reach)), done)
        self._singles, self._done = singles.after(first), done - first

    def _found(self, slab: Slab, scores: Float32[np.ndarray, "event score"] | None) -> Singles:
        """Events of the slab that may be half of a pair."""
        events, settings = slab.events, self.settings
        prompt = in_windows(events.energy, (settings.prompt,))
        delayed = in_windows(events.energy, settings.delayed)
        rows = np.flatnonzero((prompt | delayed) & events.physics)
        placed = np.isfinite(events.vertex[rows]).all(axis=1)
        self.counts["events without a vertex"] += int((~placed).sum())
        rows = rows[within(events.take(rows), settings.radius)]
        calm = self._calm(slab, rows)
        self.counts["events vetoed after muons"] += int((~calm).sum())
        rows = rows[calm]
        self.counts["prompt-like events"] += int(prompt[rows].sum())
        self.counts["delayed-like events"] += int(delayed[rows].sum())
        given = np.zeros((len(events), 0), np.float32) if scores is None else scores
        return Singles.of(events, rows, prompt[rows], delayed[rows], given[rows])

    def _calm(self, slab: Slab, rows: Rows) -> Bool[np.ndarray, " row"]:
        """Which events come late enough after a muon."""
        parent = slab.parent[rows]
        if not len(slab.muons):
            return np.ones(len(rows), bool)
        since = slab.events.timestamp[rows] - slab.muons.timestamp[parent]
        return np.asarray((parent < 0) | (since >= round(self.settings.veto * NS_PER_US)))

    def _pairs(self, singles: Singles, rows: slice) -> Candidates:
        """Pairs whose delayed event is among some rows."""
        delayed = np.arange(rows.start, max(rows.start, rows.stop))
        delayed = delayed[singles.delayed[delayed]]
        at_once = max(1, WINDOWS_AT_ONCE // len(self._shifts))
        pieces = [
            self._in_windows(singles, delayed[begin : begin + at_once])
            for begin in range(0, max(1, len(delayed)), at_once)
        ]
        return self._candidates(singles, *map(np.concatenate, zip(*pieces, strict=True)))

    def _in_windows(self, singles: Singles, delayed: Rows) -> tuple[Pairs, Pairs, Pairs]:
        """Pairs of some delayed events, with the times that these are moved to."""
        owners = np.repeat(delayed, len(self._shifts))
        shifts = np.tile(self._shifts, len(delayed))
        time = singles.time[owners] - shifts
        first = np.searchsorted(singles.time, time - self._high, side="right")
        last = np.searchsorted(singles.time, time - self._low, side="right")
        pieces = [self._near(singles, *pair, owners, time) for pair in window_pairs(first, last)]
        none = np.zeros(0, np.int64)
        prompt, owner = (np.concatenate([none, *(piece[i] for piece in pieces)]) for i in range(2))
        return prompt, owners[owner], time[owner]

    def _near(
        self,
        singles: Singles,
        owner: Windows,
        prompt: Windows,
        owners: Int64[np.ndarray, " owner"],
        time: Int64[np.ndarray, " owner"],
    ) -> tuple[Pairs, Pairs]:
        """Pairs that are close to each other and, if asked for, alone."""
        keep = singles.prompt[prompt]
        owner, prompt = owner[keep], prompt[keep]
        step = singles.position[owners[owner]] - singles.position[prompt]
        keep = np.einsum("pa,pa->p", step, step) < self.settings.distance**2
        owner, prompt = owner[keep], prompt[keep]
        if self._alone:
            begin = np.searchsorted(singles.time, singles.time[prompt] - self._alone)
            end = np.searchsorted(singles.time, time[owner] + self._alone, side="right")
            keep = end - begin == (1 if self.settings.off_time else 2)
            self.counts["pairs that were not alone"] += int((~keep).sum())
            owner, prompt = owner[keep], prompt[keep]
        return prompt, owner

    def _candidates(
        self, singles: Singles, prompt: Pairs, delayed: Pairs, time: Pairs
    ) -> Candidates:
        n = len(prompt)
        step = singles.position[delayed].astype(np.float64) - singles.position[prompt]
        columns = {
            "e_prompt": singles.energy[prompt],
            "e_delayed": singles.energy[delayed],
            "r_prompt": np.linalg.norm(singles.position[prompt], axis=1),
            "r_delayed": np.linalg.norm(singles.position[delayed], axis=1),
            "dr": np.linalg.norm(step, axis=1),
            "dt": (time - singles.time[prompt]) / NS_PER_S,
        }
        columns |= dict(zip(self._names, singles.scores[prompt].T, strict=True))
        number = self._n_pairs + np.arange(n)
        self._n_pairs += n
        return Candidates(
            IBD,
            number,
            np.full(n, self._run),
            {name: np.asarray(values, np.float32) for name, values in columns.items()},
            np.zeros(n + 1, np.int64),
            {},
            {**IBD_UNITS, **dict.fromkeys(self._names, "1")},
            self._truth(singles, prompt, delayed),
            {"prompt": singles.event[prompt], "delayed": singles.event[delayed]},
        )

    def _truth(
        self, singles: Singles, prompt: Pairs, delayed: Pairs
    ) -> dict[str, Shaped[np.ndarray, " pair"]]:
        """Which pairs are true; off-time ones are known not to be, even in data."""
        if not (self._has_truth or self.settings.off_time):
            return {}
        group = singles.group[prompt]
        true = (group == singles.group[delayed]) & (group >= 0) & (not self.settings.off_time)
        truth = {
            "kind": np.where(true, b"ibd", b"accidental").astype(TEXT),
            "group": np.where(true, group, -1),
        }
        if self._has_truth:
            truth |= {
                "prompt_kind": singles.kind[prompt],
                "delayed_kind": singles.kind[delayed],
            }
        return truth
