"""One simulation from its first block to its files, which appear whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from kzcal.hits import Events
from kzcal.io.hdf5_writer import event_writer
from kzcal.simulate.chain import Simulated
from kzcal.simulate.order import in_time_order
from kzcal.simulate.vertices import VertexChain
from kzcal.simulate.workers import Recipe, Simulation, simulated


@dataclass(frozen=True, slots=True)
class Written:
    """What a simulation wrote.

    Args:
        out: the event file.
        gtq: the file of photoelectrons, or None.
        run: run number.
        n_decays: decays and forced triggers.
        n_events: events.
        n_hits: hits of the event file.
        n_photoelectrons: in the file of photoelectrons.
        n_muons: muons of the run.
        seconds: time that simulating and writing took.
    """

    out: Path
    gtq: Path | None
    run: int
    n_decays: int
    n_events: int
    n_hits: int
    n_photoelectrons: int
    n_muons: int
    seconds: float


def events_of(
    recipe: Recipe, simulation: Simulation, workers: int = 1, threads: int = 1
) -> Iterator[Simulated]:
    """The events of a simulation in time order, a few hundred at a time."""
    width = max((len(part.kind.encode()) for part in simulation.components), default=1)
    yield from in_time_order(simulated(recipe, simulation, workers, threads), kind_width=width)


def write_simulation(
    recipe: Recipe,
    out: Path,
    gtq: Path | None = None,
    *,
    workers: int = 1,
    threads: int = 1,
    advance: Callable[[float], None] | None = None,
    simulation: Simulation | None = None,
) -> Written:
    """Simulate and write the event file, and the photoelectrons if they are wanted.

    Args:
        recipe: of the simulation.
        out: the event file.
        gtq: the same events with photoelectrons as hits, in the same order; the recipe's chain
            must keep these.
        workers: processes.
        threads: of each process, if there are several.
        advance: told how many events have been written.
        simulation: what the recipe makes, if that is there already.
    """
    begin = time.perf_counter()
    simulation = simulation or recipe.open()
    counts = {"events": 0, "hits": 0, "photoelectrons": 0}
    with ExitStack() as stack:
        reported, true = _writers(stack, simulation, out, gtq)
        for part in events_of(recipe, simulation, workers, threads):
            reported(part.reported)
            counts["events"] += len(part)
            counts["hits"] += len(part.reported.hits.pmt)
            if true is not None and part.true is not None:
                true(part.true)
                counts["photoelectrons"] += len(part.true.hits.pmt)
            if advance is not None:
                advance(len(part))
    return Written(
        out=out,
        gtq=gtq,
        run=simulation.header.run,
        n_decays=sum(part.n_decays for part in simulation.components),
        n_events=counts["events"],
        n_hits=counts["hits"],
        n_photoelectrons=counts["photoelectrons"],
        n_muons=len(simulation.muons),
        seconds=time.perf_counter() - begin,
    )


Append = Callable[[Events], None]


def _writers(
    stack: ExitStack, simulation: Simulation, out: Path, gtq: Path | None
) -> tuple[Append, Append | None]:
    """Writers of both files, or of the first alone."""
    header, muons, lineage = simulation.header, simulation.muons, simulation.lineage
    first = stack.enter_context(event_writer(out, header, muons, notes={"lineage": lineage}))
    chain = simulation.chain
    if gtq is None or isinstance(chain, VertexChain):
        return first, None
    notes = {"lineage": lineage, "hits": what_the_hits_are(chain.light.ceiling)}
    true = replace(header, physics_window_ns=None, forced_window_ns=None)
    return first, stack.enter_context(event_writer(gtq, true, muons, notes=notes))


def what_the_hits_are(ceiling: float) -> str:
    """What the attribute ``hits`` of a file of photoelectrons says, its last word the ceiling."""
    return (
        "photoelectrons (GTQ) before transit time and electronics, one p.e. each, in PMTs of "
        f"relative efficiency {ceiling}"
    )
