"""How fast events are read, beside a plain h5py read of the same columns, and in what memory.

    python benchmarks/event_io.py [--hits 6000000] [--repeat 5] [--json]

Two files are written, the second ten times as long. The first is read in turns by kzcal (checked,
in chunks) and by h5py (whole columns, nothing checked). Each file is then streamed in a process
of its own, whose peak memory is taken. Exit code 1 if reading costs more than 1.5 times h5py's
time, or if ten times the hits take more than 1.1 times the memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np

from kzcal.geometry import Detector, load_detector
from kzcal.hits import Events, Hits, RunHeader
from kzcal.io.events import open_events, write_events
from kzcal.io.schema import EVENTS, HITS, OFFSETS

EVENTS_PER_BLOCK = 2_000
HITS_PER_EVENT = 330
"""As in a KamLAND-Zen run of physics triggers."""
MOST_TIME, MOST_MEMORY = 1.5, 1.1


def blocks(n_hits: int, detector: Detector) -> Iterator[Events]:
    """Events with times and charges in the steps that the electronics give: 1/8 ns, 1/64 p.e."""
    generator = np.random.default_rng(2026)
    for block in range(max(1, n_hits // (EVENTS_PER_BLOCK * HITS_PER_EVENT))):
        counts = generator.poisson(HITS_PER_EVENT, EVENTS_PER_BLOCK)
        event, n = np.repeat(np.arange(EVENTS_PER_BLOCK), counts), int(counts.sum())
        time_ns = np.round(generator.exponential(40, n) * 8) / 8
        charge = np.round(generator.gamma(6, 1 / 6, n) * 64) / 64
        nothing = np.zeros(EVENTS_PER_BLOCK, np.float32)
        first = block * EVENTS_PER_BLOCK
        yield Events(
            event=first + np.arange(EVENTS_PER_BLOCK),
            timestamp=10**6 * (first + np.arange(EVENTS_PER_BLOCK)),
            trigger=np.zeros(EVENTS_PER_BLOCK, np.uint8),
            vertex=generator.normal(0, 1, (EVENTS_PER_BLOCK, 3)).astype(np.float32),
            energy=nothing,
            t0=nothing,
            hits=Hits.from_counts(
                counts,
                generator.integers(0, detector.n_pmt, n).astype(np.uint16),
                time_ns[np.lexsort((time_ns, event))].astype(np.float32),
                charge.astype(np.float32),
            ),
        )


def stream(path: Path) -> int:
    """Read with kzcal; number of hits."""
    with open_events(path, load_detector()) as source:
        return sum(len(chunk.hits.pmt) for chunk in source.chunks())


def plain_read(path: Path) -> int:
    """Read whole columns with h5py; number of hits."""
    with h5py.File(path) as file:
        columns = [file[spec.name][:] for spec in (*EVENTS, OFFSETS, *HITS)]
    return len(columns[-1])


def seconds(work: Callable[[Path], int], path: Path) -> float:
    """Wall time of one reading, s."""
    start = time.perf_counter()
    work(path)
    return time.perf_counter() - start


def peak_memory(path: Path) -> float:
    """Peak resident memory of a process of its own that streams the file, MiB."""
    done = subprocess.run(
        [sys.executable, __file__, "--stream", str(path)], check=True, capture_output=True
    )
    return float(done.stdout)


def measure(n_hits: int, repeat: int, directory: Path) -> dict[str, float]:
    """All figures."""
    detector, header = load_detector(), RunHeader(1, "KamLAND-Zen 800")
    short, long = directory / "short.h5", directory / "long.h5"
    start = time.perf_counter()
    write_events(short, header, blocks(n_hits, detector))
    writing = time.perf_counter() - start
    write_events(long, header, blocks(10 * n_hits, detector))
    pairs = [(seconds(stream, short), seconds(plain_read, short)) for _ in range(repeat)]
    ours, plain = (statistics.median(times) for times in zip(*pairs, strict=True))
    hits = stream(short)
    return {
        "hits": hits,
        "bytes_per_hit": short.stat().st_size / hits,
        "generate_and_write_Mhits_per_s": hits / writing / 1e6,
        "kzcal_Mhits_per_s": hits / ours / 1e6,
        "h5py_Mhits_per_s": hits / plain / 1e6,
        "time_over_h5py": statistics.median(a / b for a, b in pairs),
        "peak_memory_MiB": peak_memory(short),
        "peak_memory_10x_MiB": peak_memory(long),
    }


def main() -> int:
    """Measure and judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hits", type=int, default=6_000_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--stream", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stream is not None:
        stream(options.stream)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return 0
    with tempfile.TemporaryDirectory() as directory:
        found = measure(options.hits, options.repeat, Path(directory))
    growth = found["peak_memory_10x_MiB"] / found["peak_memory_MiB"]
    if options.json:
        print(json.dumps(found | {"memory_growth": growth}, indent=2))
    else:
        print("\n".join(f"{name:32s} {value:12.4g}" for name, value in found.items()))
        print(f"{'memory_growth':32s} {growth:12.4g}")
    return int(found["time_over_h5py"] > MOST_TIME or growth > MOST_MEMORY)


if __name__ == "__main__":
    sys.exit(main())
