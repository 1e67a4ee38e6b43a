"""What the expected limit hangs on: cuts, backgrounds, the outermost radius, the livetime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kzcal.sensitivity.binned import expected
from kzcal.sensitivity.cuts import Cut, CutCurve
from kzcal.sensitivity.experiment import Background, Experiment
from kzcal.sensitivity.limits import expected_limit
from kzcal.sensitivity.shells import FILM

ACCEPTANCES = tuple(np.linspace(0.3, 1.0, 36).tolist())
"""Shares of the signal at which cuts on a score are tried."""
FILM_REJECTIONS = (0.0, 0.5, 0.9, 0.99)
FACTOR = 2.0
"""By which backgrounds and lengths are taken smaller and larger."""
SCALES = (0.98, 1.02)
"""Visible over true energy, times which it is tried."""
YEARS = (0.5, 2.0, 4.0, 8.0)
"""Times which the livetime is tried."""
INNERMOST = 0.9
"""m, below which an outermost radius is of no interest."""


@dataclass(frozen=True, slots=True)
class CutScan:
    """Cuts on one score.

    Args:
        backgrounds: that it is meant for.
        cuts: tried.
        half_lives: expected limit with each, years.
        none: the same without any cut for these backgrounds.
        best: place of the best cut.
    """

    backgrounds: tuple[str, ...]
    cuts: tuple[Cut, ...]
    half_lives: tuple[float, ...]
    none: float
    best: int


@dataclass(frozen=True, slots=True)
class Variation:
    """An assumption changed.

    Args:
        name: of it.
        change: of it, in words.
        half_life: expected limit, years.
        ratio: to that of the experiment as it is.
    """

    name: str
    change: str
    half_life: float
    ratio: float


@dataclass(frozen=True, slots=True)
class RadiusScan:
    """Expected limits by the outermost radius, for one rejection of the film's events.

    Args:
        rejected: share of the film's events.
        radii: m.
        half_lives: years.
        volumes: the same where events are counted by energy alone, within one volume, years.
    """

    rejected: float
    radii: tuple[float, ...]
    half_lives: tuple[float, ...]
    volumes: tuple[float, ...]


def limit(experiment: Experiment) -> float:
    """Half-life that the experiment is expected to exclude, years."""
    return expected_limit(expected(experiment), experiment.excess)


def with_cut(experiment: Experiment, cut: Cut) -> Experiment:
    """The experiment with a cut in place of all that its own do to these backgrounds."""
    return replace(experiment, cuts=(*without_cut(experiment, cut.backgrounds).cuts, cut))


def without_cut(experiment: Experiment, backgrounds: Sequence[str]) -> Experiment:
    """The experiment whose cuts are meant for other backgrounds alone.

    A cut that is meant for others too stays with those, and keeps of these what it keeps of the
    signal; one that is meant for none any more is left out.
    """
    others = [
        (cut, tuple(name for name in cut.backgrounds if name not in backgrounds))
        for cut in experiment.cuts
    ]
    kept = tuple(replace(cut, backgrounds=names) for cut, names in others if names)
    return replace(experiment, cuts=kept)


def scan_cuts(experiment: Experiment, curve: CutCurve) -> CutScan:
    """Try cuts on a score; the one whose expected limit is largest is the best."""
    cuts = tuple(curve.at(accepted) for accepted in ACCEPTANCES)
    found = tuple(limit(with_cut(experiment, cut)) for cut in cuts)
    none = limit(without_cut(experiment, curve.backgrounds))
    return CutScan(curve.backgrounds, cuts, found, none, int(np.argmax(found)))


def scan_radius(experiment: Experiment) -> tuple[RadiusScan, ...]:
    """Try outermost radii, with the film's events as they are and rejected."""
    scans = []
    for rejected in FILM_REJECTIONS:
        backgrounds = tuple(
            replace(one, remaining=one.remaining * (1.0 - rejected)) if one.place == FILM else one
            for one in experiment.backgrounds
        )
        whole = expected(replace(experiment, backgrounds=backgrounds))
        radii = [float(r) for r in whole.radius[1:] if r >= INNERMOST] or [experiment.radius]
        inside = [whole.within(radius) for radius in radii]
        found = tuple(expected_limit(one, experiment.excess) for one in inside)
        volumes = tuple(expected_limit(one.together(), experiment.excess) for one in inside)
        scans.append(RadiusScan(rejected, tuple(radii), found, volumes))
    return tuple(scans)


def variations(experiment: Experiment) -> tuple[Variation, ...]:
    """Change assumptions one by one, those that change the limit most first."""
    base = limit(experiment)
    tried = []
    for i, one in enumerate(experiment.backgrounds):
        for word, factor in (("÷", 1 / FACTOR), ("×", FACTOR)):
            changed = replace(one, events=one.events * factor)
            tried.append((one.name, f"events {word} 2", _exchanged(experiment, i, changed)))
            if one.place == FILM:
                changed = replace(one, length=one.length * factor)
                tried.append((one.name, f"length {word} 2", _exchanged(experiment, i, changed)))
    for factor in SCALES:
        other = replace(experiment, scale=experiment.scale * factor)
        tried.append(("energy scale", f"× {factor:g}", other))
    for factor in YEARS:
        other = replace(experiment, days=experiment.days * factor)
        tried.append(("livetime", f"× {factor:g}", other))
    found = [(name, change, limit(other)) for name, change, other in tried]
    rows = [Variation(name, change, value, value / base) for name, change, value in found]
    return tuple(sorted(rows, key=lambda row: -abs(np.log(row.ratio))))


def _exchanged(experiment: Experiment, place: int, background: Background) -> Experiment:
    """The experiment with one background in place of another."""
    backgrounds = list(experiment.backgrounds)
    backgrounds[place] = background
    return replace(experiment, backgrounds=tuple(backgrounds))
