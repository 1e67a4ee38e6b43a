"""How fast candidates of coincidences are found, in what memory, and whether chance is obeyed.

    python benchmarks/coincidence_build.py [--days 2] [--factor 4] [--write docs/coincidence.md]

Two runs are made up, the second so many times longer: 20 single events a second above 0.3 MeV,
uniform in the scintillator, muons with their profiles and captures at the published rates, and
decays in the xenon. Each is searched through the command line in a process of its own, whose
whole processor time counts, start of the interpreter included. Beside it stands a plain h5py read
of the columns of events and muons. Numbers of captures near decays and of accidental pairs are
held against what chance gives. Exit code 1 if less than a million events are searched in a second
of processor time, if the longer run takes more than 1.1 times the memory, or if a number is more
than four standard deviations from that of chance.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pages

from kzcal.candidates import Candidates
from kzcal.geometry import load_detector
from kzcal.hits import Events, Hits, Muons, Profile, RunHeader
from kzcal.io.candidates import read_candidates
from kzcal.io.events import write_events

DAY_NS, NS_PER_US = 86_400 * 10**9, 1_000
SINGLES_HZ, LEAST_MEV, MEAN_MEV = 20.0, 0.3, 0.35
MUONS_HZ, CAPTURES_A_DAY, DECAYS_A_DAY = 0.198, 3250, 500
PIECES = 50
WINDOWS = 100
SPALLATION = "spallation, decays of 2.6 to 3 MeV"
SEARCHES = {
    SPALLATION: ["--with", "spallation", "--energy", "2.6:3.0"],
    "ibd": ["--with", "ibd"],
    "ibd, off time": ["--with", "ibd", "--off-time", "--windows", str(WINDOWS)],
}
READ = """
import sys, h5py
with h5py.File(sys.argv[1]) as file:
    for group in ("events", "muons"):
        for name in file[group]:
            for start in range(0, len(file[group][name]), 1 << 18):
                file[group][name][start : start + (1 << 18)]
"""
PROGRAM = "from kzcal.cli.main import main; main()"
PEAK = "print(open('/proc/self/status').read(), file=__import__('sys').stderr)"
LEAST_RATE, MOST_MEMORY, MOST_SIGMA = 1e6, 1.1, 4.0


def sphere(n: int, radius: float, generator: np.random.Generator) -> np.ndarray:
    """Points uniform in a sphere, m."""
    step = generator.normal(size=(n, 3))
    step *= (
        radius * generator.random((n, 1)) ** (1 / 3) / np.linalg.norm(step, axis=1, keepdims=True)
    )
    return step.astype(np.float32)


def muons(days: int, radius: float) -> Muons:
    """Muons straight down, every piece of their profiles alike but for noise."""
    generator = np.random.default_rng(5)
    n = generator.poisson(MUONS_HZ * 86_400 * days)
    entry = sphere(n, radius, generator)
    entry[:, 2] = np.sqrt(radius**2 - (entry[:, :2] ** 2).sum(axis=1))
    down = np.tile(np.array([0, 0, -1], np.float32), (n, 1))
    deposit = generator.gamma(4, 9.0, n * PIECES).astype(np.float32)
    return Muons(
        np.sort(generator.integers(0, DAY_NS * days, n)),
        entry,
        down,
        generator.gamma(3, 2e5, n).astype(np.float32),
        Profile(PIECES * np.arange(n + 1), deposit),
    )


def blocks(days: int, radius: float, inner: float, timestamps: np.ndarray) -> Iterator[Events]:
    """The events, a day at once; captures follow muons that are drawn among all."""
    number = 0
    for day in range(days):
        generator = np.random.default_rng((2026, day))
        n, n_captures, n_decays = (
            generator.poisson(mean) for mean in (SINGLES_HZ * 86_400, CAPTURES_A_DAY, DECAYS_A_DAY)
        )
        begin, end = np.searchsorted(timestamps, [day * DAY_NS, (day + 1) * DAY_NS])
        parent = timestamps[generator.integers(begin, end, n_captures)]
        delay = (150 + generator.exponential(207.5, n_captures)) * NS_PER_US
        time = np.concatenate(
            [
                generator.integers(day * DAY_NS, (day + 1) * DAY_NS, n + n_decays),
                np.minimum(parent + delay.astype(np.int64), (day + 1) * DAY_NS),
            ]
        )
        place = [sphere(n, radius, generator), sphere(n_decays, inner, generator)]
        place.append(sphere(n_captures, radius, generator))
        energy = [
            LEAST_MEV + generator.exponential(MEAN_MEV, n),
            generator.uniform(2.6, 3.0, n_decays),
            generator.normal(2.2, 0.09, n_captures),
        ]
        order = np.argsort(time, kind="stable")
        total = len(order)
        none = np.zeros(0, np.float32)
        yield Events(
            number + np.arange(total),
            time[order],
            np.zeros(total, np.uint8),
            np.concatenate(place)[order],
            np.concatenate(energy)[order].astype(np.float32),
            generator.normal(0, 0.35, total).astype(np.float32),
            Hits(np.zeros(total + 1, np.int64), np.zeros(0, np.uint16), none, none),
        )
        number += total


def made(path: Path, days: int) -> Path:
    """The event file of a run."""
    detector = load_detector()
    passed = muons(days, detector.scintillator_radius)
    header = RunHeader(1, detector.name, livetime_ns=DAY_NS * days)
    inner = detector.media[0].outer_radius_m
    chunks = blocks(days, detector.scintillator_radius, inner, passed.timestamp)
    write_events(path, header, chunks, passed)
    return path


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took: processor time, s, and largest resident memory, MiB."""

    seconds: float
    memory: float


