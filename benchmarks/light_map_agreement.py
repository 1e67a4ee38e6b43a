"""How well the light map agrees with the full tracer, as a table and a picture.

    python benchmarks/light_map_agreement.py [--light 2e6] [--write docs/light_map.md]

At radii between the map's nodes, points in random directions send out the same light through
both models. Counts of PMTs are compared with what the map expects, sorted by the angle between
point and PMT, and PMT by PMT; then the times of arrival. Statistical errors are taken off.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from pages import table, write_part

from kzcal.geometry import load_detector
from kzcal.geometry.materials import load_materials
from kzcal.light import LightSites
from kzcal.optics.light_map import LightMap
from kzcal.optics.light_map_cache import light_map_of
from kzcal.optics.tracer import FullTracer

RADII = (0.0, 0.4, 1.0, 1.7, 2.3, 3.1, 3.9, 4.7, 5.3, 5.9, 6.3)
VERTICES = 8
PARTS = 50
N_CELLS = 24
SHOWN = (0.4, 3.1, 5.9)
COLOURS = ("#20639b", "#d1701c", "#2e8b57")
CONE_ANGLE = 0.81
"""Of Cherenkov light of 420 nm in the scintillator, rad: arccos(1 / 1.455)."""

ELECTRON = 8000.0, 400.0
"""Scintillation and Cherenkov photons per MeV of the electron whose direction is looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """What was found at one radius.

    Args:
        counts: of the tracer, by type and angle.
        expected: by the map.
        pmt_scatter: scatter of single PMTs about the map, relative, beyond statistics.
        time: of arrival less the straight way, tracer and map, ns.
        cell: of the angle, of each of these.
    """

    counts: np.ndarray
    expected: np.ndarray
    pmt_scatter: float
    time: tuple[np.ndarray, np.ndarray]
    cell: tuple[np.ndarray, np.ndarray]

    @property
    def ratio(self) -> tuple[np.ndarray, np.ndarray]:
        """Tracer over map by type and angle, less 1, and its statistical error."""
        expected = np.maximum(self.expected, 1)
        return np.where(self.expected > 0, self.counts / expected - 1, 0.0), expected**-0.5

    @property
    def systematic(self) -> float:
        """RMS of the ratio over the light beyond statistics."""
        ratio, error = self.ratio
        square = np.sum(self.expected * (ratio**2 - error**2)) / np.sum(self.expected)
        return float(np.sqrt(max(square, 0.0)))

    def row(self, radius: float) -> list[object]:
        """A line of the table."""
        total = self.counts.sum() / self.expected.sum() - 1
        traced, drawn = self.time
        error = float(np.hypot(traced.std() / len(traced) ** 0.5, drawn.std() / len(drawn) ** 0.5))
        shifts = [
            f"{np.quantile(drawn, q) - np.quantile(traced, q):+.2f}" for q in (0.1, 0.5, 0.8)
        ]
        return [
            f"{radius:.1f}",
            f"{100 * total:+.2f} ± {100 / self.counts.sum() ** 0.5:.2f}",
            f"{100 * self.systematic:.2f}",
            f"{100 * self.pmt_scatter:.1f}",
            f"{drawn.mean() - traced.mean():+.2f} ± {error:.2f}",
            *shifts,
        ]


HEAD = (
    "radius (m)",
    "light, tracer less map (%)",
    "by type and angle, rms (%)",
    "single PMTs, rms (%)",
    "mean time, map less tracer (ns)",
    "10 % quantile (ns)",
    "median (ns)",
    "80 % quantile (ns)",
)


