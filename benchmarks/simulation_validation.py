"""The simulation beside what is published and asked of it, as the table of docs/simulation.md.

    python benchmarks/simulation_validation.py [--events 1500] [--write docs/simulation.md]
        [--figure docs/simulation_validation.png]

All events pass the whole chain: decay, transport, light map, response with nominal constants and
reconstruction. Resolutions are robust (half the central 68 %); their error is 1/sqrt(2 events).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pages
import torch
from matplotlib.figure import Figure

from kzcal.geometry import Detector, load_detector
from kzcal.geometry.materials import load_materials
from kzcal.hits import Events
from kzcal.optics.light_map_cache import light_map_of
from kzcal.particles import GAMMA
from kzcal.physics.transport import Transport
from kzcal.physics.visible import isotropic
from kzcal.plugins import load
from kzcal.reconstruct.scale import photons_per_visible_mev
from kzcal.simulate.cocktail import Cocktail, Ingredient
from kzcal.simulate.constants import Constants
from kzcal.simulate.setup import Setup
from kzcal.simulate.timeline import Series
from kzcal.simulate.volumes import volume
from kzcal.simulate.workers import Simulation

KLZ, KL2 = "kamland-zen-800", "kamland2-zen"
LIGHT_NS, TAIL_NS = (-20.0, 150.0), (30.0, 150.0)
GAMMAS = (0.511, 0.835, 1.116, 1.461, 2.2232)
ALPHAS = {"po210": (0.34, 0.04), "po214": (0.60, 0.05), "po212": (0.74, 0.06)}
EDGES = np.linspace(-20, 180, 101)
ELECTRON_MEV = (0.01, 0.1, 0.2, 0.3, 0.5, 1.0, 1.5, 2.0, 2.458, 3.0, 5.0)
ELECTRON_CURVE = (0.63, 0.87, 0.93, 0.957, 0.989, 1.023, 1.037, 1.045, 1.049, 1.053, 1.058)
"""Visible over true energy of electrons.

Source: Birks and Cherenkov constants fitted to five calibration points of KamLAND; the first value
continues it by Birks' law.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    quantity: str
    target: str
    measured: str


@cache
def prepared(detector: str) -> Simulation:
    """The chain of a detector with nominal constants, whose components are replaced."""
    recipe = Cocktail(0, (Ingredient("electron", "xels", number=1),), detector=detector)
    return Setup(recipe, Constants()).open()


def drawn(
    detector: str, source: str, options: Mapping[str, object], where: str, n: int
) -> list[Events]:
    """Events of a source, in blocks."""
    place = volume(where, load_detector(detector))
    part = Series(source, source, load().sources.choose(source).prepare(options), place, n)
    simulation = replace(prepared(detector), components=[part])
    return [simulation.block(0, block).reported for block in range(part.n_blocks)]


def column(blocks: Sequence[Events], name: str) -> np.ndarray:
    """A column of all blocks, reconstructed or of the truth."""
    return np.concatenate([b.truth[name] if name in b.truth else getattr(b, name) for b in blocks])


def spread(values: np.ndarray) -> float:
    """Half of the central 68 per cent."""
    low, high = np.nanpercentile(values, [15.87, 84.13])
    return float(high - low) / 2


def light(detector: Detector) -> float:
    """Photoelectrons per visible MeV at the centre, all PMTs of efficiency one."""
    light_map = light_map_of(detector, load_materials())
    collected = light_map.collection(torch.zeros(1, 3)).sum()
    return float(collected) * photons_per_visible_mev(detector, light_map)


def resolution_rows(n: int) -> list[Row]:
    """Energy and vertex of electrons and of the two electrons at the Q value."""
    rows = []
    for energy in (1.0, 2.0):
        blocks = drawn(KLZ, "electron", {"energy": energy}, "sphere:1.7", n)
        found = column(blocks, "energy")
        root = float(np.sqrt(np.nanmean(found)))
        truth = np.stack([column(blocks, axis) for axis in "xyz"], axis=1)
        miss = [spread(d) for d in (column(blocks, "vertex") - truth).T]
        sigma = 100 * spread(found) / float(np.nanmean(found)) * root
        rows.append(
            Row(f"energy resolution, electrons of {energy} MeV", "6.7 %/√E", f"{sigma:.2f} %/√E")
        )
        three = 100 * float(np.hypot.reduce(miss)) * root
        rows.append(
            Row(
                f"vertex resolution, electrons of {energy} MeV",
                "13.7 cm/√E",
                f"{three / np.sqrt(3):.1f} cm/√E an axis, {three:.1f} all three",
            )
        )
    found = column(drawn(KL2, "xe136-0nbb", {}, "sphere:1.7", n), "energy")
    sigma = 100 * spread(found) / float(np.nanmean(found))
    return [*rows, Row("KamLAND2-Zen at 2.458 MeV", "(2.0 ± 0.2) %", f"{sigma:.2f} %")]


