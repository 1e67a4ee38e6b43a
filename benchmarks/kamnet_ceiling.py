"""How well hits can tell a double-beta decay from 214Bi at all: the likelihood ratio itself.

    python benchmarks/kamnet_ceiling.py MODEL --db kz.db --tag TAG --run RUN [--events 200]
        [--write docs/kamnet.md]

The likelihood of an event's hits is averaged over decays of 214Bi that are drawn anew, with all
their sites, and over vertices and emission times as uncertain as the reconstruction. The density
of single-site light is that of challenge events at their true vertex. MODEL is judged by the same
events. What this likelihood does not know: PMTs have resolutions of their own.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64
from kamnet_small import CHALLENGE, CPU, DETECTOR, area, rejection, told
from kzcal_kamnet import KAMNET
from kzcal_kamnet.arrival import EMISSION_ERROR, FIRST, N_STEP, STEP, VERTEX_ERROR, Arrival
from kzcal_kamnet.light import SeenLight
from pages import table, write_part

from kzcal.classify.corrected import LIGHT_SPEED, Correction, corrected_events
from kzcal.classify.model import ClassifierDirectory
from kzcal.geometry import Detector, load_detector
from kzcal.geometry.adjusted import detector_at
from kzcal.geometry.materials import load_materials
from kzcal.io.source import open_events
from kzcal.learning import CorrectedEvents
from kzcal.plugins import load
from kzcal.simulate.constants import Constants
from kzcal.translate.decays import Quenching

DRAWS, POOL = 1500, 40_000
"""Decays that an event is compared with, and decays that they are picked from."""
ENERGIES, SMALLEST, CELL = (2.0, 2.6), 0.005, 0.03
"""Quenched MeV of the decays, least share of a site, and metres within which sites are one."""
EARLIEST, LATEST = -12.0, 45.0
"""Residuals that are compared, ns."""
WIDER = 2.0
"""Variance of the vertices and times that are tried, over that of a single site's fit."""


@dataclass(frozen=True, slots=True)
class Decays:
    """Sites of decays about the centroid of their light.

    Args:
        first: row of the first site of each decay, and the number of all at the end.
        place: m.
        time: ns.
        share: of the decay's light.
    """

    first: Int64[np.ndarray, " decay_and_end"]
    place: Float32[np.ndarray, "site 3"]
    time: Float32[np.ndarray, " site"]
    share: Float32[np.ndarray, " site"]


def decays(detector: Detector, constants: Constants) -> Decays:
    """Sites of 214Bi decays of the energies asked for; those in one cell are one."""
    shared = constants.shared()
    quenching = Quenching.of(detector_at(detector, shared), load_materials(), shared)
    source = load(()).sources["bi214"].build()
    generator = np.random.default_rng(5)
    light, energy = quenching.light(source, np.zeros((POOL, 3)), generator=generator)
    chosen = ((energy > ENERGIES[0]) & (energy < ENERGIES[1]))[light.event.numpy()]
    event, place = light.event.numpy()[chosen], light.position.numpy()[chosen]
    weight, time = light.scintillation.numpy()[chosen], light.time.numpy()[chosen]
    cells = np.column_stack([event, np.floor(place / CELL)])
    _, site = np.unique(cells, axis=0, return_inverse=True)
    total = np.bincount(site.ravel(), weight)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.bincount(site.ravel(), weight * values) / total, np.float32)

    decay = np.rint(mean(event.astype(float))).astype(np.int64)
    share = total / np.bincount(decay, total)[decay]
    kept = share > SMALLEST
    _, first = np.unique(decay[kept], return_index=True)
    places = np.stack([mean(axis) for axis in place.T], 1)
    ends = np.append(first, kept.sum())
    return Decays(ends, places[kept], mean(time)[kept], share[kept].astype(np.float32))