def points(radius: float, light: float) -> LightSites:
    """``VERTICES`` points in random directions; their light is spread over PARTS events each."""
    rng = np.random.default_rng(round(10 * radius) + 5)
    unit = rng.normal(size=(VERTICES, 3))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    n = VERTICES * PARTS
    position = torch.tensor(np.repeat(radius * unit, PARTS, axis=0), dtype=torch.float32)
    none = torch.zeros(n)
    return LightSites(
        event=torch.arange(n),
        position=position,
        time=none,
        direction=torch.tensor([[0.0, 0.0, 1.0]]).repeat(n, 1),
        scintillation=torch.full((n,), light / 0.073 / n),
        cherenkov=none,
        beta=none,
        profile=torch.zeros(n, dtype=torch.long),
        medium=torch.full((n,), int(radius > 1.92)),
    )


def compare(tracer: FullTracer, light_map: LightMap, sites: LightSites) -> Agreement:
    """Send the light of sites through both."""
    generator = torch.Generator().manual_seed(round(1e4 * float(sites.position.norm())))
    pair = [model.sample(sites, generator=generator) for model in (tracer, light_map)]
    vertex = sites.position[::PARTS]
    cell = angle_cells(light_map, vertex)
    photons = float(sites.scintillation[0]) * PARTS * light_map.ceiling
    expected = light_map.collection(vertex).double() * photons
    counts = torch.zeros_like(expected).index_put_(
        (pair[0].event // PARTS, pair[0].pmt),
        torch.ones(len(pair[0].pmt), dtype=torch.double),
        accumulate=True,
    )
    excess = ((counts - expected) ** 2 - expected).sum() / (expected**2).sum()
    group = (light_map.kind * N_CELLS + cell).reshape(-1)
    n = N_CELLS * len(light_map.log_collection)
    straight = light_map.distance(vertex) / light_map.speed
    rows = [pe.event // PARTS for pe in pair]
    return Agreement(
        counts=np.bincount(group, counts.reshape(-1), n).reshape(-1, N_CELLS),
        expected=np.bincount(group, expected.reshape(-1), n).reshape(-1, N_CELLS),
        pmt_scatter=float(excess.clamp(min=0).sqrt()),
        time=tuple(
            (pe.time - straight[row, pe.pmt]).numpy() for pe, row in zip(pair, rows, strict=True)
        ),
        cell=tuple(cell[row, pe.pmt].numpy() for pe, row in zip(pair, rows, strict=True)),
    )


def angle_cells(light_map: LightMap, vertex: torch.Tensor) -> torch.Tensor:
    """Cell of the angle between every vertex and every PMT."""
    away = vertex.norm(dim=1, keepdim=True)
    unit = torch.where(away > 0, vertex / away.clamp(min=1e-9), torch.tensor([0.0, 0.0, 1.0]))
    angle = torch.arccos((unit @ light_map.direction.T).clamp(-1, 1))
    return (angle * (N_CELLS / np.pi)).long().clamp(max=N_CELLS - 1)


def around_tracks(tracer: FullTracer, light_map: LightMap, light: float) -> str:
    """A sentence on light of electrons by the angle to their tracks, tracer beside map."""
    sites = points(0.0, light)
    n = len(sites.event)
    track = np.random.default_rng(1).normal(size=(n, 3))
    track /= np.linalg.norm(track, axis=1, keepdims=True)
    electrons = replace(
        sites,
        direction=torch.tensor(track, dtype=torch.float32),
        cherenkov=ELECTRON[1] / ELECTRON[0] * sites.scintillation,
        beta=torch.ones(n),
    )
    generator = torch.Generator().manual_seed(2)
    edges = torch.tensor([0.0, CONE_ANGLE - 0.1, CONE_ANGLE + 0.1, np.pi])
    counts = []
    for model in (tracer, light_map):
        pe = model.sample(electrons, generator=generator)
        cosine = (electrons.direction[pe.event] * light_map.direction[pe.pmt]).sum(1)
        counts.append(torch.histogram(cosine.clamp(-1, 1).acos(), edges).hist)
    off = 100 * (counts[0] / counts[1] - 1)
    error = 100 * (1 / counts[0] + 1 / counts[1]).sqrt()
    inside, cone, outside = (f"{a:+.1f} ± {b:.1f} %" for a, b in zip(off, error, strict=True))
    return (
        f"Electrons at the centre with {ELECTRON[1] / ELECTRON[0]:.0%} Cherenkov photons per "
        f"scintillation photon, by the angle to their tracks: light of the tracer less the map's "
        f"is {cone} within 0.1 rad of the cone, {inside} inside it and {outside} outside."
    )


def draw(found: Sequence[tuple[float, Agreement]], path: Path) -> None:
    """Occupancy by angle, time profiles and mean times by angle."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 3.8), layout="constrained")
    angle = (np.arange(N_CELLS) + 0.5) * 180 / N_CELLS
    edges = np.concatenate([np.arange(-3, 10, 0.5), np.arange(10, 121, 2.5)])
    centres, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    for colour, (radius, one) in zip(COLOURS, found, strict=True):
        ratio, error = one.ratio
        style = {"color": colour, "label": f"{radius} m"}
        left.errorbar(angle, 100 * ratio[0], 100 * error[0], fmt="o", ms=3, lw=1, **style)
        for times, mark in zip(one.time, (".", "-"), strict=True):
            share = np.histogram(times, edges)[0] / len(times) / widths
            middle.plot(centres, share, mark, ms=4, lw=1, color=colour)
        shift, shift_error = mean_times(one)
        right.errorbar(angle, shift, shift_error, fmt="o", ms=3, lw=1, **style)
    left.set(
        xlabel="angle between vertex and PMT (°)", ylabel="tracer / map − 1 (%)", ylim=(-10, 10)
    )
    left.set_title("Occupancy, 17-inch PMTs")
    middle.set(yscale="log", xlabel="time less straight way (ns)", ylabel="share per ns")
    middle.set_title("Time profile: tracer (dots), map (lines)")
    right.set(xlabel="angle between vertex and PMT (°)", ylabel="map − tracer (ns)", ylim=(-3, 3))
    right.set_title("Mean time")
    for axis in (left, right):
        axis.axhline(0, color="0.6", lw=0.8)
    left.legend(title="vertex at")
    figure.savefig(path, dpi=75)


def mean_times(one: Agreement) -> tuple[np.ndarray, np.ndarray]:
    """Mean time of the map less the tracer's by angle, and its error, ns."""
    means, variances = [], []
    for times, cell in zip(one.time, one.cell, strict=True):
        n = np.maximum(np.bincount(cell, minlength=N_CELLS), 1)
        mean = np.bincount(cell, times, N_CELLS) / n
        means.append(mean)
        variances.append((np.bincount(cell, times**2, N_CELLS) / n - mean**2) / n)
    return means[1] - means[0], np.sqrt(variances[0] + variances[1])


def main() -> None:
    """Measure and print or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--light", type=float, default=2e6, help="photoelectrons at every radius")
    parser.add_argument("--write", type=Path)
    names = ("agreement", "cone")
    parser.add_argument("--parts", nargs="+", choices=names, default=names)
    options = parser.parse_args()
    detector, materials = load_detector(), load_materials()
    light_map = light_map_of(detector, materials)
    tracer = FullTracer(detector, materials)
    if "cone" in options.parts:
        report("cone", around_tracks(tracer, light_map, options.light), options.write)
    if "agreement" in options.parts:
        found = [(r, compare(tracer, light_map, points(r, options.light))) for r in RADII]
        rows = [one.row(radius) for radius, one in found]
        report("agreement", table(HEAD, rows), options.write)
        shown = [(r, one) for r, one in found if r in SHOWN]
        if options.write:
            draw(shown, options.write.with_name("light_map_agreement.png"))


def report(part: str, text: str, page: Path | None) -> None:
    """Print a part of the page, and write it."""
    print(text, end="\n\n")
    if page:
        write_part(page, part, text)


if __name__ == "__main__":
    main()