def energy_rows(n: int) -> list[Row]:
    """Visible energies of alphas and gammas."""
    rows = []
    for name, (target, error) in ALPHAS.items():
        found = column(drawn(KLZ, name, {}, "sphere:1.7", n), "energy")
        rows.append(
            Row(
                f"visible energy of {name}",
                f"{target:.2f} ± {error:.2f} MeV",
                f"{np.nanmean(found):.3f} MeV",
            )
        )
    expected = [gamma_curve(energy) for energy in GAMMAS]
    for energy, curve in zip(GAMMAS, expected, strict=True):
        found = column(drawn(KLZ, "gamma", {"energy": energy}, "sphere:4.0", n), "energy")
        ratio, sigma = np.nanmedian(found) / energy, spread(found) / energy
        rows.append(
            Row(
                f"visible over true energy, gammas of {energy:.3f} MeV",
                f"{curve / expected[-1]:.3f}",
                f"{ratio:.3f} ± {1.25 * sigma / np.sqrt(n):.3f}",
            )
        )
    return rows


def gamma_curve(energy: float, n: int = 4000) -> float:
    """Visible over true energy of gammas by the curve of electrons, on its scale."""
    rng = np.random.default_rng(1)
    gammas = isotropic(GAMMA, energy, n, generator=rng)
    transport = Transport(load_detector(KLZ))
    track = transport.deposits(gammas, np.full((n, 3), (3.0, 0, 0)), generator=rng).energy
    factor = np.interp(np.log(track), np.log(ELECTRON_MEV), ELECTRON_CURVE)
    return float((track * factor).sum() / (n * energy))


def residuals(blocks: Sequence[Events], detector: Detector) -> list[np.ndarray]:
    """Hit times less t0 and the straight flight, ns, of each event."""
    found = []
    for events in blocks:
        row = events.hits.event_index
        path = detector.positions[events.hits.pmt] - events.vertex[row]
        speed = light_map_of(detector, load_materials()).speed
        time = events.hits.time - events.t0[row] - np.linalg.norm(path, axis=1) / speed
        found += np.split(time, events.hits.offsets[1:-1])
    return found


def tail(times: np.ndarray) -> float:
    """Share of an event's hits that come late."""
    inside = ((times > LIGHT_NS[0]) & (times < LIGHT_NS[1])).sum()
    return float(((times > TAIL_NS[0]) & (times < TAIL_NS[1])).sum() / max(inside, 1))


def draw(alpha: Sequence[np.ndarray], electron: Sequence[np.ndarray], path: Path) -> float:
    """Picture of both time distributions and tail fractions; the distance of the latter."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    shape, share = figure.subplots(1, 2)
    tails = []
    for times, colour, name in (
        (electron, "#1f4e79", "electrons of 0.6 MeV"),
        (alpha, "#c0392b", "alphas of 214Po"),
    ):
        counts, _ = np.histogram(np.concatenate(times), EDGES)
        shape.stairs(counts / len(times) / 2, EDGES, color=colour, label=name)
        tails.append(np.array([tail(t) for t in times]))
        share.hist(tails[-1], np.linspace(0, 0.6, 61), histtype="step", color=colour)
    shape.set(yscale="log", xlabel="time after emission and flight [ns]", ylabel="hits per ns")
    shape.legend(frameon=False)
    share.set(xlabel=f"share of hits {TAIL_NS[0]:.0f} to {TAIL_NS[1]:.0f} ns late")
    share.set_ylabel("events")
    figure.savefig(path, dpi=110)
    widths = np.hypot(*(spread(t) for t in tails))
    return float((np.median(tails[1]) - np.median(tails[0])) / widths)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1500)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--figure", type=Path, default=Path("simulation_validation.png"))
    given = parser.parse_args()
    n, detector = given.events, load_detector(KLZ)
    rows = [Row("p.e. per visible MeV at the centre", "350 ± 40", f"{light(detector):.0f}")]
    rows += resolution_rows(n) + energy_rows(n)
    alpha = residuals(drawn(KLZ, "po214", {}, "sphere:1.7", n), detector)
    electron = residuals(drawn(KLZ, "electron", {"energy": 0.6}, "sphere:1.7", n), detector)
    apart = draw(alpha, electron, given.figure)
    rows.append(Row("tail fractions of 214Po and electrons", "visibly apart", f"{apart:.1f} σ"))
    cells = [(row.quantity, row.target, row.measured) for row in rows]
    text = pages.table(("quantity", "target", "measured"), cells)
    print(text)
    if given.write:
        pages.write_part(given.write, "simulation_validation", text)


if __name__ == "__main__":
    main()
