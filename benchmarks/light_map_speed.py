"""How fast the light map is made and used, and how far its slopes reach, as tables.

    python benchmarks/light_map_speed.py [--events 4096] [--write docs/light_map.md]

Rates are events or vertices per second of processor time, all threads together, so that what else
the machine does matters little; --threads sets how many there are.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from light_map_agreement import compare, points
from pages import table, write_part

from kzcal.geometry import Detector, load_detector
from kzcal.geometry.materials import Materials, load_materials
from kzcal.light import LightSites
from kzcal.optics.light_map import LightMap
from kzcal.optics.light_map_build import build_light_map
from kzcal.optics.light_map_tracing import MapPrecision
from kzcal.optics.tracer import FullTracer

ENERGY, PHOTONS, CHERENKOV = 2.0, 8000.0, 400.0
"""MeV, and photons per MeV."""

CHANGES = {
    "absorption_scale": (0.8, 0.9, 1.1, 1.25),
    "scattering_scale": (0.7, 1.4),
    "pmt_reflectivity": (0.1, 0.25),
    "sheet_reflectivity": (0.05, 0.15),
}
RADII = (0.0, 3.1, 5.9)


def events(n: int, sites: int, spread: float) -> LightSites:
    """Events of 2 MeV within 1.9 m, their light in equal parts from points that lie apart [m]."""
    rng = np.random.default_rng(1)
    unit = rng.normal(size=(n, 1, 3))
    unit /= np.linalg.norm(unit, axis=2, keepdims=True)
    position = 1.9 * np.cbrt(rng.random((n, 1, 1))) * unit
    position = position + spread * rng.normal(size=(n, sites, 3))
    total = n * sites
    return LightSites(
        event=torch.arange(n).repeat_interleave(sites),
        position=torch.tensor(position.reshape(-1, 3), dtype=torch.float32),
        time=torch.zeros(total),
        direction=torch.tensor([[0.0, 0.0, 1.0]]).repeat(total, 1),
        scintillation=torch.full((total,), ENERGY * PHOTONS / sites),
        cherenkov=torch.full((total,), ENERGY * CHERENKOV / sites),
        beta=torch.full((total,), 0.95),
        profile=torch.zeros(total, dtype=torch.long),
        medium=torch.zeros(total, dtype=torch.long),
    )


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Time on the wall and of the processors that the best of three runs takes."""
    found = []
    for _ in range(3):
        wall, processor = time.perf_counter(), time.process_time()
        work()
        found.append((time.perf_counter() - wall, time.process_time() - processor))
    return min(wall for wall, _ in found), min(processor for _, processor in found)


def speeds(light_map: LightMap, n: int) -> str:
    """Table of rates."""
    generator = torch.Generator().manual_seed(1)
    rows = []
    for name, sites in (
        ("sample: 2 MeV at one point", events(n, 1, 0.0)),
        ("sample: 2 MeV at 5 points within a centimetre", events(n, 5, 0.005)),
        ("sample: 2 MeV at 12 points, 0.35 m apart", events(n, 12, 0.2)),
    ):
        drawn = light_map.sample(sites, generator=generator)
        wall, processor = seconds(lambda s=sites: light_map.sample(s, generator=generator))
        rows.append((name, len(drawn.pmt) / n, f"{n / wall:.0f}", f"{n / processor:.0f}"))
    vertex = events(512, 1, 0.0).position
    for name, work in (
        ("collection: all PMTs of a vertex", light_map.collection),
        ("collection_and_gradient", light_map.collection_and_gradient),
    ):
        wall, processor = seconds(lambda work=work: work(vertex))
        rows.append((name, "", f"{len(vertex) / wall:.0f}", f"{len(vertex) / processor:.0f}"))
    head = ("what", "photoelectrons", "per second", "per second of one processor")
    return table(head, rows)


def built(detector: Detector, materials: Materials) -> tuple[LightMap, str]:
    """The map, and a sentence on what making it takes."""
    wall, processor = time.perf_counter(), time.process_time()
    light_map = build_light_map(detector, materials)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    precision = MapPrecision()
    photons = len(light_map.radius) * (precision.photons + precision.cherenkov_photons)
    return light_map, (
        f"Making the map of {photons / 1e6:.0f} million photons takes {processor:.0f} s of "
        f"processor time; it took {wall:.0f} s on this machine."
    )


def moved(detector: Detector, materials: Materials, light_map: LightMap, light: float) -> str:
    """Table of how a moved map compares with the tracer of that light."""
    rows = []
    for name, values in CHANGES.items():
        for value in values:
            other = replace(detector, light=replace(detector.light, **{name: value}))
            tracer, there = FullTracer(other, materials), light_map.moved(**{name: value})
            found = [compare(tracer, there, points(r, light)) for r in RADII]
            off = [100 * (one.counts.sum() / one.expected.sum() - 1) for one in found]
            shape = [100 * one.systematic for one in found]
            start = getattr(detector.light, name)
            rows.append((f"{name} {start} → {value}", *(f"{x:+.1f}" for x in off), max(shape)))
    head = ("change", *(f"light at {r} m, tracer less map (%)" for r in RADII))
    return table((*head, "by type and angle, largest rms (%)"), rows)


def main() -> None:
    """Measure and print or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=4096)
    parser.add_argument("--light", type=float, default=1e5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    detector, materials = load_detector(), load_materials()
    light_map, making = built(detector, materials)
    where = f"{torch.get_num_threads()} threads, torch {torch.__version__}"
    rates = f"{speeds(light_map, options.events)}\n\nMeasured with {where}. "
    parts = {
        "speed": rates + making,
        "moved": moved(detector, materials, light_map, options.light),
    }
    for name, text in parts.items():
        print(text, end="\n\n")
        if options.write:
            write_part(options.write, name, text)


if __name__ == "__main__":
    main()
