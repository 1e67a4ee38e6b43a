"""Photons traced per second and core, beside the same physics in plain torch.

    python benchmarks/tracer_speed.py [--photons 1000000] [--write docs/optics.md] [--json]

Both follow all their photons to the end, on one core, in KamLAND-Zen 800 with a source 3 m from
the centre; a photon counts once however often it is scattered or emitted again. The time is that
of the processor, so that other work on the machine does not count. Exit code 1 if the tracer
follows fewer than 1.3 million photons a second, or if the two do not collect the same light.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from pages import table, write_part
from torch import Tensor

from kzcal.geometry import load_detector
from kzcal.geometry.materials import load_materials
from kzcal.optics.photons_lookup import CELLS
from kzcal.optics.photons_tables import QUANTILES, PhotonTables
from kzcal.optics.tracer import FullTracer

SOURCE = (0.0, 1.8, 2.4)
LEAST = 1.3e6
BATCH = 50_000


@dataclass
class Light:
    """Photons on their way, one a row."""

    place: Tensor
    heading: Tensor
    medium: Tensor
    colour: Tensor

    def keep(self, rows: Tensor) -> Light:
        """Those of them."""
        return Light(*(c[rows] for c in (self.place, self.heading, self.medium, self.colour)))


class PlainTracer:
    """All photons of a batch go to their next boundary or interaction at once."""

    def __init__(self, tables: PhotonTables, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.tables = tables
        self.medium = torch.tensor(tables.medium).float()
        self.emitted = torch.tensor(tables.emitted).long()
        self.cumulative = torch.tensor(tables.cumulative).float()
        self.square = torch.tensor(tables.square_radius).float()
        self.cells = torch.tensor(tables.cells).long()
        self.pmt = torch.tensor(tables.pmt).float()
        self.accepted = torch.tensor(tables.accepted).float()

    def uniform(self, n: int) -> Tensor:
        """Numbers between 0 and 1, both ends excluded."""
        return torch.rand(n, generator=self.generator).clamp(1e-9, 1 - 1e-7)

    def isotropic(self, n: int) -> Tensor:
        """Directions."""
        z, phi = 2 * self.uniform(n) - 1, 2 * math.pi * self.uniform(n)
        rho = (1 - z * z).sqrt()
        return torch.stack([rho * phi.cos(), rho * phi.sin(), z], 1)

    def scattered(self, before: Tensor) -> Tensor:
        """Directions after Rayleigh scattering."""
        after = torch.empty_like(before)
        rows = torch.arange(len(before))
        while len(rows):
            after[rows] = self.isotropic(len(rows))
            cosine = (before[rows] * after[rows]).sum(1)
            rows = rows[2 * self.uniform(len(rows)) >= 1 + cosine**2]
        return after

    def detected(self, n: int) -> int:
        """How many of n photons are detected."""
        place = torch.tensor(SOURCE).expand(n, 3).clone()
        medium = torch.bucketize((place**2).sum(1), self.square)
        colour = self.emitted[medium, (self.uniform(n) * QUANTILES).long()]
        light = Light(place, self.isotropic(n), medium, colour)
        found = 0
        while len(light.place):
            stopped, outside = self.step(light)
            alive = torch.ones(len(light.place), dtype=torch.bool)
            self.interact(light, torch.nonzero(stopped).flatten(), alive)
            found += self.reach(light, torch.nonzero(outside).flatten(), alive)
            light = light.keep(alive)
        return found

    def step(self, light: Light) -> tuple[Tensor, Tensor]:
        """Move on; which photons interact, and which have come to the PMTs."""
        s = (light.place * light.heading).sum(1)
        miss = ((light.place**2).sum(1) - s * s).clamp(min=0)
        inner = torch.where(light.medium > 0, self.square[light.medium - 1], 0.0)
        inward = (s < -1e-6) & (miss < inner)
        bound = torch.where(inward, inner, self.square[light.medium])
        root = (bound - miss).clamp(min=0).sqrt()
        way = (torch.where(inward, -root, root) - s).clamp(min=0)
        total = self.medium[light.medium, light.colour, :2].sum(1)
        free = -self.uniform(len(s)).log() / total
        stopped = free < way
        light.place = light.place + torch.minimum(free, way)[:, None] * light.heading
        outside = ~stopped & ~inward & (light.medium == len(self.square) - 1)
        light.medium = light.medium + torch.where(stopped | outside, 0, torch.where(inward, -1, 1))
        return stopped, outside

    def interact(self, light: Light, rows: Tensor, alive: Tensor) -> None:
        """Scattering, re-emission or loss."""
        medium, colour = light.medium[rows], light.colour[rows]
        at = self.medium[medium, colour]
        scatters = self.uniform(len(rows)) * at[:, :2].sum(1) < at[:, 1]
        light.heading[rows[scatters]] = self.scattered(light.heading[rows[scatters]])
        rows, medium, colour, at = (c[~scatters] for c in (rows, medium, colour, at))
        shorter = self.cumulative[medium, colour]
        quantile = ((shorter + self.uniform(len(rows)) * (1 - shorter)) * QUANTILES).long()
        again = (self.uniform(len(rows)) < at[:, 3]) & (quantile < QUANTILES)
        alive[rows[~again]] = False
        light.colour[rows[again]] = self.emitted[medium[again], quantile[again]]
        light.heading[rows[again]] = self.isotropic(int(again.sum()))

    def pmt_at(self, unit: Tensor) -> tuple[Tensor, Tensor]:
        """Whether a disc covers each unit vector, and whose."""
        axis = unit.abs().argmax(1, keepdim=True)
        a, b, c = (unit.gather(1, (axis + i) % 3)[:, 0] for i in range(3))
        face = 2 * axis[:, 0] + (a < 0)
        i, j = (((v / a.abs() + 1) * (CELLS / 2)).long().clamp(max=CELLS - 1) for v in (b, c))
        near = self.cells[(face * CELLS + i) * CELLS + j]
        over = (unit[:, None] * self.pmt[near, :3]).sum(2) - self.pmt[near, 3]
        margin, best = torch.where(near >= 0, over, -1.0).max(1)
        return margin > 0, near.gather(1, best[:, None])[:, 0]

    def reach(self, light: Light, rows: Tensor, alive: Tensor) -> int:
        """PMTs and black sheet; how many photons are detected."""
        normal = light.place[rows] / light.place[rows].norm(dim=1, keepdim=True)
        on_pmt, pmt = self.pmt_at(normal)
        bound = torch.where(on_pmt, self.tables.pmt_reflectivity, self.tables.sheet_reflectivity)
        reflected = self.uniform(len(rows)) < bound
        heading = light.heading[rows]
        mirror = heading - 2 * (heading * normal).sum(1, keepdim=True) * normal
        lambert = self.isotropic(len(rows)) - normal
        lambert = lambert / lambert.norm(dim=1, keepdim=True)
        light.heading[rows] = torch.where(on_pmt[:, None], mirror, lambert)
        alive[rows[~reflected]] = False
        incidence = (heading * self.pmt[pmt, :3]).sum(1)
        response = 1 + self.tables.angular_slope * (incidence - 0.85)
        seen = self.uniform(len(rows)) < self.accepted[light.colour[rows]] * response
        return int((seen & on_pmt & ~reflected).sum())


def timed(trace: Callable[[int], int], photons: int) -> tuple[float, float]:
    """Photons per second of the processor, and the share that is detected."""
    trace(1000)
    start = time.process_time()
    found = trace(photons)
    return photons / (time.process_time() - start), found / photons


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photons", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", type=Path, help="page that gets the table")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    tracer = FullTracer(load_detector(), load_materials())
    plain = PlainTracer(tracer.tables, seed=1)
    generator = torch.Generator().manual_seed(1)

    def full(n: int) -> int:
        return len(tracer.trace(np.array([SOURCE]), n, generator=generator).pmt)

    def eager(n: int) -> int:
        return sum(plain.detected(min(BATCH, n - i)) for i in range(0, n, BATCH))

    fast, share = timed(full, arguments.photons)
    slow, other = timed(eager, arguments.photons // 5)
    error = math.sqrt(share / arguments.photons * 6)
    result = {
        "tracer_photons_per_second": fast,
        "plain_photons_per_second": slow,
        "ratio": fast / slow,
        "tracer_share": share,
        "plain_share": other,
        "share_error": error,
    }
    rows = [["compiled", f"{fast / 1e6:.2f}", f"{share:.4f}"]]
    rows += [["plain torch", f"{slow / 1e6:.3f}", f"{other:.4f}"]]
    text = table(["", "million photons per second and core", "share detected"], rows)
    text += f"\n\n{fast / slow:.0f} times as fast; the shares have an error of {error:.4f}."
    if arguments.write:
        write_part(arguments.write, "tracer_speed", text)
    print(json.dumps(result) if arguments.json else text)
    return 0 if fast >= LEAST and abs(share - other) < 4 * error else 1


if __name__ == "__main__":
    sys.exit(main())
