"""What each built-in source sends out, beside the evaluated energy of its gammas.

    python benchmarks/sources_closure.py [--decays 50000] [--write docs/sources.md]
        [--figure docs/sources.png]

Exit code 1 if a mean gamma energy is further from the evaluated one than its tolerance and four
standard errors, or if fewer than 50,000 decays of 214Bi are drawn in a second.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from pages import table, write_part

from kzcal import plugins
from kzcal.components import Source
from kzcal.particles import ALPHA, ELECTRON, GAMMA, POSITRON, Primaries
from kzcal.physics.decay_table import read_nuclides

EVALUATED = Path(__file__).parent.parent / "tests/physics/evaluated_gammas.json"
LEAST_RATE = 50_000
PAIR = 1.0219979
"""Twice the electron's mass, MeV."""
HEAD = ("source", "half-life", "Q", "electrons", "positrons", "alphas", "gammas", "evaluated",
        "difference, %")  # fmt: skip
UNITS = (("y", 365.25 * 86400), ("d", 86400), ("h", 3600), ("min", 60), ("s", 1), ("ms", 1e-3),
         ("us", 1e-6), ("ns", 1e-9))  # fmt: skip


def nuclear_gammas(decays: Primaries) -> np.ndarray:
    """Which particles are gammas of the nucleus, not X-rays of the atom."""
    atoms = read_nuclides("bi214")[0].atoms.values()
    x_rays = [energy for atom in atoms for energy in (atom.k_alpha, atom.k_beta)]
    return (decays.particle == GAMMA) & ~np.isin(decays.energy, x_rays)


def per_decay(decays: Primaries, rows: np.ndarray) -> tuple[float, float]:
    """Mean energy of some particles per decay and its standard error, MeV."""
    sums = np.bincount(decays.decay[rows], decays.energy[rows], minlength=len(decays))
    return float(sums.mean()), float(sums.std() / np.sqrt(len(decays)))


def readable(half_life: float | None) -> str:
    """A half-life in the largest unit that fits."""
    if half_life is None:
        return ""
    unit, seconds = next((row for row in UNITS if half_life >= row[1]), UNITS[-1])
    return f"{half_life / seconds:.4g} {unit}"


def measured(record: Source, n: int, evaluated: list | None) -> tuple[list[str], bool]:
    """The row of one source, and whether it is as evaluated."""
    decays = record.prepare().sample(n, generator=np.random.default_rng(1))
    gammas, error = per_decay(decays, nuclear_gammas(decays))
    particles = [per_decay(decays, decays.particle == kind)[0]
                 for kind in (ELECTRON, POSITRON, ALPHA)]  # fmt: skip
    row = [record.name, readable(record.half_life), f"{record.q_value or 0.0:.3f}"]
    row += [f"{energy:.4f}" if energy else "" for energy in (*particles, gammas)]
    if evaluated is None:
        return [*row, "", ""], True
    figure, tolerance, _ = evaluated
    off = gammas * 1e3 / figure - 1.0
    within = abs(off) < tolerance + 4.0 * error * 1e3 / figure
    difference = f"{100.0 * off:+.2f} ± {1e5 * error / figure:.2f}"
    return [*row, f"{figure / 1e3:.4f}", difference], within


def rate(record: Source, n: int = 200_000) -> float:
    """Decays per second of processor time."""
    source = record.prepare()
    start = time.process_time()
    source.sample(n, generator=np.random.default_rng(1))
    return n / (time.process_time() - start)


def energies(record: Source, n: int) -> np.ndarray:
    """What each decay leaves if nothing escapes and nothing is quenched, MeV."""
    decays = record.prepare().sample(n, generator=np.random.default_rng(2))
    given = decays.energy + np.where(decays.particle == POSITRON, PAIR, 0.0)
    return np.bincount(decays.decay, given, minlength=n)


def spectra(axes: Axes, sources: plugins.Choices[Source], names: tuple[str, ...], n: int) -> None:
    """Energies per decay of several sources."""
    for name in names:
        axes.hist(energies(sources[name], n), bins=250, range=(0.0, 5.0), histtype="step",
                  weights=np.full(n, 50.0 / n), label=name)  # fmt: skip
    axes.set(yscale="log", ylim=(1e-4, 40.0), xlim=(0.0, 5.0), xlabel="energy [MeV]")
    axes.legend(frameon=False, fontsize=8)


def draw(sources: plugins.Choices[Source], path: Path, n: int) -> None:
    """The figure of the page."""
    figure = Figure(figsize=(11, 6.4), layout="constrained")
    FigureCanvasAgg(figure)
    (double, natural), (cosmic, delays) = figure.subplots(2, 2)
    both = sources["xe136-2nbb"].prepare().sample(n, generator=np.random.default_rng(3))
    pairs = both.energy.reshape(-1, 2)
    for energy, label in ((pairs.sum(axis=1), "sum"), (pairs[:, 0], "one electron")):
        double.hist(
            energy, bins=120, range=(0.0, 2.46), histtype="step", density=True, label=label
        )
    double.set(title="136Xe with two neutrinos", xlabel="energy [MeV]", ylabel="decays per MeV")
    double.legend(frameon=False, fontsize=8)
    spectra(natural, sources, ("bi214", "tl208", "kr85", "k40", "bi210"), n)
    natural.set(title="natural radioactivity, all that a decay leaves")
    spectra(cosmic, sources, ("c10", "c11", "he6", "xe137", "i124", "y88"), n)
    cosmic.set(title="after muons, with annihilation", ylabel="decays per MeV")
    for name, unit in (("bipo214", 163.6e3), ("bipo212", 299.0)):
        chain = sources[name].prepare().sample(n, generator=np.random.default_rng(4))
        delay = chain.time[chain.particle == ALPHA] / unit
        delays.hist(delay, bins=80, range=(0.0, 8.0), histtype="step", density=True, label=name)
    grid = np.linspace(0.0, 8.0, 50)
    delays.plot(grid, np.log(2.0) * 0.5**grid, "k:", label="half-life of the table")
    delays.set(title="alpha after beta", xlabel="delay [half-lives]", yscale="log")
    delays.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=90)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--decays", type=int, default=50_000)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    sources = plugins.load(installed=False).sources
    evaluated = json.loads(EVALUATED.read_text())
    found = [measured(record, options.decays, evaluated.get(name))
             for name, record in sources.items() if not record.options]  # fmt: skip
    speed = rate(sources["bi214"])
    text = table(HEAD, [row for row, _ in found])
    text += f"\n\n214Bi: {speed:,.0f} decays per second of one core (target: {LEAST_RATE:,})."
    print(text)
    if options.write:
        write_part(options.write, "sources_closure", text)
    if options.figure:
        draw(sources, options.figure, 4 * options.decays)
    missed = [row[0] for row, within in found if not within]
    if missed:
        print(
            f"further from the evaluation than they may be: {', '.join(missed)}", file=sys.stderr
        )
    return int(bool(missed) or speed < LEAST_RATE)


if __name__ == "__main__":
    sys.exit(main())
