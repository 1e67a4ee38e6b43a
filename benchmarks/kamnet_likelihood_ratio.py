"""How well a likelihood ratio tells a double-beta decay from 214Bi, beside a model of kamnet.

    python benchmarks/kamnet_likelihood_ratio.py MODEL --db kz.db --tag TAG --run RUN
        [--events 200] [--draws 10000] [--write docs/kamnet.md]

The likelihood of an event's hits is averaged over decays of 214Bi that are drawn anew, with all
their sites, and over vertices and emission times as uncertain as the reconstruction. The density
of single-site light is that of challenge events at their true vertex. MODEL is judged by the same
events. The average is over two sets of draws, and how much these differ is told. A finite number
of draws is noise in the ratio, and PMTs have resolutions of their own, which it does not know:
what it rejects is a lower bound of what the hits hold.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64
from kamnet_small import ACCEPTANCE, CHALLENGE, CPU, DETECTOR, Labels, area, rejection, told
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

POOL, SETS = 40_000, 2
"""Decays that those of the right energy are picked from, and independent sets of draws."""
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
        delay: of a decay's light after the decay, on average, ns.
    """

    first: Int64[np.ndarray, " decay_and_end"]
    place: Float32[np.ndarray, "site 3"]
    time: Float32[np.ndarray, " site"]
    share: Float32[np.ndarray, " site"]
    delay: Float32[np.ndarray, " decay"]


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
    times, shares = mean(time)[kept], share[kept].astype(np.float32)
    delay = np.add.reduceat(times * shares, first) / np.add.reduceat(shares, first)
    return Decays(ends, places[kept], times, shares, delay)


def log_ratio(
    arrival: Arrival, hits: SeenLight, pool: Decays, draws: int, generator: np.random.Generator
) -> float:
    """Logarithm of the likelihood of a single site over that of the decays, of one event.

    A draw is a vertex, a mean time of the light, and a decay, which began its delay earlier.
    """
    kept = (hits.residual > EARLIEST) & (hits.residual < LATEST)
    direction, kind = hits.direction[kept].numpy(), hits.kind[kept].numpy()
    slope = np.column_stack([direction / LIGHT_SPEED, -np.ones(len(kind))])
    known = (slope * arrival.information.numpy()[kind][:, None]).T @ slope
    tried, proposed, prior = _tried(arrival, hits, known, draws, generator)
    picked = generator.integers(0, len(pool.delay), draws)
    began = tried.copy()
    began[:, 3] -= pool.delay[picked]
    seen = (hits.residual[kept].numpy(), direction / np.float32(LIGHT_SPEED), kind * N_STEP)
    sites = (pool.first, pool.place, pool.time, pool.share)
    one, several = _log_likelihoods(
        seen, arrival.density.numpy().ravel(), sites, picked, tried.astype(np.float32), pool.delay
    )
    first = np.logaddexp.reduce(one + proposed - 0.5 * tried**2 @ prior)
    second = np.logaddexp.reduce(several + proposed - 0.5 * began**2 @ prior)
    return float(first - second)


