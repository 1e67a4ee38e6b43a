"""Whether the memory of a simulation stays flat as the number of events grows.

    python benchmarks/simulation_memory.py [--events 500] [--factor 6] [--write docs/simulation.md]

The same source is simulated twice through the command line, each time in a process of its own,
once with so many times the decays; photoelectrons are written too. A first, small run makes sure
that the light map is there. Exit code 1 if the longer one takes more than 1.25 times the memory.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pages

MOST = 1.25
PROGRAM = "from kzcal.cli.main import main; main()"


def peak(n: int, folder: Path) -> float:
    """Largest resident memory of simulating so many decays of 214Bi, MiB."""
    out = [f"--out={folder / 'events.h5'}", f"--gtq={folder / 'gtq.h5'}"]
    words = ["--quiet", "simulate", "bi214", f"--n={n}", "--nominal", *out]
    with subprocess.Popen([sys.executable, "-c", PROGRAM, *words]) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = status
    if status:
        message = f"the simulation of {n} decays ended with {status}"
        raise RuntimeError(message)
    return float(used.ru_maxrss) / 1024


def main() -> int:
    """Measure and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=500)
    parser.add_argument("--factor", type=int, default=6)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        peak(1, folder)
        rows = [(n, peak(n, folder)) for n in (given.events, given.factor * given.events)]
    text = pages.table(("decays", "peak memory, MiB"), [(n, f"{m:.0f}") for n, m in rows])
    print(text)
    if given.write:
        pages.write_part(given.write, "simulation_memory", text)
    return int(rows[1][1] > MOST * rows[0][1])


if __name__ == "__main__":
    sys.exit(main())
