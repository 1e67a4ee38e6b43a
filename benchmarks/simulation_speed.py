"""Events per second of every stage of the simulation, and of the whole chain.

    python benchmarks/simulation_speed.py [--source electron --energy 2.0] [--blocks 8]
                                          [--threads 1] [--device cpu] [--full]
                                          [--write docs/simulation.md]

Times are of blocks of 64 decays in the xenon-loaded scintillator of KamLAND-Zen 800 with nominal
constants, in one process, after a first block that is not counted. On the CPU they are processor
times, so that other work on the machine does not count: give one thread. The light map is built
first if it has not been before.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pages import table, write_part

from kzcal.simulate.chain import Chain
from kzcal.simulate.cocktail import Cocktail, Ingredient
from kzcal.simulate.constants import Constants
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.setup import Setup
from kzcal.simulate.timeline import BLOCK, Series
from kzcal.simulate.workers import Simulation


@dataclass
class Clock:
    """Seconds spent in each stage."""

    device: str
    seconds: dict[str, float] = field(default_factory=dict)

    def timed(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """The same method, with its time counted."""

        def run(*arguments: object, **options: object) -> object:
            begin = self.now()
            result = method(*arguments, **options)
            self.seconds[name] = self.seconds.get(name, 0.0) + self.now() - begin
            return result

        return run

    def now(self) -> float:
        """Seconds: of the processor, or on the clock once a GPU has done what it was asked to."""
        if self.device == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()


class Watched:
    """A stage whose methods are timed; everything else is the stage's own."""

    def __init__(self, stage: object, clock: Clock, names: dict[str, str]) -> None:
        self._stage = stage
        for method, name in names.items():
            setattr(self, method, clock.timed(name, getattr(stage, method)))

    def __getattr__(self, name: str) -> object:
        return getattr(self._stage, name)


def watched(simulation: Simulation, clock: Clock) -> Chain:
    """The chain with a clock on each stage."""
    chain = simulation.chain
    stages: dict[str, Any] = {
        "transport": Watched(
            chain.transport,
            clock,
            {"deposits": "transport", "light": "light sites", "truth": "truth"},
        ),
        "light": Watched(chain.light, clock, {"sample": "photoelectrons"}),
        "response": Watched(chain.response, clock, {"sample": "response"}),
        "reconstruction": Watched(chain.reconstruction, clock, {"fit": "reconstruction"}),
    }
    kept = {name: getattr(chain, name) for name in Chain.__slots__ if name not in stages}
    return Chain(**kept, **stages)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default="electron")
    parser.add_argument("--energy", type=float, default=2.0)
    parser.add_argument("--blocks", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--full", action="store_true", help="trace every photon")
    parser.add_argument("--write", type=Path, help="page that takes the table")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    options = (("energy", given.energy),) if given.source == "electron" else ()
    part = Ingredient(given.source, "xels", options=options, number=BLOCK * (given.blocks + 1))
    cocktail = Cocktail(0, (part,), light="full" if given.full else "map")
    begin = time.perf_counter()
    simulation = Setup(cocktail, Constants(), device=given.device).open()
    print(f"set up in {time.perf_counter() - begin:.1f} s")
    clock = Clock(given.device)
    chain = watched(simulation, clock)
    (series,) = simulation.components
    assert isinstance(series, Series)
    draw = clock.timed("source", series.batch)
    hits, events = [], 0
    for block in range(given.blocks + 1):
        if block == 1:
            clock.seconds.clear()
            events, begin = 0, clock.now()
        key = BlockKey(1, 0, series.name, block)
        found = chain.simulate(draw(block, key), key)
        events += len(found)
        hits.append(found.reported.hits.counts.mean())
    total = clock.now() - begin
    both = clock.seconds["photoelectrons"] + clock.seconds["response"]
    rows = [*clock.seconds.items(), ("photoelectrons + response", both), ("everything", total)]
    figures = [(name, 1e3 * used / events, round(events / used)) for name, used in rows]
    text = (
        f"{events} events of {given.source} with {np.mean(hits):.0f} hits on average, "
        f"{'every photon traced' if given.full else 'from the light map'}, {given.device}, "
        f"{given.threads} thread.\n\n{table(('stage', 'ms per event', 'events/s'), figures)}"
    )
    print(text)
    if given.write is not None:
        write_part(given.write, "simulation_speed", text)


if __name__ == "__main__":
    main()