@numba.njit(error_model="numpy", fastmath=True)
def _log_likelihoods(
    seen: tuple[np.ndarray, np.ndarray, np.ndarray],
    density: np.ndarray,
    sites: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    picked: np.ndarray,
    tried: np.ndarray,
    delay: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Of each draw, the log-likelihood of the hits from one site and from all of the decay's."""
    residual, across, row = seen
    first, place, time, share = sites
    one, several = np.zeros(len(picked)), np.zeros(len(picked))
    mixed = np.empty(len(residual), np.float32)

    def at(hit: int, x: float, y: float, z: float, late: float) -> float:
        nearer = across[hit, 0] * x + across[hit, 1] * y + across[hit, 2] * z
        step = np.int64((residual[hit] - late + nearer - FIRST) / STEP)
        return density[row[hit] + min(max(step, 0), N_STEP - 1)]

    for draw in range(len(picked)):
        x, y, z, mean_time = tried[draw]
        decay = picked[draw]
        for hit in range(len(mixed)):
            one[draw] += np.log(at(hit, x, y, z, mean_time))
        mixed[:] = 0.0
        for site in range(first[decay], first[decay + 1]):
            late = mean_time - delay[decay] + time[site]
            from_x, from_y, from_z = x + place[site, 0], y + place[site, 1], z + place[site, 2]
            for hit in range(len(mixed)):
                mixed[hit] += share[site] * at(hit, from_x, from_y, from_z, late)
        for hit in range(len(mixed)):
            several[draw] += np.log(mixed[hit])
    return one, several


def _tried(
    arrival: Arrival,
    hits: SeenLight,
    known: Float64[np.ndarray, "4 4"],
    draws: int,
    generator: np.random.Generator,
) -> tuple[Float64[np.ndarray, "draw 4"], Float64[np.ndarray, " draw"], Float64[np.ndarray, "4"]]:
    """Vertices and times about the best ones, and what weighs them.

    Returns:
        Vertices [m] and times [ns], minus the log of their proposal, and the inverse variances
        of the reconstruction.
    """
    _, best = arrival.located(hits)
    per_axis = 3.0 * float(hits.energy[0]) / VERTEX_ERROR**2
    prior = np.array([per_axis, per_axis, per_axis, EMISSION_ERROR**-2])
    spread = WIDER * np.linalg.inv(known + np.diag(prior))
    spread[3, 3] += 0.25 * EMISSION_ERROR**2
    tried = generator.multivariate_normal(best[0].double().numpy(), spread, draws)
    off = tried - best[0].double().numpy()
    return tried, 0.5 * np.einsum("ni,ij,nj->n", off, np.linalg.inv(spread), off), prior


def noise(sets: Float64[np.ndarray, "two event"], signal: Labels, draws: int) -> str:
    """How much two sets of draws differ, beside how much events do."""
    scatter = np.sqrt(np.mean(np.diff(sets, axis=0)[0] ** 2 / 2.0, where=signal))
    spread = np.std(sets.mean(0)[signal])
    shares = " and ".join(f"{rejection(ratio, signal):.3f}" for ratio in sets)
    return (
        f"Each set of {draws:,} draws alone rejects {shares} at {100 * ACCEPTANCE:.0f} %. The log "
        f"ratio of bb scatters by {scatter:.2f} from set to set and by {spread:.2f} from event to "
        f"event."
    )


def main() -> None:
    """Compare the likelihood ratio with a model."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--db", required=True)
    parser.add_argument("--tag", required=True)
    parser.add_argument("--run", type=int, required=True)
    parser.add_argument("--events", type=int, default=200, help="of each kind")
    parser.add_argument("--draws", type=int, default=10_000, help="of each of two sets")
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
    pool = decays(detector, constants)
    seen = [SeenLight.of(events.take(row[None]), detector, CPU) for row in rows]
    sets = np.array(
        [
            [log_ratio(arrival, light, pool, arguments.draws, generator) for light in seen]
            for generator in np.random.default_rng(1).spawn(SETS)
        ]
    )
    model = ClassifierDirectory(arguments.model).classifier(KAMNET, detector, CPU)
    both = -np.logaddexp.reduce(-sets, axis=0)
    scores = {"likelihood ratio": both, "kamnet": model.score(events.take(rows))}
    lines = [
        (name, told(rejection, score, signal[rows]), told(area, score, signal[rows]))
        for name, score in scores.items()
    ]
    head = (f"{arguments.events} + {arguments.events} events", "rejection at 90 %", "area")
    text = f"{table(head, lines)}\n\n{noise(sets, signal[rows], arguments.draws)}"
    sys.stdout.write(f"{text}\n")
    if arguments.write:
        write_part(arguments.write, "kamnet_likelihood_ratio", text)


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
