"""What the tracer says of KamLAND-Zen 800: hit times, collection and the fates of photons.

python benchmarks/tracer_figure.py docs/tracer.png [--photons 400000] [--write docs/optics.md]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from pages import table, write_part

from kzcal.geometry import load_detector
from kzcal.geometry.materials import load_materials
from kzcal.optics.photons import FATES
from kzcal.optics.tracer import SLOPES, Detections, FullTracer
from kzcal.particles import GAMMA
from kzcal.physics.given import GivenParticle
from kzcal.physics.transport import Transport

RADII = (0.0, 1.5, 3.0, 4.5, 6.0)
QUENCHED_MEV = 0.96
"""Of a visible MeV, which is 1 / 2.2246 of the light of a gamma from a neutron's capture."""

CAPTURE_MEV = 2.2246
SPEED = 0.1965
DIRECTION = np.array([0.36, 0.48, 0.80])


def draw_times(axes: Axes, found: Detections, distance: np.ndarray, label: str) -> None:
    """Arrival less the way to the PMT, at emission without scintillation time."""
    delay = found.time - distance[found.pmt] / SPEED
    axes.hist(delay, np.arange(-3, 120, 0.5), histtype="step", density=True, label=label)
    axes.set(yscale="log", xlabel="time after the light's way [ns]", ylabel="photoelectrons / ns")


def draw_collection(axes: Axes, found: Detections, light: np.ndarray, label: str) -> None:
    """Collected light over the solid angle of the disc, by distance."""
    distance, solid_angle, photons = light
    counts = np.bincount(found.pmt, minlength=len(distance)) * found.weight / photons
    groups = np.array_split(np.argsort(distance), 25 if np.ptp(distance) > 0.1 else 1)
    centre = [distance[group].mean() for group in groups]
    ratio = [counts[group].sum() / solid_angle[group].sum() for group in groups]
    axes.plot(centre, ratio, ".-", label=label)
    axes.set(xlabel="distance [m]", ylabel="p.e. per photon and solid angle of the disc")


def capture_gammas(name: str, n: int = 400) -> str:
    """Photoelectrons per visible MeV of gammas from neutron captures at the centre."""
    detector, random = load_detector(name), np.random.default_rng(1)
    gammas = GivenParticle(GAMMA, CAPTURE_MEV).sample(n, generator=random)
    transport = Transport(detector)
    light = transport.light(transport.deposits(gammas, np.zeros((n, 3)), generator=random))
    tracer = FullTracer(detector, load_materials(), ceiling=1.0)
    drawn = tracer.sample(light, generator=torch.Generator().manual_seed(1))
    counts = np.bincount(drawn.event.numpy(), minlength=n) / CAPTURE_MEV
    error = counts.std() / np.sqrt(n)
    return f"{detector.name}: {counts.mean():.0f} ± {error:.0f} p.e. per visible MeV"


def main() -> None:
    """Draw the figure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("figure", type=Path)
    parser.add_argument("--photons", type=int, default=400_000)
    parser.add_argument("--write", type=Path, help="page that gets the table")
    arguments = parser.parse_args()
    detector = load_detector()
    tracer = FullTracer(detector, load_materials())
    generator = torch.Generator().manual_seed(1)
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    columns = []
    for radius in RADII:
        point = radius * DIRECTION
        found = tracer.trace(point[None], arguments.photons, generator=generator)
        way = detector.positions - point
        distance = np.linalg.norm(way, axis=1)
        cosine = (way * detector.directions).sum(1) / distance
        solid_angle = detector.aperture_radius**2 * cosine / (4 * distance**2)
        label = f"r = {radius} m"
        draw_times(left, found, distance, label)
        draw_collection(right, found, (distance, solid_angle, arguments.photons), label)
        light = found.weight * len(found.pmt) / arguments.photons
        medium = np.searchsorted([m.outer_radius_m for m in detector.media], radius)
        per_mev = light * QUENCHED_MEV * detector.media[medium].photons_per_mev
        shares = (found.fates[fate] / arguments.photons for fate in FATES[:4])
        columns.append([f"{per_mev:.0f}", *(f"{share:.3f}" for share in shares)])
        columns[-1] += [f"{slope:.3f}" for slope in found.slopes.mean(0)]
    left.legend()
    figure.savefig(arguments.figure, dpi=100)
    names = ["p.e. per visible MeV", *FATES[:4], *(f"slope in {name}" for name in SLOPES)]
    rows = [[name, *row] for name, row in zip(names, zip(*columns, strict=True), strict=True)]
    text = table(["", *(f"r = {radius} m" for radius in RADII)], rows)
    lines = "; ".join(capture_gammas(name) for name in ("kamland-zen-800", "kamland2-zen"))
    text += f"\n\nGammas of neutron captures at the centre, with all their light: {lines}."
    if arguments.write:
        write_part(arguments.write, "tracer_figure", text)
    print(text)


if __name__ == "__main__":
    main()
