"""Whether the time per hit and the memory of a calibration stay flat as a run grows.

    python benchmarks/calibrate_scaling.py [--input RUN.h5] [--factor 3] [--events 6000] [--json]
        [--write docs/benchmarks.md]

A run (by default a simulated one) is written again with all its events repeated so many times,
and both are calibrated, each in a process of its own; time is that of the processors. Exit code 1
if the longer one takes more than 1.25 times the time per hit or 1.25 times the memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pages
import torch

from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.demo import write_demo_period
from kzcal.calibrate.driver import calibrate_run
from kzcal.calibrate.machine import peak_memory
from kzcal.geometry import load_detector
from kzcal.hits import Events
from kzcal.io.events import open_events, write_events

MOST_TIME, MOST_MEMORY = 1.25, 1.25
PAUSE = 10**9
"""Pause between repetitions, ns."""


def repeated(path: Path, factor: int) -> Iterator[Events]:
    """The events of a run again and again, one repetition after the other in time."""
    with open_events(path, load_detector()) as source:
        timestamps = source.table().timestamp
        span = int(timestamps[-1] - timestamps[0]) + PAUSE if len(timestamps) else PAUSE
        for turn in range(factor):
            for chunk in source.chunks():
                yield replace(
                    chunk,
                    event=chunk.event + np.int64(turn * source.n_events),
                    timestamp=chunk.timestamp + np.int64(turn * span),
                    truth={},
                )


def write_repeated(path: Path, target: Path, factor: int) -> None:
    """Write the longer run, a chunk at a time; its muons are those of the first turn."""
    with open_events(path, load_detector()) as source:
        header, muons = source.header, source.muons
    write_events(target, header, repeated(path, factor), muons)


def calibrate(path: Path, device: str) -> dict[str, float]:
    """Calibrate in this process: hits, processor time [s] and peak resident memory [MiB]."""
    detector = load_detector()
    start = time.process_time()
    with open_events(path, detector) as source:
        calibrate_run(
            source,
            detector,
            CalibrationConfig(),
            samples={},
            device=torch.device(device),
            advance=lambda _: None,
        )
        hits = source.n_hits
    return {"hits": hits, "s": time.process_time() - start, "MiB": peak_memory()}


def in_a_process(path: Path, device: str) -> dict[str, float]:
    """The same in a process of its own."""
    command = [sys.executable, __file__, "--one", str(path), "--device", device]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def table(found: Mapping[str, Mapping[str, float]]) -> str:
    """Both runs and the ratios of the second to the first."""
    lines = [f"{'':10s} {'hits':>12s} {'s':>10s} {'us/hit':>10s} {'peak MiB':>10s}"]
    for name, row in found.items():
        per_hit = 1e6 * row["s"] / row["hits"]
        lines.append(
            f"{name:10s} {row['hits']:12.0f} {row['s']:10.1f} {per_hit:10.2f} {row['MiB']:10.0f}"
        )
    return "\n".join(lines)


def main() -> int:
    """Measure and judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--input", type=Path, help="the run; a simulated one by default")
    parser.add_argument("--factor", type=int, default=3)
    parser.add_argument("--events", type=int, default=6000, help="of the simulated run")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", type=Path)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(calibrate(options.one, options.device)))
        return 0
    with tempfile.TemporaryDirectory() as directory:
        short, long = options.input or Path(directory) / "run.h5", Path(directory) / "long.h5"
        if options.input is None:
            write_demo_period(short, seed=1, n_events=options.events)
        write_repeated(short, long, options.factor)
        found = {
            "run": in_a_process(short, options.device),
            f"{options.factor} times": in_a_process(long, options.device),
        }
    one, many = found.values()
    slower = (many["s"] / many["hits"]) / (one["s"] / one["hits"])
    larger = many["MiB"] / one["MiB"]
    if options.write:
        head = ("hits", "processor time, s", "peak memory, MiB")
        rows = [
            [f"{row['hits']:,.0f}", f"{row['s']:.1f}", f"{row['MiB']:.0f}"]
            for row in found.values()
        ]
        pages.write_part(options.write, "calibrate_scaling", pages.table(head, rows))
    if options.json:
        print(json.dumps({**found, "time_per_hit": slower, "memory": larger}, indent=2))
    else:
        print(f"{table(found)}\ntime per hit x {slower:.2f}, memory x {larger:.2f}")
    return int(slower > MOST_TIME or larger > MOST_MEMORY)


if __name__ == "__main__":
    sys.exit(main())
