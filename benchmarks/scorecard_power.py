"""False alarms of the scorecard on data against data, and what it sees of known changes.

    python benchmarks/scorecard_power.py --runs 20 --write docs/scorecard.md

Data are events of the challenge's period A ($KZCAL_CHALLENGE, else ../shared/challenge), dealt to
two files of one law; a changed copy has one thing changed.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from pages import table, write_part

from kzcal.calibrate.report.digits import words
from kzcal.geometry import Detector, load_detector
from kzcal.hits import Events, Hits, RunHeader
from kzcal.io.events import open_events
from kzcal.io.memory import MemorySource
from kzcal.scorecard.config import ScorecardConfig
from kzcal.scorecard.score import Scorecard, score

CHALLENGE = Path(os.environ.get("KZCAL_CHALLENGE", "../shared/challenge"))
DETECTOR = Path(__file__).parent / "challenge" / "detector.toml"
CONFIG = ScorecardConfig(blocks=16, deals=2499, events=800, shuffles=3, graph_events=0)
CRATE = 96
"""PMTs of a crate, of consecutive cables."""

Change = Callable[[Events, np.random.Generator], Hits]


def brighter(events: Events, _generator: np.random.Generator) -> Hits:
    return replace(events.hits, charge=events.hits.charge * np.float32(1.02))


def smeared(sigma: float) -> Change:
    def change(events: Events, generator: np.random.Generator) -> Hits:
        late = generator.normal(0, sigma, len(events.hits.time)).astype(np.float32)
        return replace(events.hits, time=events.hits.time + late)

    return change


def without_dark(events: Events, generator: np.random.Generator) -> Hits:
    """A fifth of the hits of forced triggers and of those before the light, and as many within."""
    hits = events.hits
    row = hits.event_index
    lit, early = events.physics[row], hits.time - events.t0[row] < -40
    rate = float((early & lit).sum()) / float((events.t0[events.physics] + 110).sum())
    n_dark = generator.poisson(0.2 * rate * 390 * events.physics.sum())
    gone = (early | ~lit) & (generator.random(len(row)) < 0.2)
    gone[generator.choice(np.flatnonzero(lit & ~early), n_dark, replace=False)] = True
    return hits.where(~gone)


def weak_crate(events: Events, generator: np.random.Generator) -> Hits:
    crate = events.hits.pmt // CRATE == 5
    return events.hits.where(~(crate & (generator.random(len(crate)) < 0.1)))


CHANGES: dict[str, Change] = {
    "charges × 1.02": brighter,
    "times smeared by 0.3 ns": smeared(0.3),
    "times smeared by 0.6 ns": smeared(0.6),
    "20 % fewer dark hits": without_dark,
    "a crate 10 % less efficient": weak_crate,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--part", choices=("alarms", "power"), help="One of the two alone.")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    detector = load_detector(DETECTOR)
    with open_events(CHALLENGE / "period_A.h5", detector) as source:
        events, header = next(source.chunks(10**9)), source.header
    judge = Judge(events, header, detector, arguments.events)
    parts = {"scorecard_power": power, "scorecard_alarms": lambda j: alarms(j, arguments.runs)}
    for name, made in parts.items():
        if arguments.part and not name.endswith(arguments.part):
            continue
        part = made(judge)
        print(part, flush=True)
        if arguments.write:
            write_part(arguments.write, name, part)


class Judge:
    """Scorecards of events of one file."""

    def __init__(
        self, events: Events, header: RunHeader, detector: Detector, n_events: int
    ) -> None:
        self.events, self.header, self.detector = events, header, detector
        self.n_events = n_events

    def halves(self, seed: int) -> tuple[Events, Events]:
        """Two lots of events that have none in common."""
        order = np.random.default_rng(seed).permutation(len(self.events))
        n = self.n_events
        first, second = np.sort(order[:n]), np.sort(order[n : 2 * n])
        return self.events.take(first), self.events.take(second)

    def score(self, fake: Events, data: Events, seed: int) -> Scorecard:
        """The scorecard of two lots."""
        files = (MemorySource(Path(), part, self.header) for part in (fake, data))
        return score(*files, self.detector, config=replace(CONFIG, seed=seed))


def alarms(judge: Judge, n_runs: int) -> str:
    """How often rows of one law look improbable."""
    found = [judge.score(*judge.halves(seed), seed) for seed in range(n_runs)]
    chances = np.array(
        [[r.probability for r in f.rows if np.isfinite(r.probability)] for f in found]
    )
    named = Counter(row.name for f in found for row in f.differing)
    rows = [(f"p < {level}", level, float((chances < level).mean())) for level in (0.5, 0.1, 0.05)]
    rows.append(("p < 0.01", 0.01, float((chances < 0.01).mean())))
    any_row = sum(bool(f.differing) for f in found)
    text = table(("rows with", "expected", "found"), rows)
    told = f" ({', '.join(map(words, named))})" if named else ""
    size = f"{n_runs} comparisons of {judge.n_events} with {judge.n_events} events"
    return (
        f"{text}\n\nOf {chances.size} rows in {size} of one law, forced triggers included; "
        f"{any_row} of them say that a row differs{told}, at a stated rate of "
        f"{CONFIG.false_alarm:g}. Settings: {settings()}."
    )


def power(judge: Judge) -> str:
    """What is seen of changes: in a copy of the same events, and in other events."""
    first, second = judge.halves(1000)
    rows = []
    for name, change in CHANGES.items():
        cells = []
        for data in (first, second):
            changed = replace(first, hits=change(first, np.random.default_rng(1)))
            found = judge.score(changed, data, 1)
            seen = [
                f"{words(r.name)} ({'< ' * r.at_reach}{r.corrected:.1g})"
                for r in found.differing[:3]
            ]
            cells.append(", ".join(seen) or "nothing")
        rows.append((name, *cells))
    head = ("changed", "against the same events unchanged", "against other events")
    told = f"The three clearest rows, with corrected probabilities. Settings: {settings()}."
    return f"{table(head, rows)}\n\n{told}"


def settings() -> str:
    """What differs from the defaults of users."""
    names = ("blocks", "deals", "events", "shuffles", "graph_events")
    return ", ".join(f"{name} = {getattr(CONFIG, name)}" for name in names)


if __name__ == "__main__":
    main()
