"""Blocks simulated in this process, or by several that each hold the whole chain."""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import torch

from kzcal.hits import Muons, RunHeader
from kzcal.simulate.chain import Chain, Simulated
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.timeline import Component, Task, tasks
from kzcal.simulate.vertices import VertexChain

BLOCKS_AHEAD = 3
"""Blocks that wait for each worker, so that none idles."""


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """A chain and what it is to simulate.

    Args:
        chain: the stages, or those of them that make no hits.
        components: kinds of decays, with names that differ.
        seed: decides everything together with the run and the constants.
        header: of the file, with the run number.
        muons: of the run.
        least_hits: physics triggers with fewer hits are left out.
        lineage: all that decides the numbers, as JSON.
    """

    chain: Chain | VertexChain
    components: Sequence[Component]
    seed: int
    header: RunHeader
    muons: Muons
    least_hits: int
    lineage: str

    def block(self, component: int, block: int) -> Simulated:
        """The events of one block of a component."""
        part = self.components[component]
        key = BlockKey(self.seed, self.header.run, part.name, block)
        events = self.chain.simulate(part.batch(block, key), key)
        reported = events.reported
        if not self.least_hits:
            return events
        return events.take(reported.forced | (reported.hits.counts >= self.least_hits))


class Recipe(Protocol):
    """Makes the same simulation in every process; it can be pickled and hashed."""

    def open(self) -> Simulation:
        """The simulation."""

    def __hash__(self) -> int:
        """Of its content."""


def simulated(
    recipe: Recipe, simulation: Simulation, workers: int = 1, threads: int = 1
) -> Iterator[tuple[Simulated, int | None]]:
    """Every block by the time at which it begins, with the time before which no later one has any.

    Args:
        recipe: makes the simulation in other processes.
        simulation: what the recipe makes.
        workers: processes; one is this process itself.
        threads: of each further process.
    """
    order = tasks(simulation.components)
    if workers == 1:
        for task in order:
            yield simulation.block(task.component, task.block), task.settled
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _prepare_worker, (threads,))
    try:
        waiting: deque[tuple[Task, Future[Simulated]]] = deque()
        while True:
            for task in islice(order, BLOCKS_AHEAD * workers - len(waiting)):
                waiting.append((task, pool.submit(_block_of, recipe, task.component, task.block)))
            if not waiting:
                return
            task, future = waiting.popleft()
            yield future.result(), task.settled
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _prepare_worker(threads: int) -> None:
    """Set the threads, and leave interrupts to the parent, which stops all workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["NUMBA_NUM_THREADS"] = str(threads)
    torch.set_num_threads(threads)


@functools.lru_cache(maxsize=1)
def _opened(recipe: Recipe) -> Simulation:
    return recipe.open()


def _block_of(recipe: Recipe, component: int, block: int) -> Simulated:
    return _opened(recipe).block(component, block)
