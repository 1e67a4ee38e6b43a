"""Series and timelines as SVG by hand, coloured by the style of the page, light or dark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

import numpy as np
from jaxtyping import Float64

from kzcal.calibrate.report.digits import number
from kzcal.monitor.changes import Divided

WIDTH, HEIGHT = 420.0, 150.0
LEFT, RIGHT, TOP, BOTTOM = 62.0, 8.0, 10.0, 24.0
ROW = 22.0
"""Height of a row of the timeline."""
LABELS = 130.0
"""Width of its labels."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """From runs and values to the drawing."""

    runs: tuple[float, float]
    values: tuple[float, float]

    def x(self, run: float) -> float:
        first, last = self.runs
        return LEFT + (WIDTH - LEFT - RIGHT) * (run - first) / max(last - first, 1.0)

    def y(self, value: float) -> float:
        low, high = self.values
        share = (value - low) / (high - low)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * float(np.clip(share, 0.0, 1.0))


def series_picture(divided: Divided, row: int, runs: Sequence[int], what: str) -> str:
    """One series: measurements with errors, its segments, and lines where it changes.

    Args:
        divided: the series and its segments.
        row: which of its rows.
        runs: run numbers.
        what: shown above.
    """
    series = divided.series
    value, error = series.value[row], series.error[row]
    known = np.isfinite(value)
    if not known.any():
        return ""
    frame = _Frame((float(runs[0]), float(runs[-1])), _reach(value[known], error[known]))
    changes = [change for change in divided.changes if change.row == row]
    parts = [
        _axes(frame, "" if series.unit == "1" else series.unit),
        *(_line("change", frame.x(_between(runs, c.run))) for c in changes),
        *_segments(frame, runs, _shown(divided, row), [c.run for c in changes]),
        *(
            _point(frame, runs[i], value[i], error[i])
            for i in np.flatnonzero(known & np.isfinite(error)).tolist()
        ),
    ]
    told = ", ".join(f"run {runs[c.run]}" for c in changes)
    alt = f"{what} over runs {runs[0]} to {runs[-1]}; changes: {told or 'none'}."
    return (
        f'<figure><figcaption>{escape(what)}</figcaption><svg class="series" role="img" '
        f'aria-label="{escape(alt)}" viewBox="0 0 {WIDTH:g} {HEIGHT:g}">{"".join(parts)}</svg>'
        "</figure>"
    )


def timeline(
    rows: Sequence[tuple[str, str, Sequence[tuple[int, int]]]],
    runs: Sequence[int],
    cuts: Sequence[int],
) -> str:
    """Alarms over runs, a row for each kind.

    Args:
        rows: kind, severity, and for each run with alarms its position and how many PMTs.
        runs: run numbers.
        cuts: positions of the runs with which new intervals begin.
    """
    width, height = 2 * WIDTH, ROW * len(rows) + BOTTOM + TOP
    first, last = float(runs[0]), float(runs[-1])

    def x(run: float) -> float:
        return LABELS + (width - LABELS - 20) * (run - first) / max(last - first, 1.0)

    parts = [_line("cut", x(_between(runs, cut)), TOP, height - BOTTOM) for cut in cuts]
    for number_of_row, (kind, severity, marks) in enumerate(rows):
        y = TOP + ROW * (number_of_row + 0.5)
        parts.append(f'<line class="guide" x1="{LABELS}" x2="{width}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="0" y="{y + 4:.1f}">{escape(kind)}</text>')
        parts += [_mark(x(runs[at]), y, severity, kind, runs[at], n) for at, n in marks]
    for run in (runs[0], runs[len(runs) // 2], runs[-1]):
        parts.append(_text(x(run), height - 6, str(run)))
    alt = f"Alarms of runs {runs[0]} to {runs[-1]} by kind; {len(cuts)} proposed boundaries."
    return (
        f'<svg class="timeline" role="img" aria-label="{escape(alt)}" '
        f'viewBox="0 0 {width:g} {height:g}">{"".join(parts)}</svg>'
    )


def _mark(x: float, y: float, severity: str, kind: str, run: int, n: int) -> str:
    size = 3.0 + 2.0 * np.log10(max(n, 1))
    told = f"{kind}, run {run}" + (f": {n} PMTs" if n > 1 else "")
    return (
        f'<circle class="{severity}" cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}">'
        f"<title>{escape(told)}</title></circle>"
    )


def _between(runs: Sequence[int], position: int) -> float:
    """Half way between a run and the one before it."""
    return (runs[position] + runs[position - 1]) / 2


def _reach(
    value: Float64[np.ndarray, " run"], error: Float64[np.ndarray, " run"]
) -> tuple[float, float]:
    low, high = float(np.min(value - error)), float(np.max(value + error))
    margin = 0.06 * (high - low) or max(abs(low), 1.0) * 0.01
    return low - margin, high + margin


def _axes(frame: _Frame, unit: str) -> str:
    low, high = frame.values
    bottom = HEIGHT - BOTTOM
    ticks = _round_numbers(low, high)
    return (
        f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{WIDTH - RIGHT}"/>'
        + "".join(
            f'<line class="guide" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{frame.y(t):.1f}" '
            f'y2="{frame.y(t):.1f}"/><text x="{LEFT - 5}" y="{frame.y(t) + 4:.1f}" '
            f'text-anchor="end">{number(t, 4)}</text>'
            for t in ticks
        )
        + f'<text x="2" y="{TOP + 4}">{escape(unit)}</text>'
        + _text(frame.x(frame.runs[0]) + 8, HEIGHT - 8, f"{frame.runs[0]:.0f}")
        + _text(frame.x(frame.runs[1]) - 8, HEIGHT - 8, f"{frame.runs[1]:.0f}")
    )


def _round_numbers(low: float, high: float) -> list[float]:
    """Two to five round numbers in a range."""
    power = 10.0 ** np.floor(np.log10(high - low))
    steps = (5 * power, 2 * power, power, power / 2, power / 5)
    step = next(s for s in steps if np.floor(high / s) - np.ceil(low / s) >= 1)
    return [float(n * step) for n in np.arange(np.ceil(low / step), np.floor(high / step) + 1)]


def _shown(divided: Divided, row: int) -> Float64[np.ndarray, "run 2"]:
    """Fitted values and errors from the first to the last measurement of a row."""
    measured = np.flatnonzero(np.isfinite(divided.series.value[row]))
    fitted = np.stack([divided.value[row], divided.error[row]], axis=1)
    outside = np.ones(len(fitted), bool)
    outside[measured[0] : measured[-1] + 1] = False
    fitted[outside] = np.nan
    return fitted


def _segments(
    frame: _Frame,
    runs: Sequence[int],
    fitted: Float64[np.ndarray, "run 2"],
    changes: Sequence[int],
) -> Iterator[str]:
    """Band of one standard deviation and line of every segment."""
    for first, last in pairwise([0, *changes, len(runs)]):
        rows = [i for i in range(first, last) if np.isfinite(fitted[i]).all()]
        if not rows:
            continue
        x = [frame.x(runs[i]) for i in rows]
        if len(rows) == 1:
            x, rows = [x[0] - 3, x[0] + 3], rows * 2
        middle, error = fitted[rows].T
        upper, line, lower = (
            [*zip(x, map(frame.y, y.tolist()), strict=True)]
            for y in (middle + error, middle, middle - error)
        )
        yield f'<path class="band" d="{_path([*upper, *reversed(lower)])}Z"/>'
        yield f'<path class="fit" d="{_path(line)}"/>'


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _point(frame: _Frame, run: int, value: float, error: float) -> str:
    x, y = frame.x(run), frame.y(value)
    title = f"<title>run {run}: {number(value, 4)} ± {number(error, 2)}</title>"
    bar = f"M{x:.1f} {frame.y(value - error):.1f}V{frame.y(value + error):.1f}"
    return (
        f'<path class="bar" d="{bar}"/>'
        f'<circle class="point" cx="{x:.1f}" cy="{y:.1f}" r="2">{title}</circle>'
    )


def _line(name: str, x: float, top: float = TOP, bottom: float = HEIGHT - BOTTOM) -> str:
    return f'<line class="{name}" x1="{x:.1f}" x2="{x:.1f}" y1="{top:g}" y2="{bottom:g}"/>'


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{escape(text)}</text>'