def log_ratio(
    arrival: Arrival, hits: SeenLight, pool: Decays, generator: np.random.Generator
) -> float:
    """Logarithm of the likelihood of a single site over that of the decays, of one event."""
    kept = (hits.residual > EARLIEST) & (hits.residual < LATEST)
    direction, kind = hits.direction[kept].numpy(), hits.kind[kept].numpy()
    residual, density = hits.residual[kept].numpy(), arrival.density.numpy()
    slope = np.column_stack([direction / LIGHT_SPEED, -np.ones(len(kind))])
    known = (slope * arrival.information.numpy()[kind][:, None]).T @ slope
    tried, weight = _tried(arrival, hits, known, generator)
    picked = generator.integers(0, len(pool.first) - 1, DRAWS)
    count = np.diff(pool.first)[picked]
    ends = np.cumsum(count)
    site = np.repeat(pool.first[picked] - (ends - count), count) + np.arange(ends[-1])

    def densities(place: np.ndarray, time: np.ndarray) -> np.ndarray:
        at = residual - time[:, None] + place @ direction.T / LIGHT_SPEED
        step = np.clip((at - FIRST) / STEP, 0, N_STEP - 1).astype(np.int32)
        return np.asarray(density.ravel()[kind * N_STEP + step])

    of_draw = np.repeat(np.arange(DRAWS), count)
    moved = tried[:, :3].astype(np.float32)
    each = densities(moved[of_draw] + pool.place[site], tried[of_draw, 3] + pool.time[site])
    several = np.add.reduceat(each * pool.share[site, None], ends - count, axis=0)
    one = densities(moved, tried[:, 3])
    logs = [np.log(part).sum(1) + weight for part in (one, several)]
    first, second = (np.logaddexp.reduce(values) for values in logs)
    return float(first - second)


def _tried(
    arrival: Arrival,
    hits: SeenLight,
    known: Float64[np.ndarray, "4 4"],
    generator: np.random.Generator,
) -> tuple[Float64[np.ndarray, "draw 4"], Float64[np.ndarray, " draw"]]:
    """Vertices [m] and times [ns] about the best ones, and the log of prior over proposal."""
    _, best = arrival.located(hits)
    per_axis = 3.0 * float(hits.energy[0]) / VERTEX_ERROR**2
    prior = np.array([per_axis, per_axis, per_axis, EMISSION_ERROR**-2])
    spread = WIDER * np.linalg.inv(known + np.diag(prior))
    spread[3, 3] += 0.25 * EMISSION_ERROR**2
    tried = generator.multivariate_normal(best[0].double().numpy(), spread, DRAWS)
    off = tried - best[0].double().numpy()
    proposed = np.einsum("ni,ij,nj->n", off, np.linalg.inv(spread), off)
    return tried, 0.5 * proposed - 0.5 * tried**2 @ prior


def main() -> None:
    """Compare the likelihood ratio with a model."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--db", required=True)
    parser.add_argument("--tag", required=True)
    parser.add_argument("--run", type=int, required=True)
    parser.add_argument("--events", type=int, default=200, help="of each kind")
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    detector = load_detector(DETECTOR)
    constants = Constants.stored(arguments.db, arguments.tag, arguments.run)
    correction = Correction.of(constants.payload(detector), detector)
    with open_events(CHALLENGE / "topology_train.h5", detector) as source:
        truth = source.table().truth
        events = corrected_events(source, detector, correction)
    signal = truth["kind"] == b"bb"
    true = np.stack([truth[axis] for axis in "xyz"], 1)
    rows = np.concatenate(
        [np.flatnonzero(signal == s)[-arguments.events :] for s in (True, False)]
    )
    arrival = _arrival_at(true, events, np.flatnonzero(signal)[:2000], detector)
    pool, generator = decays(detector, constants), np.random.default_rng(1)
    ratio = [
        log_ratio(arrival, SeenLight.of(events.take(row[None]), detector, CPU), pool, generator)
        for row in rows
    ]
    model = ClassifierDirectory(arguments.model).classifier(KAMNET, detector, CPU)
    scores = {"likelihood ratio": np.array(ratio), "kamnet": model.score(events.take(rows))}
    lines = [
        (name, told(rejection, score, signal[rows]), told(area, score, signal[rows]))
        for name, score in scores.items()
    ]
    head = (f"{arguments.events} + {arguments.events} events", "rejection at 90 %", "area")
    text = table(head, lines)
    sys.stdout.write(f"{text}\n")
    if arguments.write:
        write_part(arguments.write, "kamnet_ceiling", text)


def _arrival_at(
    true: np.ndarray, events: CorrectedEvents, rows: np.ndarray, detector: Detector
) -> Arrival:
    """Density of residuals about true vertices, emission times as the hits tell them."""
    light = SeenLight.of(events.take(rows), detector, CPU)
    away = torch.from_numpy((true - events.vertex)[rows]).float()
    there, arrival = light.moved(away, torch.zeros(len(rows))), Arrival()
    arrival.count(there)
    for _ in range(2):
        _, shift = arrival.located(there)
        arrival.count(there.moved(torch.zeros_like(away), shift[:, 3]))
    return arrival


if __name__ == "__main__":
    main()
