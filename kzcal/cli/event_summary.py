"""What ``kzcal events inspect`` finds in a file, and its words for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from kzcal.geometry import Detector
from kzcal.hits import Events, RunHeader
from kzcal.io.events import EventSource

QUANTILES = (0.0, 0.05, 0.5, 0.95, 1.0)
SHOWN = 20
"""PMTs without a hit that the text names; JSON names all."""


@dataclass(frozen=True, slots=True)
class EventSummary:
    """A file of events in numbers.

    Args:
        file: the file.
        header: what it says about its run.
        detector: detector that it was read for.
        n_events: number of events.
        n_physics: physics triggers among them.
        n_forced: forced triggers among them.
        n_muons: reconstructed muons.
        n_hits: hits, the dropped ones included.
        n_dropped: hits dropped because their time or charge is NaN or infinite.
        span_s: time from the first event to the last, s.
        nhit: quantiles of the number of hits of a physics trigger.
        energy: quantiles of the visible energy of a physics trigger, MeV.
        truth: columns of simulation truth.
        kinds: events of each kind, where the truth says.
        silent: PMTs without any hit.
    """

    file: str
    header: RunHeader
    detector: str
    n_events: int
    n_physics: int
    n_forced: int
    n_muons: int
    n_hits: int
    n_dropped: int
    span_s: float
    nhit: Mapping[str, float]
    energy: Mapping[str, float]
    truth: tuple[str, ...]
    kinds: Mapping[str, int]
    silent: tuple[int, ...]


def summarise(
    file: Path, source: EventSource, detector: Detector, advance: Callable[[float], None]
) -> EventSummary:
    """Read every chunk once and keep a number per event and per PMT.

    Args:
        file: the file's name.
        source: the open file.
        detector: detector that it was opened for.
        advance: told how many events were read.
    """
    table = source.table()
    hits_of_pmt = np.zeros(detector.n_pmt, np.int64)
    nhit = [np.zeros(0, np.int64)]
    for chunk in source.chunks():
        hits_of_pmt += np.bincount(chunk.hits.pmt, minlength=detector.n_pmt)
        nhit.append(chunk.hits.counts)
        advance(len(chunk))
    physics = table.physics
    return EventSummary(
        file=str(file),
        header=source.header,
        detector=detector.name,
        n_events=source.n_events,
        n_physics=int(physics.sum()),
        n_forced=int(table.forced.sum()),
        n_muons=len(source.muons),
        n_hits=source.n_hits,
        n_dropped=source.dropped,
        span_s=1e-9 * int(np.ptp(table.timestamp)) if len(table) else 0.0,
        nhit=_quantiles(np.concatenate(nhit)[physics]),
        energy=_quantiles(table.energy[physics]),
        truth=tuple(table.truth),
        kinds=_kinds(table),
        silent=tuple(np.flatnonzero(hits_of_pmt == 0).tolist()),
    )


def text(summary: EventSummary) -> str:
    """The summary for a person."""
    header = summary.header
    rows = {
        "run": header.run,
        "detector": _detector(summary),
        "period": header.period,
        "sample": header.sample,
        "livetime": None if header.livetime_ns is None else f"{header.livetime_ns * 1e-9:.9g} s",
        "first to last event": f"{summary.span_s:.6g} s",
        "hit window": _windows(header),
        "events": f"{summary.n_events} "
        f"({summary.n_physics} physics, {summary.n_forced} forced triggers)",
        "muons": summary.n_muons,
        "hits": f"{summary.n_hits} ({summary.n_dropped} dropped: time or charge not a number)",
        "NHit, physics": _line(summary.nhit),
        "energy, physics, MeV": _line(summary.energy),
        "truth": ", ".join(summary.truth) or None,
        "kinds": ", ".join(f"{n} {kind}" for kind, n in summary.kinds.items()) or None,
        "PMTs without a hit": _silent(summary.silent),
    }
    known = {name: value for name, value in rows.items() if value is not None}
    width = max(map(len, known))
    return "\n".join([summary.file, *(f"  {n.ljust(width)}  {v}" for n, v in known.items())])


def _quantiles(values: Shaped[np.ndarray, " event"]) -> dict[str, float]:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return {}
    found = np.quantile(finite, QUANTILES).tolist()
    return {f"{100 * q:g}%": value for q, value in zip(QUANTILES, found, strict=True)}


def _kinds(table: Events) -> dict[str, int]:
    kind = table.truth.get("kind")
    if kind is None or kind.dtype.kind != "S":
        return {}
    names = (name.decode(errors="replace") for name in kind.tolist())
    return dict(sorted(Counter(names).items()))


def _detector(summary: EventSummary) -> str:
    named = summary.header.detector
    other = "" if named == summary.detector else f", read as {summary.detector}"
    return f"{named}{other}"


def _windows(header: RunHeader) -> str | None:
    windows = {"physics": header.physics_window_ns, "forced": header.forced_window_ns}
    known = (f"{kind} {w[0]:g} to {w[1]:g} ns" for kind, w in windows.items() if w is not None)
    return ", ".join(known) or None


def _line(quantiles: Mapping[str, float]) -> str | None:
    return ", ".join(f"{q}: {value:.4g}" for q, value in quantiles.items()) or None


def _silent(silent: tuple[int, ...]) -> str:
    more = f" and {len(silent) - SHOWN} more" if len(silent) > SHOWN else ""
    named = f": {', '.join(map(str, silent[:SHOWN]))}{more}" if silent else ""
    return f"{len(silent)}{named}"
