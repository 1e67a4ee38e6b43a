"""How well and how fast events are reconstructed, and the figure of docs/reconstruction.md.

    python benchmarks/reconstruction.py [--events 500] [--threads 2] [--device cpu]
        [--figure docs/reconstruction.png] [--write docs/reconstruction.md]
        [--challenge DIRECTORY] [--no-own] [--limits] [--json] [--seed 1]

Point-like events of a few energies, uniform within 5.5 m of the centre of KamLAND-Zen 800, are
drawn from the traced light map and the nominal response, and fitted. With --challenge, events of
its period A are fitted too, with the constants of its truth and a light map traced for its
materials: its Monte Carlo shares no code with kzcal. --no-own leaves the events of kzcal's own
simulation out; --limits asks instead what light that is not scattered and faster PMTs would give.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from challenge_detector import CHALLENGE_KINDS, challenge_events, challenge_reconstruction
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from pages import table, write_part

from kzcal.geometry import load_detector
from kzcal.geometry.materials import load_materials
from kzcal.hits import Events
from kzcal.light import LightSites
from kzcal.optics.light_map import LightMap
from kzcal.optics.light_map_analytic import analytic_light_map
from kzcal.optics.light_map_cache import light_map_of
from kzcal.reconstruct.fit import Reconstructed, Reconstruction
from kzcal.reconstruct.scale import photons_per_visible_mev
from kzcal.response.detector import DetectorResponse
from kzcal.response.translator import hits_of, nominal_response

ENERGIES = (0.3, 0.6, 1.0, 2.0, 4.0, 8.0)
REACH = 5.5
WINDOW = (-150.0, 350.0)
DIRECT_EFFICIENCY, DIRECT_PHOTONS = 0.167, 8730.0
"""With these the map of bare geometry gives 336 photoelectrons per MeV, as the traced one does."""


@dataclass(frozen=True)
class Truth:
    """True vertex [m], visible energy [MeV] and emission time [ns] of each event."""

    vertex: np.ndarray
    energy: np.ndarray
    t0: np.ndarray


@dataclass(frozen=True)
class Row:
    """What the fits of one sample gave."""

    name: str
    n: int
    energy: float
    energy_resolution: float
    energy_bias: float
    vertex_resolution: float
    radius_bias: float
    t0_resolution: float
    pulls: tuple[float, float, float]
    rate: float
    busy_rate: float

    @classmethod
    def of(
        cls, name: str, truth: Truth, found: Reconstructed, seconds: tuple[float, float]
    ) -> Row:
        """Medians and widths of what was found against the truth."""
        known = np.isfinite(found.energy)
        energy, root = truth.energy[known], np.sqrt(truth.energy[known])
        miss = found.vertex[known] - truth.vertex[known]
        ratio = found.energy[known] / energy
        radius, true = (np.linalg.norm(v[known], axis=1) for v in (found.vertex, truth.vertex))
        late = found.t0[known] - truth.t0[known]
        error = np.sqrt(np.diagonal(found.covariance[known], axis1=1, axis2=2))
        return cls(
            name,
            len(energy),
            float(np.median(energy)),
            half_width((ratio - np.median(ratio)) * root),
            float(np.median(ratio) - 1),
            float(np.sqrt(3) * half_width((miss * root[:, None]).ravel())),
            float(np.median((radius - true)[true < REACH])),
            half_width(late),
            (
                half_width((miss / error[:, :3]).ravel()),
                half_width((found.energy[known] - energy * np.median(ratio)) / error[:, 3]),
                half_width(late / error[:, 4]),
            ),
            len(energy) / seconds[0],
            len(energy) / seconds[1],
        )


def half_width(values: np.ndarray) -> float:
    """Half of the central 68 %: the standard deviation of a Gaussian."""
    low, high = np.percentile(values, [15.87, 84.13])
    return float(high - low) / 2


def draw(
    light_map: LightMap, response: DetectorResponse, energy: float, scale: float, n: int, seed: int
) -> tuple[Truth, Events]:
    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    direction = rng.normal(size=(n, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    truth = Truth(
        REACH * np.cbrt(rng.random((n, 1))) * direction, np.full(n, energy), rng.normal(0, 5, n)
    )
    zeros = torch.zeros(n)
    sites = LightSites(
        event=torch.arange(n),
        position=torch.from_numpy(truth.vertex).float(),
        time=torch.from_numpy(truth.t0).float(),
        direction=torch.tensor([[0.0, 0.0, 1.0]]).repeat(n, 1),
        scintillation=torch.full((n,), energy * scale),
        cherenkov=zeros,
        beta=torch.ones(n),
        profile=zeros.long(),
        medium=torch.ones(n, dtype=torch.long),
    )
    light = light_map.sample(sites, generator=generator)
    window = tuple(torch.full((n,), edge) for edge in WINDOW)
    pulses = response.sample(light, window, ceiling=light_map.ceiling, generator=generator)
    nothing = np.full(n, np.nan, np.float32)
    number = np.arange(n)
    trigger, vertex = np.zeros(n, np.uint8), np.stack([nothing] * 3, axis=1)
    return truth, Events(number, number, trigger, vertex, nothing, nothing, hits_of(pulses, n))


def fitted(
    name: str, truth: Truth, events: Events, reconstruction: Reconstruction
) -> tuple[Row, Reconstructed]:
    reconstruction.fit(events[:50])
    clock, busy = time.perf_counter(), time.process_time()
    found = reconstruction.fit(events)
    seconds = time.perf_counter() - clock, time.process_time() - busy
    return Row.of(name, truth, found, seconds), found


def own_rows(options: argparse.Namespace) -> tuple[list[Row], Truth, Reconstructed]:
    detector = load_detector()
    light_map = light_map_of(detector, load_materials())
    response = nominal_response(detector)
    scale = photons_per_visible_mev(detector, light_map)
    reconstruction = Reconstruction(
        light_map.to(options.device), response.to(options.device), photons_per_mev=scale
    )
    rows, shown = [], None
    for k, energy in enumerate(ENERGIES):
        seed = options.seed + k
        truth, events = draw(light_map, response, energy, scale, options.events, seed)
        row, found = fitted(f"point-like, {energy:g} MeV", truth, events, reconstruction)
        rows.append(row)
        print(row, file=sys.stderr, flush=True)
        if energy == 2.0:
            shown = truth, found
    return rows, *shown


def challenge_rows(options: argparse.Namespace) -> list[Row]:
    reconstruction = challenge_reconstruction(options.challenge)
    rows = []
    for kind in CHALLENGE_KINDS:
        vertex, energy, events = challenge_events(options.challenge, kind, options.events)
        truth = Truth(vertex, energy, events.t0)
        row, _ = fitted(f"challenge, {kind}", truth, events, reconstruction)
        rows.append(row)
        print(row, file=sys.stderr, flush=True)
    return rows


def limit_rows(options: argparse.Namespace) -> list[Row]:
    """Events of 2 MeV in bare geometry with the light of KamLAND-Zen 800, for two kinds of PMT."""
    detector = load_detector()
    light_map = analytic_light_map(detector, efficiency=DIRECT_EFFICIENCY)
    nominal = nominal_response(detector)
    rows = []
    for name, response in (
        ("spreads of 1.3 and 2.5 ns", nominal),
        ("spreads of 1.0 ns", replace(nominal, tts=torch.ones_like(nominal.tts))),
    ):
        reconstruction = Reconstruction(light_map, response, photons_per_mev=DIRECT_PHOTONS)
        sample = draw(light_map, response, 2.0, DIRECT_PHOTONS, options.events, options.seed)
        rows.append(fitted(f"unscattered light, {name}", *sample, reconstruction)[0])
    return rows


HEADER = (
    "sample",
    "events",
    "energy, MeV",
    "σ_E, %/√E",
    "bias of E, %",
    "σ of the vertex, cm/√E",
    "bias of r, cm",
    "σ of t0, ns",
    "pulls: vertex, E, t0",
    "events/s",
    "events per CPU second",
)


def text(rows: list[Row]) -> str:
    return table(
        HEADER,
        [
            (
                row.name,
                row.n,
                f"{row.energy:.2f}",
                f"{100 * row.energy_resolution:.1f}",
                f"{100 * row.energy_bias:+.1f}",
                f"{100 * row.vertex_resolution:.1f}",
                f"{100 * row.radius_bias:+.1f}",
                f"{row.t0_resolution:.2f}",
                ", ".join(f"{pull:.2f}" for pull in row.pulls),
                f"{row.rate:.0f}",
                f"{row.busy_rate:.0f}",
            )
            for row in rows
        ],
    )


def draw_figure(path: Path, rows: list[Row], truth: Truth, found: Reconstructed) -> None:
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, middle, right = figure.subplots(1, 3)
    energy = [row.energy for row in rows]
    for axis, values, target, unit in (
        (left, [100 * row.energy_resolution for row in rows], 6.7, "energy, % / √E"),
        (middle, [100 * row.vertex_resolution for row in rows], 13.7, "vertex, cm / √E"),
    ):
        axis.plot(energy, values, "o-", color="tab:blue")
        axis.axhline(target, color="0.5", ls="--", lw=1)
        axis.annotate(
            f"KamLAND-Zen 800: {target}",
            (0.3, target),
            (0, 3),
            color="0.4",
            textcoords="offset points",
        )
        axis.set(xscale="log", xlabel="visible energy, MeV", ylabel=f"resolution of the {unit}")
        axis.set_xticks(energy, [f"{value:g}" for value in energy])
        axis.set_xticks([], minor=True)
        axis.set_ylim(0, 1.25 * max(*values, target))
    error = np.sqrt(np.diagonal(found.covariance, axis1=1, axis2=2))
    pulls = {
        "vertex": ((found.vertex - truth.vertex) / error[:, :3]).ravel(),
        "energy": (found.energy - truth.energy) / error[:, 3],
        "t0": (found.t0 - truth.t0) / error[:, 4],
    }
    edges = np.linspace(-4, 4, 33)
    for name, values in pulls.items():
        right.hist(
            values,
            edges,
            density=True,
            histtype="step",
            lw=1.4,
            label=f"{name}: {half_width(values):.2f}",
        )
    x = np.linspace(-4, 4, 200)
    right.plot(x, np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi), "k:", lw=1, label="expected: 1")
    right.set(xlabel="pulls at 2 MeV", ylabel="density")
    right.legend(title="width", frameon=False, fontsize=8)
    figure.savefig(path, dpi=130)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=500)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--challenge", type=Path)
    parser.add_argument("--no-own", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--limits", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows: list[Row] = []
    if options.limits:
        rows = limit_rows(options)
        if options.write is not None:
            write_part(options.write, "reconstruction_limits", text(rows))
        print(text(rows))
        return
    if not options.no_own:
        rows, truth, found = own_rows(options)
        if options.figure is not None:
            draw_figure(options.figure, rows, truth, found)
    if options.challenge is not None:
        rows += challenge_rows(options)
    print(json.dumps([asdict(row) for row in rows]) if options.json else text(rows))
    if options.write is not None:
        write_part(options.write, "reconstruction", text(rows))


if __name__ == "__main__":
    main()
