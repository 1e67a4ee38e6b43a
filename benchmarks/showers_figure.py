"""What decays find around them in simulated showers, and the figure of docs/showers.md."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from kzcal.calibrate.report.picture import drawing
from kzcal.geometry import load_detector
from kzcal.hits import PIECE_M, Events
from kzcal.simulate.energy_window import EnergyWindow
from kzcal.simulate.shower_events import CAPTURE, LONG_LIVED
from kzcal.simulate.shower_laws import ShowerModel
from kzcal.simulate.shower_past import see_captures
from kzcal.simulate.shower_run import ShowerRequest
from kzcal.simulate.shower_tracks import reconstructed
from kzcal.simulate.showers import Showers, draw_parents, draw_showers
from kzcal.simulate.volumes import volume

DETECTOR = load_detector()
RADIUS, NEAR_M, LOOK_BACK_H = DETECTOR.scintillator_radius, 1.6, 24.0
WINDOW = EnergyWindow(2.0, 3.0)
N_MUONS, N_PARENTS = 400_000, 20_000
BLUE, ORANGE, GREEN = "#20639b", "#d1701c", "#3c8d5a"


@dataclass(frozen=True)
class Found:
    """Captures within 1.6 m of decays, one row each; and the decays.

    Args:
        decay: row of the decay of each capture.
        hours: from the capture to its decay.
        parent: whether the decay's own muon made it.
        away: from the decay, m.
        lag: of each long-lived decay, hours.
        long_lived: which decays are.
    """

    decay: np.ndarray
    hours: np.ndarray
    parent: np.ndarray
    away: np.ndarray
    lag: np.ndarray
    long_lived: np.ndarray


def found_around(n: int) -> Found:
    """What decays of both classes find in 24 hours."""
    maker = ShowerRequest(
        ShowerModel(), histories=n, window=WINDOW, reach_m=NEAR_M, seed=11
    ).open()
    parts = [_near(events) for events, _ in maker.chunks()]
    first = np.cumsum([0, *(len(part.lag) for part in parts)])
    joined = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("hours", "parent", "away", "lag", "long_lived")
    }
    decay = np.concatenate([p.decay + f for p, f in zip(parts, first[:-1], strict=True)])
    return Found(decay, **joined)


def _near(events: Events) -> Found:
    truth = events.truth
    decays = np.flatnonzero(truth["kind"] != CAPTURE.encode())
    captures = np.flatnonzero(truth["kind"] == CAPTURE.encode())
    row = np.searchsorted(events.timestamp[decays], events.timestamp[captures])
    inside = row < len(decays)
    captures, row = captures[inside], row[inside]
    own = decays[row]
    away = np.linalg.norm(events.vertex[captures] - events.vertex[own], axis=1)
    near = away < NEAR_M
    hours = (events.timestamp[own] - events.timestamp[captures]) / 3.6e12
    group = truth["group"]
    parent = (group[captures] == group[own]) & (group[own] >= 0)
    kind = truth["kind"][decays] == LONG_LIVED.encode()
    lag = truth["lag"][decays] / 3600
    return Found(row[near], hours[near], parent[near], away[near], lag, kind)


def draw(found: Found, path: Path) -> None:
    """Multiplicities, places, a profile, and lags."""
    model, generator = ShowerModel(), np.random.default_rng(8)
    place = volume("xels", DETECTOR).sample(N_PARENTS, generator=generator)
    parents = draw_parents(model, place, RADIUS, generator=generator)
    muons = draw_showers(model, N_MUONS, RADIUS, generator=generator)
    with drawing(10.0, 6.4) as figure:
        (many, places), (along, lags) = figure.subplots(2, 2)
        figure.subplots_adjust(0.07, 0.08, 0.99, 0.98, 0.2, 0.25)
        edges = np.arange(0.5, 80.5)
        for captures, name, colour in (
            (muons.captures, "muons with captures", BLUE),
            (parents.captures, "parents of isotopes", ORANGE),
        ):
            share = np.histogram(captures, edges)[0] / np.sum(captures > 0)
            many.stairs(share, edges, color=colour, label=name)
        many.set(yscale="log", xlabel="captures after a muon", ylabel="share of muons")
        many.legend()
        _draw_places(places, found)
        _draw_profile(along, model, parents, generator)
        _draw_lags(lags, found)
        figure.savefig(path)


def _draw_places(axes: Axes, found: Found) -> None:
    edges = np.linspace(0, NEAR_M, 17)
    size = 4 / 3 * np.pi * np.diff(edges**3)
    for rows, n, name, colour in (
        (found.parent, found.long_lived.sum(), "after the parent", ORANGE),
        (~found.parent, len(found.lag), "after other muons, 24 h", BLUE),
    ):
        counts = np.histogram(found.away[rows], edges)[0]
        axes.stairs(counts / size / n, edges, color=colour, label=name)
    axes.set(yscale="log", ylim=(0.05, 9), xlabel="from decay to capture, m")
    axes.set_ylabel("captures per m³ and decay")
    axes.legend(loc="upper right")


def _draw_profile(
    axes: Axes, model: ShowerModel, parents: Showers, generator: np.random.Generator
) -> None:
    row = np.flatnonzero((parents.captures > 25) & (parents.length > 10))[:1]
    one = parents.take(row)
    track = reconstructed(model.showers, one, np.zeros(1, np.int64), RADIUS, generator=generator)
    seen = see_captures(model, one, RADIUS, generator=generator)
    if track.profile is None:
        return
    deposit = track.profile.deposit
    axes.stairs(deposit, PIECE_M * np.arange(len(deposit) + 1), color=GREEN, fill=True)
    place = np.sum((seen.vertex - track.entry[0]) * track.direction[0], axis=1)
    axes.plot(place, np.full(len(place), deposit.max() * 1.08), "|", color=ORANGE, ms=9)
    axes.set(xlabel="along the track, m", ylabel="MeV in 0.2 m, and captures seen")


def _draw_lags(axes: Axes, found: Found) -> None:
    hours = np.logspace(-1.5, 3.5, 200)
    inside = [np.mean(found.lag[found.long_lived] <= h) for h in hours]
    axes.plot(hours, inside, color=ORANGE)
    axes.axvline(LOOK_BACK_H, color="0.7", lw=0.8)
    axes.set(xscale="log", ylim=(0, 1), xlabel="look-back, hours")
    axes.set_ylabel("isotopes whose parent is inside")
