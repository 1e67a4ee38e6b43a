"""A run with known light: every photon traced in a detector at the injected truth.

Vertices, energies and emission times are the true ones with Gaussian errors, as a reconstruction
with these resolutions would find them. Assumption: a reconstruction has no bias that depends on
the light; `kzcal reconstruct` of the same events would settle it, for some milliseconds each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from kzcal.calibrate.demo import draw_truth
from kzcal.conditions.database import Database
from kzcal.conditions.nominal import bookkeeping
from kzcal.conditions.payload import Column, GlobalBlock, Lineage, Payload
from kzcal.conditions.quantities import GLOBAL_FIT, GOOD, QUANTITIES, RESPONSE
from kzcal.geometry import Detector, load_detector
from kzcal.hits import Events
from kzcal.io.hdf5_writer import event_writer
from kzcal.simulate.chain import T0_SPREAD_NS, Batch, Simulated
from kzcal.simulate.cocktail import Cocktail, ForcedTriggers, Ingredient
from kzcal.simulate.constants import Constants
from kzcal.simulate.muons import MuonRates
from kzcal.simulate.order import in_time_order
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.separation import SEPARATION_NS, part_events
from kzcal.simulate.setup import Setup
from kzcal.simulate.timeline import tasks
from kzcal.simulate.workers import Simulation

RUN, TAG, DAY_S = 1, "truth", 86_400.0
DECAYS: Mapping[str, int] = {"bi210": 600, "po210": 1000, "c11": 1000, "bipo214": 600}
CAPTURES, FORCED = 2000, 1000
CAPTURES_PER_MUON = 0.19
DARK_ABOVE_THRESHOLD = 0.8
"""Share of dark pulses that pass the discriminator, roughly."""
ENERGY_RESOLUTION = 0.067
"""At 1 MeV; falls with the root of the energy. Source: KamLAND-Zen 800's published figure."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """Errors of the reconstruction.

    Args:
        vertex: standard deviation at 1 MeV, three axes together, m.
        t0: of the emission time, ns.
    """

    vertex: float
    t0: float


def write_run(
    path: Path,
    scratch: Path,
    truth: Mapping[str, float],
    resolution: Resolution,
    *,
    scale: float,
    seed: int,
) -> None:
    """Write a run of calibration samples.

    Args:
        path: the event file.
        scratch: directory for a database with the truth.
        truth: values of global parameters, by the names of the global fit.
        resolution: of the reconstruction.
        scale: of the number of events.
        seed: decides everything, the constants of the PMTs included.
    """
    detector = load_detector()
    place = str(scratch / "truth.db")
    with Database.init(place) as db:
        payloads = [constants(detector, truth, seed=seed), shared(truth)]
        db.store(TAG, RUN, RUN, payloads, "injected", description="truth of a closure")
    recipe = Setup(_cocktail(scale, seed), Constants.stored(place, TAG, RUN), reconstructs=False)
    simulation = recipe.open()
    with event_writer(path, simulation.header, simulation.muons) as append:
        for part in _events(simulation, resolution, seed):
            append(part)


def constants(detector: Detector, truth: Mapping[str, float], *, seed: int) -> Payload:
    """Constants of every PMT, drawn about the means that the truth gives."""
    drawn = draw_truth(detector, seed=seed)
    status = np.where(drawn.status == "swapped", GOOD, drawn.status)
    values = {q.name: np.array(getattr(drawn, q.name), np.float64) for q in QUANTITIES}
    values["dark_rate"] *= DARK_ABOVE_THRESHOLD
    values["time_offset"] -= values["time_offset"][status == GOOD].mean()
    for size in (17, 20):
        rows = detector.diameter_inch == size
        good = rows & (status == GOOD)
        values["qe"][rows] /= values["qe"][good].mean()
        wanted = truth.get(f"tts_mean_{size}")
        if wanted is not None:
            values["tts"][rows] *= wanted / np.sqrt((values["tts"][good] ** 2).mean())
    columns = bookkeeping(status)
    for q in QUANTITIES:
        errors = np.zeros(detector.n_pmt)
        columns[q.name] = Column(values[q.name], q.unit, q.doc, errors)
    return Payload(RESPONSE, columns, None, Lineage(seed=seed))


def shared(truth: Mapping[str, float]) -> Payload:
    """The truth of the global parameters as a global fit would store it, without errors."""
    names, n = tuple(truth), len(truth)
    values = np.array(list(truth.values()), np.float64)
    block = GlobalBlock(names, values, ("1",) * n, np.zeros((n, n)), ("injected",) * n)
    return Payload(GLOBAL_FIT, {}, block, Lineage())


def _cocktail(scale: float, seed: int) -> Cocktail:
    """A day with the calibration samples."""
    parts = (Ingredient(name, "ls", number=round(scale * n)) for name, n in DECAYS.items())
    return Cocktail(
        RUN,
        tuple(parts),
        seed=seed,
        duration_s=DAY_S,
        light="full",
        muons=MuonRates(rate_hz=scale * CAPTURES / CAPTURES_PER_MUON / DAY_S),
        forced=ForcedTriggers(number=round(scale * FORCED)),
    )


def _events(simulation: Simulation, resolution: Resolution, seed: int) -> Iterator[Events]:
    """Events in time order, with vertex, energy and time."""

    def blocks() -> Iterator[tuple[Simulated, int | None]]:
        for task in tasks(simulation.components):
            found = simulation.block(task.component, task.block).reported
            part = simulation.components[task.component]
            key = BlockKey(seed, simulation.header.run, part.name, task.block)
            delay = _first_light(simulation, part.batch(task.block, key), key)
            made = smeared(found, delay[found.event], resolution, key)
            yield Simulated(made, None), task.settled

    width = max(len(part.kind) for part in simulation.components)
    for part in in_time_order(blocks(), kind_width=width):
        yield part.reported


def _first_light(
    simulation: Simulation, batch: Batch, key: BlockKey
) -> Float64[np.ndarray, " event"]:
    """How long after the decay the first deposit of each event of a block comes, ns.

    Zero for the later events of a decay, whose own particles begin them.
    """
    generator = key.numpy("transport")
    transport = simulation.chain.transport
    parted = part_events(transport.deposits(batch.primaries, batch.position, generator=generator))
    return np.where(parted.begin < SEPARATION_NS, parted.begin, 0.0)


def smeared(
    events: Events,
    first_light: Float64[np.ndarray, " event"],
    resolution: Resolution,
    key: BlockKey,
) -> Events:
    """The events of a block with what a reconstruction finds of them; NaN where nothing shone.

    Args:
        events: numbered within the block as they were made.
        first_light: time of the first deposit after the decay, whose time is sought, ns.
        resolution: of the reconstruction.
        key: of the block; the emission times are those that the chain has drawn with it.
    """
    n = len(events.event)
    rng = key.numpy("reconstruction")
    true_t0 = key.numpy("t0").normal(0.0, T0_SPREAD_NS, int(events.event.max(initial=-1)) + 1)
    true_vertex = np.stack([events.truth[axis] for axis in "xyz"], axis=1).astype(np.float64)
    energy = np.maximum(events.truth["e_quenched"].astype(np.float64), 0.01)
    root = np.sqrt(energy)
    found = energy + ENERGY_RESOLUTION * root * rng.standard_normal(n)
    off: Float64[np.ndarray, "event 3"] = rng.standard_normal((n, 3))
    vertex = true_vertex + off * (resolution.vertex / np.sqrt(3 * energy))[:, None]
    t0 = true_t0[events.event] - first_light + resolution.t0 * rng.standard_normal(n)
    known = np.where(np.isfinite(true_vertex).all(axis=1) & ~events.forced, 0.0, np.nan)
    return replace(
        events,
        vertex=(vertex + known[:, None]).astype(np.float32),
        energy=(found + known).astype(np.float32),
        t0=(t0 + known).astype(np.float32),
    )