def cost(program: str, *words: str) -> Cost:
    """Cost of a Python process from its start to its end; its peak is what it says itself."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    told = f"import atexit; atexit.register(lambda: {PEAK})\n{program}"
    with subprocess.Popen(
        [sys.executable, "-c", told, *words],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        said = process.stderr.read() if process.stderr else ""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = status
    if status:
        message = f"{' '.join(words)} ended with {status}: {said}"
        raise RuntimeError(message)
    peak = next(line for line in said.splitlines() if line.startswith("VmHWM"))
    return Cost(used.ru_utime + used.ru_stime, int(peak.split()[1]) / 1024)


@dataclass(frozen=True, slots=True)
class Chance:
    """A number that was found beside what chance gives, with one standard deviation."""

    name: str
    found: float
    expected: float
    error: float

    @property
    def sigmas(self) -> float:
        """By how many standard deviations they differ."""
        return (self.found - self.expected) / self.error


def captures_by_chance(decays: Candidates, days: int) -> Chance:
    """Captures of 24 h near decays, but for those of the first day, when there were fewer."""
    detector = load_detector()
    detected = CAPTURES_A_DAY * (1 - math.exp(-(2000 - 150) / 207.5))
    mean = detected * (1.6 / detector.scintillator_radius) ** 3
    late = decays.event >= int(SINGLES_HZ * 86_400 * 1.1)
    found = float(decays.counts[late].mean())
    shared = mean * math.sqrt(1 / (mean * (days - 1)) + 1 / (mean * max(late.sum(), 1)))
    return Chance("captures of a day within 1.6 m of a decay", found, mean, shared)


def pairs_by_chance(pairs: dict[str, Candidates], days: int) -> list[Chance]:
    """Accidental pairs on time and off time, a day."""
    u = 2.0 / 6.0
    near = u**3 - 9 / 16 * u**4 + u**6 / 32
    inside = (6.0 / load_detector().scintillator_radius) ** 3

    def above(energy: float) -> float:
        return SINGLES_HZ * inside * math.exp(-(energy - LEAST_MEV) / MEAN_MEV)

    prompt = above(0.9) - above(8.5)
    delayed = above(1.8) - above(2.6) + above(4.4) - above(5.6)
    inner = DECAYS_A_DAY / 86_400 * (2.0 / 6.0) ** 3
    expected = (prompt * near + inner) * delayed * (1000 - 0.5) * 1e-6 * 86_400
    rows = []
    for name, windows in (("ibd", 1), ("ibd, off time", WINDOWS)):
        found = len(pairs[name]) / windows / days
        singles = expected / math.sqrt(delayed * 86_400 * days)
        error = math.hypot(math.sqrt(expected * days / windows) / days, singles)
        label = "on time" if windows == 1 else f"off time, {windows} windows"
        rows.append(Chance(f"accidental pairs a day, {label}", found, expected, error))
    return rows


def picture(path: Path, decays: Candidates, off_time: Candidates, days: int) -> None:
    """Captures near decays against Poisson's law, and distances of accidental pairs."""
    mpl.use("agg")
    from matplotlib import pyplot as plt
    from scipy import stats

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    late = decays.take(decays.event >= int(SINGLES_HZ * 86_400 * 1.1))
    decay = np.repeat(np.arange(len(late)), late.counts)[late.points["dt"] < 3600]
    counts = np.bincount(decay, minlength=len(late))
    bins = np.arange(counts.max() + 2)
    left.hist(counts, bins - 0.5, color="0.8", label="found")
    mean = captures_by_chance(decays, days).expected / 24
    left.plot(bins, len(late) * stats.poisson.pmf(bins, mean), "o-", label="Poisson")
    left.set(xlabel="captures of 1 h within 1.6 m of a decay", ylabel="decays")
    left.legend()
    edges = np.linspace(0, 2, 41)
    right.hist(off_time.columns["dr"], edges, color="0.8", label="off-time pairs")
    r = np.linspace(0, 2, 200)
    law = 3 * r**2 / 6**3 * (1 - 3 * r / 24 + r**3 / (16 * 6**3))
    near = (1 / 3) ** 3 - 9 / 16 / 81 + 1 / 32 / 729
    right.plot(r, len(off_time) * 0.05 * law / near, label="two points of a sphere of 6 m")
    right.set(xlabel="dR [m]", ylabel="pairs in 5 cm")
    right.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> int:
    """Measure and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=2)
    parser.add_argument("--factor", type=int, default=4)
    parser.add_argument("--write", type=Path, help="page whose figures are replaced")
    parser.add_argument("--picture", type=Path, help="where to draw")
    options = parser.parse_args()
    costs: dict[tuple[str, int], tuple[int, Cost]] = {}
    found: dict[str, Candidates] = {}
    with tempfile.TemporaryDirectory() as folder:
        for days in (options.days, options.days * options.factor):
            run, out = made(Path(folder) / f"{days}.h5", days), Path(folder) / "found.h5"
            n = sum(len(block.event) for block in blocks_of(run))
            costs["plain h5py read", days] = n, cost(READ, str(run))
            for name, words in SEARCHES.items():
                begin = [PROGRAM, "--quiet", "coincidence", "build", str(run)]
                costs[name, days] = n, cost(*begin, "--out", str(out), *words)
                found[name] = read_candidates(out)
    long = options.days * options.factor
    chances = [captures_by_chance(found[SPALLATION], long), *pairs_by_chance(found, long)]
    text = report(costs, chances, options.days, long)
    print(text)
    if options.write:
        pages.write_part(options.write, "coincidence build", text)
    if options.picture:
        picture(options.picture, found[SPALLATION], found["ibd, off time"], long)
    slow = min(n / c.seconds for (name, _), (n, c) in costs.items() if name in SEARCHES)
    grown = max(costs[s, long][1].memory / costs[s, options.days][1].memory for s in SEARCHES)
    far = max(abs(chance.sigmas) for chance in chances)
    return int(slow < LEAST_RATE or grown > MOST_MEMORY or far > MOST_SIGMA)


def blocks_of(run: Path) -> Iterator[Events]:
    """Events of a run, block by block."""
    from kzcal.io.timeline import Timeline

    with Timeline(run) as timeline:
        yield from timeline.events()


def report(
    costs: dict[tuple[str, int], tuple[int, Cost]], chances: list[Chance], short: int, long: int
) -> str:
    """The figures as Markdown."""
    rows = []
    for name in dict.fromkeys(name for name, _ in costs):
        (n, few), (more, many) = costs[name, short], costs[name, long]
        rows.append(
            [
                name,
                f"{n / few.seconds / 1e6:.2f}",
                f"{more / many.seconds / 1e6:.2f}",
                f"{few.memory:.0f}",
                f"{many.memory:.0f}",
            ]
        )
    n, more = (costs["ibd", days][0] / 1e6 for days in (short, long))
    head = ["search", *[f"{m:.1f} M events, M events/s" for m in (n, more)]]
    head += [f"{m:.1f} M events, peak MiB" for m in (n, more)]
    speed = pages.table(head, rows)
    head = ["number", "found", "by chance", "differ by [standard deviations]"]
    law = pages.table(
        head,
        [
            [c.name, c.found, f"{c.expected:.3g} +- {c.error:.2g}", f"{c.sigmas:+.1f}"]
            for c in chances
        ],
    )
    return f"{speed}\n\n{law}"


if __name__ == "__main__":
    sys.exit(main())
