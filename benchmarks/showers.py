"""What simulated showers are like: tables and figure of docs/showers.md.

    python benchmarks/showers.py [--decays 1024] [--days 2 8] [--write]

Rates and profiles beside what is published, what a decay finds around it by how far it looks back,
what changes when an uncertain figure is doubled or halved, and what a run costs. Without --write
the tables are printed. Everything is drawn by the laws of the simulation; the costs are those of
`kzcal simulate showers` in processes of their own, in processor time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from pages import table, write_part
from showers_figure import NEAR_M, Found, draw, found_around

from kzcal.calibrate.report.digits import measured
from kzcal.geometry import load_detector
from kzcal.simulate.energy_window import EnergyWindow
from kzcal.simulate.shower_laws import ShowerModel
from kzcal.simulate.shower_past import see_captures
from kzcal.simulate.shower_run import ShowerRequest
from kzcal.simulate.shower_tracks import deposited
from kzcal.simulate.showers import (
    Showers,
    draw_captures,
    draw_neutron_muons,
    draw_parents,
    draw_showers,
)
from kzcal.simulate.volumes import volume

DOCS = Path(__file__).parents[1] / "docs"
DETECTOR = load_detector()
RADIUS, PER_DAY = DETECTOR.scintillator_radius, 86_400
N_MUONS, N_PARENTS, N_DAYS = 400_000, 20_000, 400
HOURS = (0.5, 1.0, 3.0, 6.0, 12.0, 24.0)
SCANNED = (
    "parent_neutrons",
    "parent_spread",
    "neutrons",
    "near_m",
    "far_m",
    "core_m",
    "isotope_m",
    "efficiency_many",
    "capture_m",
)
PROGRAM = "from kzcal.cli.main import main; main()"


def law_rows() -> list[list[object]]:
    """Simulated beside published."""
    model, generator = ShowerModel(), np.random.default_rng(1)
    muons = draw_showers(model, N_MUONS, RADIUS, generator=generator)
    captured = draw_captures(model, muons, RADIUS, generator=generator)
    seen = see_captures(model, muons, RADIUS, generator=generator)
    days = N_MUONS / (model.muons.rate_hz * PER_DAY)
    each = np.bincount(captured.muon, minlength=N_MUONS)
    showers = np.bincount(muons.showering[captured.muon], minlength=2)
    trials = 8 * 512
    roi = ShowerRequest(ShowerModel(), days=1.0, window=EnergyWindow(2.35, 2.70)).open()
    share = sum(len(roi.isotopes.block(i)) for i in range(8)) / trials
    total = sum(model.yields.values())
    energy = deposited(model.showers, muons)
    root = np.sqrt(N_MUONS)
    return [
        ["muons per day", "17,107 ± 1,210", f"{model.muons.rate_hz * PER_DAY:,.0f} (given)"],
        ["track, m", "8.74 ± 0.13", measured(muons.length.mean(), muons.length.std() / root)],
        ["muons without a capture", "0.96", measured(np.mean(each == 0), 0.2 / root)],
        ["captures per day", "3,250", measured(each.sum() / days, each.std() * root / days)],
        ["captures seen per day", "", measured(len(seen.muon) / days, each.std() * root / days)],
        ["muons with a shower", "0.15 ± 0.03", measured(muons.showering.mean(), 0.36 / root)],
        ["their share of captures", "0.64 ± 0.05", f"{showers[1] / showers.sum():.3f}"],
        ["energy that a muon leaves, GeV", "", f"{1e-3 * energy.mean():.2f}"],
        ["isotopes decaying per day", "0.5", f"{1e-3 * total * model.showers.loaded_t:.2f}"],
        [
            "the same at 2.35 to 2.70 MeV, per kton-day",
            "3.1 ± 0.8",
            measured(share * total, total * np.sqrt(share * (1 - share) / trials)),
        ],
        ["double beta decays per day", "2,552", f"{roi.plan.signal_per_day:,.0f}"],
        ["kinds of isotopes", "32", f"{len(roi.isotopes.mixture.names)}"],
    ]


def hour_rows(found: Found) -> list[list[object]]:
    """What a decay finds by how far it looks back."""
    rows: list[list[object]] = []
    n_long, n_all = found.long_lived.sum(), len(found.long_lived)
    for hours in HOURS:
        recent = found.hours <= hours
        own = np.bincount(found.decay[recent & found.parent], minlength=n_all)
        others = np.bincount(found.decay[recent & ~found.parent], minlength=n_all)
        inside = np.mean(found.lag[found.long_lived] <= hours)
        some = np.mean(own[found.long_lived] > 0)
        rows.append(
            [
                f"{hours:g}",
                _share(inside, n_long),
                _share(some, n_long),
                measured(own[own > 0].mean(), own[own > 0].std() / np.sqrt((own > 0).sum())),
                measured(others.mean(), others.std() / np.sqrt(n_all)),
            ]
        )
    return rows


def _share(value: float, n: int) -> str:
    return measured(float(value), float(np.sqrt(value * (1 - value) / n)))


def around(model: ShowerModel) -> tuple[float, float, float]:
    """Parents with a capture seen near, how many these have, and captures of others per day."""
    generator = np.random.default_rng(5)
    place = volume("xels", DETECTOR).sample(N_PARENTS, generator=generator)
    parents = draw_parents(model, place, RADIUS, generator=generator)
    own = _count(model, parents, place, generator)
    rates = model.muons
    n = generator.poisson(rates.rate_hz * rates.neutron_muons * PER_DAY * N_DAYS)
    others = draw_neutron_muons(model, n, RADIUS, generator=generator)
    decays = volume("xels", DETECTOR).sample(n, generator=generator)
    day = _count(model, others, decays, generator).sum() / N_DAYS
    return float(np.mean(own > 0)), float(own[own > 0].mean()), float(day)


def _count(
    model: ShowerModel, showers: Showers, place: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Captures seen within 1.6 m of the place that belongs to each muon."""
    seen = see_captures(model, showers, RADIUS, generator=generator)
    near = np.linalg.norm(seen.vertex - place[seen.muon], axis=1) < NEAR_M
    return np.bincount(seen.muon[near], minlength=len(showers))


