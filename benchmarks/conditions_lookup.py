"""How long one run's constants take among 10,000 IOVs, beside a scan of text files.

    python benchmarks/conditions_lookup.py [--iovs 10000] [--payloads 200] [--db postgresql://...]

The database holds single-run IOVs of 1,879 PMTs. Three cases are timed: a run whose payload is
in memory ("warm"), a run whose payload must be read, hashed and checked ("first visit"), and a
freshly opened database. The peer is what file-based metadata stores do without a server: a
JSON-lines file of validity, scanned for the run, and a JSON file of constants per channel.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from kzcal.conditions.database import Database
from kzcal.conditions.iov import RunRange
from kzcal.conditions.payload import Column, Lineage, Payload
from kzcal.conditions.quantities import QUANTITIES, RESPONSE
from kzcal.conditions.writing import Placement

LIMIT = 5.0
"""What a warm look-up may take, ms."""


def constants(baseline: Payload, number: int) -> Payload:
    """The baseline with every constant moved within its error: another payload per number."""
    generator = np.random.default_rng(number)
    columns = dict(baseline.columns)
    for quantity in QUANTITIES:
        column = columns[quantity.name]
        factor = 1.0 + 0.01 * generator.random(len(column.values))
        values = column.values * factor
        columns[quantity.name] = Column(values, column.unit, column.doc, column.errors)
    return Payload(RESPONSE, columns, None, Lineage(seed=number))


def fill(db: Database, directory: Path, n_iovs: int, n_payloads: int) -> None:
    """The same IOVs and constants in the database and as text files."""
    baseline = db.lookup("baseline", RESPONSE, 0)
    payloads = [constants(baseline, number) for number in range(n_payloads)]
    runs = range(n_iovs)
    placements = [Placement(RunRange(r, r), payloads[r % n_payloads]) for r in runs]
    db.create_tag("benchmark", "single-run IOVs")
    db.store_all("benchmark", placements, "fill")
    for number, payload in enumerate(payloads):
        values = {name: column.values.tolist() for name, column in payload.columns.items()}
        rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
        text = json.dumps({f"pmt{pmt}": row for pmt, row in enumerate(rows)})
        (directory / f"constants{number}.json").write_text(text)
    with (directory / "validity.jsonl").open("w") as stream:
        for run in runs:
            entry = {"valid_from": run, "apply": [f"constants{run % n_payloads}.json"]}
            stream.write(json.dumps(entry) + "\n")


def scan(directory: Path, run: int) -> dict[str, dict[str, float]]:
    """The constants of a run from text: the last entry that begins at the run or before it."""
    apply: list[str] = []
    with (directory / "validity.jsonl").open() as stream:
        for line in stream:
            entry = json.loads(line)
            if entry["valid_from"] > run:
                break
            apply = entry["apply"]
    found: dict[str, dict[str, float]] = {}
    for name in apply:
        found |= json.loads((directory / name).read_text())
    return found


def median_ms(look_up: Callable[[int], object], runs: Iterable[int]) -> float:
    """Median time of a look-up over the runs, ms."""
    times = []
    for run in runs:
        began = time.perf_counter()
        look_up(run)
        times.append(time.perf_counter() - began)
    return 1e3 * statistics.median(times)


def open_and_look_up(location: str, run: int) -> None:
    """What a job pays that needs the constants of one run."""
    with Database.open(location) as db:
        db.lookup("benchmark", RESPONSE, run)


def measure(location: str, directory: Path, n_iovs: int, n_payloads: int) -> dict[str, float]:
    """Median times of every case, ms."""
    chance = random.Random(1)
    middle = n_iovs // 2
    first_visits = chance.sample(range(n_payloads), min(100, n_payloads))
    first_visits = [middle - middle % n_payloads + run for run in first_visits]
    with Database.open(location) as db:
        db.lookup("benchmark", RESPONSE, 0)
        visit = median_ms(lambda run: db.lookup("benchmark", RESPONSE, run), first_visits)
        warm = median_ms(lambda run: db.lookup("benchmark", RESPONSE, run), [middle] * 1000)
    opened = median_ms(lambda run: open_and_look_up(location, run), first_visits[:20])
    text = median_ms(lambda run: scan(directory, run), chance.sample(range(n_iovs), 20))
    return {"warm": warm, "first visit": visit, "open and look up": opened, "text scan": text}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iovs", type=int, default=10_000, help="number of IOVs")
    parser.add_argument("--payloads", type=int, default=200, help="number of different payloads")
    parser.add_argument("--db", help="an empty postgresql:// database instead of SQLite")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        location = options.db or str(directory / "kz.db")
        with Database.init(location) as db:
            began = time.perf_counter()
            fill(db, directory, options.iovs, options.payloads)
            filled = time.perf_counter() - began
        times = measure(location, directory, options.iovs, options.payloads)
    print(f"{options.iovs} IOVs, {options.payloads} payloads, filled in {filled:.1f} s")
    for case, value in times.items():
        print(f"{case:18s} {value:8.2f} ms  text scan / this = {times['text scan'] / value:7.1f}")
    met = times["warm"] < LIMIT
    print(f"warm look-up under {LIMIT:g} ms: {'yes' if met else 'NO'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
