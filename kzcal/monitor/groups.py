"""PMTs that change together: the cables of a crate, or many all over the detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from kzcal.monitor.changes import Change
from kzcal.monitor.crates import Crate


@dataclass(frozen=True, slots=True)
class Group:
    """PMTs of which one constant changed with the same run.

    Args:
        name: of the constant.
        run: first run after the change, counted from 0.
        pmts: that changed.
        cables: first and last of the neighbouring cables among which most of them are; None if
            they are spread over the detector.
        size: median change: a ratio for what is counted and the gain, else a difference.
    """

    name: str
    run: int
    pmts: tuple[int, ...]
    cables: tuple[int, int] | None
    size: float


def imposed_by(together: Sequence[Crate], shape: tuple[int, int]) -> Bool[np.ndarray, "pmt run"]:
    """The changes that crates impose on their PMTs."""
    imposed = np.zeros(shape, bool)
    for crate in together:
        imposed[crate.cables[0] : crate.cables[1] + 1, crate.run] = True
    return imposed


def groups(
    changes: Sequence[Change], n_pmt: int, least: int, together: Sequence[Crate] = ()
) -> tuple[Group, ...]:
    """Steps that at least so many PMTs make with the same run, neighbouring cables told apart.

    Args:
        changes: of one constant.
        n_pmt: PMTs of the detector.
        least: PMTs that make a group.
        together: stretches of cables that are known to move together.
    """
    found, rest = [], list(changes)
    for crate in together:
        first, last = crate.cables
        mine = [c for c in rest if c.run == crate.run and first <= c.row <= last]
        if mine:
            own = {(c.row, c.run) for c in (*mine, *_late(rest, mine))}
            found.append(
                _group(crate.run, [c for c in rest if (c.row, c.run) in own], crate.cables)
            )
            rest = [c for c in rest if (c.row, c.run) not in own]
    return (*found, *_alike(rest, n_pmt, least))


def _alike(changes: Sequence[Change], n_pmt: int, least: int) -> list[Group]:
    """Groups among PMTs each of which shows its step alone."""
    by_run: dict[int, list[Change]] = {}
    for change in changes:
        if change.is_step:
            by_run.setdefault(change.run, []).append(change)
    found = []
    for run, members in sorted(by_run.items()):
        rest = {change.row: change for change in members}
        while len(rest) >= least:
            stretch = densest(sorted(rest), n_pmt)
            inside = [pmt for pmt in sorted(rest) if stretch[0] <= pmt <= stretch[1]]
            if len(inside) < least or not _crowded(len(inside), len(rest), stretch, n_pmt):
                break
            members_of_it = [rest.pop(pmt) for pmt in inside]
            found.append(_group(run, [*members_of_it, *_late(changes, members_of_it)], stretch))
        if len(rest) >= max(least, 3 * least if found else least):
            found.append(_group(run, list(rest.values()), None))
    return found


def densest(pmts: Sequence[int], n_pmt: int) -> tuple[int, int]:
    """The stretch of neighbouring cables that is fullest of the given ones.

    Each cable of the stretch scores the logarithm of how much likelier it is, as one of the given
    or as none of them, in a stretch of which half changed than elsewhere (Kadane's algorithm).
    """
    chosen = np.zeros(n_pmt, bool)
    chosen[list(pmts)] = True
    share = len(pmts) / n_pmt
    gain, loss = np.log(0.5 / share), np.log(0.5 / (1 - share)) if share < 0.5 else -1.0
    best, total, start, stretch = -np.inf, 0.0, 0, (0, n_pmt - 1)
    for cable, here in enumerate(chosen.tolist()):
        if total <= 0:
            total, start = 0.0, cable
        total += gain if here else loss
        if total > best:
            best, stretch = total, (start, cable)
    return stretch


def _crowded(inside: int, all_of_them: int, stretch: tuple[int, int], n_pmt: int) -> bool:
    """Whether a stretch holds far more of the changed PMTs than its length accounts for."""
    expected = all_of_them * (stretch[1] - stretch[0] + 1) / n_pmt
    return inside > 2 * expected + 3


def _late(changes: Sequence[Change], members: Sequence[Change]) -> list[Change]:
    """Neighbours of a group that seem to have moved the same way a run before or after it.

    One PMT's own measurements may put a common step into the run beside it.
    """
    run, first, last = members[0].run, members[0].row, members[-1].row
    known = {change.row for change in members}
    way = sum(np.sign(change.pull) for change in members)
    return [
        change
        for change in changes
        if abs(change.run - run) == 1
        and first <= change.row <= last
        and change.row not in known
        and change.pull * way > 0
    ]


def _group(run: int, members: Sequence[Change], stretch: tuple[int, int] | None) -> Group:
    name = members[0].name
    ratios = [change.ratio for change in members]
    differences = [change.after[0] - change.before[0] for change in members]
    size = float(np.median(differences if name == "time_offset" else ratios))
    return Group(name, run, tuple(sorted({change.row for change in members})), stretch, size)