def scan_rows() -> list[list[object]]:
    """The same with each uncertain figure halved and doubled."""
    usual = around(ShowerModel())
    rows: list[list[object]] = [["as they are", "", *_cells(usual)]]
    for name in SCANNED:
        for factor in (0.5, 2.0):
            found = around(ShowerModel().scaled({name: factor}))
            rows.append([f"`{name}`", f"{factor:g}", *_cells(found)])
    return rows


def _cells(values: tuple[float, float, float]) -> list[str]:
    share, own, others = values
    return [_share(share, N_PARENTS), f"{own:.2f}", f"{others:.1f}"]


def cost(words: list[str], folder: Path) -> tuple[float, float, float]:
    """Processor time [s], largest memory [MiB] and file [MiB] of a simulation."""
    out = folder / "run.h5"
    whole = [sys.executable, "-c", PROGRAM, "--quiet", "simulate", "showers", *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen([*whole, f"--out={out}"], env=environment, stdout=-3) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = status
    if status:
        message = f"the simulation of {' '.join(words)} ended with {status}"
        raise RuntimeError(message)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, out.stat().st_size / 2**20


def cost_rows(days: list[float], n: int) -> list[list[object]]:
    """Runs of several lengths, and histories."""
    rows: list[list[object]] = []
    asked = [[f"--days={d:g}"] for d in days] + [[f"--histories={k}"] for k in (n // 4, n)]
    with tempfile.TemporaryDirectory() as folder:
        for words in asked:
            seconds, memory, size = cost(words, Path(folder))
            rows.append([f"`{words[0]}`", f"{seconds:.1f}", f"{memory:.0f}", f"{size:.1f}"])
    return rows


def main() -> None:
    """Write or print the parts of docs/showers.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decays", type=int, default=1024)
    parser.add_argument("--days", type=float, nargs="+", default=[2.0, 8.0])
    parser.add_argument("--picture", type=Path, default=DOCS / "showers.png")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    found = found_around(given.decays)
    draw(found, given.picture)
    around_head = ["parents with captures near", "captures of these", "of others per day"]
    parts = {
        "showers_laws": table(["", "published or aimed at", "simulated"], law_rows()),
        "showers_hours": table(
            ["hours", "parent inside", "with captures near", "captures of these", "of others"],
            hour_rows(found),
        ),
        "showers_scan": table(["figure", "times", *around_head], scan_rows()),
        "showers_cost": table(
            ["", "processor time, s", "memory, MiB", "file, MiB"],
            cost_rows(given.days, given.decays),
        ),
    }
    for name, markdown in parts.items():
        if given.write:
            write_part(DOCS / "showers.md", name, markdown)
        else:
            sys.stdout.write(f"{name}\n{markdown}\n")


if __name__ == "__main__":
    main()
