r"""A synthetic year watched: found against true changes, and pulls of the averages between them.

    python benchmarks/monitor_year.py --keep year/ --write docs/monitoring.md \
        --figure docs/monitoring.png

Every run is simulated and calibrated; every fourth PMT of KamLAND-Zen 800 is in it, so that a run
takes seconds. Runs that DIR holds already are not made again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from pages import table, write_part

from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.demo import write_demo_period
from kzcal.calibrate.driver import calibrate_run
from kzcal.calibrate.extensions import CheckedSample
from kzcal.calibrate.payloads import response_payload
from kzcal.campaign.year import Year, draw_year
from kzcal.campaign.year_runs import change_records
from kzcal.conditions.database import Database
from kzcal.conditions.payload import Lineage, Payload
from kzcal.geometry import Detector, load_detector
from kzcal.io.source import open_events
from kzcal.monitor.applying import DRAWN, averaged
from kzcal.monitor.comparison import compare
from kzcal.monitor.config import MonitorConfig
from kzcal.monitor.penalty import penalty_of, unchanging
from kzcal.monitor.segments import divide
from kzcal.monitor.watch import Stability, watch
from kzcal.plugins import load

TAG, SEED = "year", 3
NAMES = ("qe", "gain", "spe_width", "time_offset", "tts")
CASES = ((10, 0.0), (30, 0.0), (30, 0.05), (100, 0.0))
RATES = (1e-2, 1e-3)
BLUE, RED = "#20639b", "#c0392b"


def part_of(detector: Detector, every: int) -> Detector:
    """Some of the PMTs, numbered anew."""
    return replace(
        detector,
        positions=detector.positions[::every],
        diameter_inch=detector.diameter_inch[::every],
        aperture_radius=detector.aperture_radius[::every],
    )


def calibrated(db: Database, year: Year, detector: Detector, events: int, keep: Path) -> None:
    """Simulate and calibrate what is missing of a year."""
    samples = {name: CheckedSample.build(record) for name, record in load(()).samples.items()}
    have = {iov.runs.first for tag in db.tags() if tag.name == TAG for iov in db.iovs(TAG)}
    for row, run in enumerate(year.runs):
        if run in have:
            continue
        path = keep / f"{run}.h5"
        write_demo_period(
            path,
            seed=1000 + run,
            n_events=events,
            run=run,
            truth=year.truth(row),
            light=year.light(row),
            detector=detector,
        )
        with open_events(path, detector, {}) as source:
            result = calibrate_run(
                source,
                detector,
                CalibrationConfig(),
                samples=samples,
                device=torch.device("cpu"),
                advance=lambda _hits: None,
            )
        path.unlink()
        payload = response_payload(result, Lineage(configuration={"run": run}), {})
        db.store(TAG, run, run, [payload], "a run", description="a synthetic year")
        print(f"calibrated run {run}", flush=True)


def truth_of(year: Year, name: str, rows: range) -> np.ndarray:
    """Mean of a constant over runs."""
    return np.asarray(np.mean([getattr(year.truth(row), name) for row in rows], axis=0))


def pulls_of(
    year: Year, detector: Detector, payload: Payload, values: dict, rows: range
) -> dict[str, np.ndarray]:
    """(Found - true) over the error, of PMTs good throughout, what a type shares taken off."""
    good = payload.columns["status"].values == "good"
    for row in rows:
        good = good & (year.truth(row).status == "good")
    found = {}
    for name, (value, error) in values.items():
        true = truth_of(year, name, rows)
        pull = np.full(len(true), np.nan)
        for diameter in (17, 20):
            members = good & (detector.diameter_inch == diameter) & np.isfinite(value)
            if name == "qe":
                true[members] *= value[members].mean() / true[members].mean()
            miss = value[members] - true[members]
            pull[members] = (miss - np.median(miss)) / error[members]
        found[name] = pull[np.isfinite(pull)]
    return found


def naive(payloads: list[Payload]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Weighted means of what runs state, as if they were independent."""
    means = {}
    for name in NAMES:
        value, error = (
            np.stack([np.asarray(getattr(p.columns[name], part)) for p in payloads])
            for part in ("values", "errors")
        )
        weight = error**-2.0
        means[name] = ((weight * value).sum(0) / weight.sum(0), weight.sum(0) ** -0.5)
    return means


def averages(
    db: Database, year: Year, detector: Detector, found: Stability
) -> Iterator[tuple[str, ...]]:
    """Widths of the pulls of averages over all intervals of three runs or more."""
    payloads = [db.payload(iov.payload) for iov in found.record.iovs]
    pulls: dict[str, dict[str, list]] = {name: {"right": [], "naive": []} for name in NAMES}
    for interval in found.intervals:
        rows = range(interval.first, interval.last + 1)
        if len(rows) < 3:
            continue
        payload = averaged(found, detector, payloads, interval)
        columns = {n: (payload.columns[n].values, payload.columns[n].errors) for n in NAMES}
        own = naive(payloads[interval.first : interval.last + 1])
        for how, values in (("right", columns), ("naive", own)):
            for name, pull in pulls_of(year, detector, payload, values, rows).items():
                pulls[name][how].append(pull)
    for name, both in pulls.items():
        right, plain = (np.concatenate(both[how]) for how in ("right", "naive"))
        error = right.std() / np.sqrt(2 * len(right))
        drawn = f"{plain.std():.2f}" if name in DRAWN else ""
        yield name, f"{len(right)}", f"{right.std():.2f} ± {error:.2f}", drawn


def false_alarms() -> Iterator[tuple[str, ...]]:
    """Stated and found rates of false alarms."""
    for n_run, slope in CASES:
        time = torch.arange(float(n_run), dtype=torch.float64)
        number = 400_000 // n_run
        data, motion = unchanging(
            number, time, slope, 0.0, generator=torch.Generator().manual_seed(2)
        )
        cells = []
        for rate in RATES:
            penalty = penalty_of(
                rate, time, slope, 0.0, generator=torch.Generator().manual_seed(1)
            )
            everywhere = torch.full_like(data.value, penalty)
            n = int(divide(data, motion, everywhere).any(1).sum())
            cells += [f"{penalty:.1f}", f"{n / number:.2g} ± {max(n, 1) ** 0.5 / number:.1g}"]
        yield f"{n_run}", f"{slope**0.5:.2g}", *cells


def draw(found: Stability, changes: list[dict], path: Path) -> None:
    """When changes truly were and when they are said to have been."""
    position = {run: row for row, run in enumerate(found.record.runs)}
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(9.5, 4.2), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        kinds = list(dict.fromkeys(change["kind"] for change in changes))
        for change in changes:
            y = kinds.index(change["kind"])
            first = position[change["first_run"]] - 0.5
            axes.plot([first], [y], "|", ms=16, mew=2, color=BLUE)
        for interval in found.intervals[1:]:
            axes.axvline(interval.first - 0.5, color="#2e7d4f", lw=1, ls=":")
        rows = [a for a in found.alarms if a.severity != "note"]
        names = list(dict.fromkeys(a.kind for a in rows))
        for alarm in rows:
            y = len(kinds) + names.index(alarm.kind)
            size = 4 + 3 * np.log10(max(len(alarm.pmts), 1))
            axes.plot([alarm.run - 0.5], [y], "o", ms=size, color=RED, alpha=0.6)
        labels = [f"true: {kind}" for kind in kinds] + [f"found: {name}" for name in names]
        axes.set_yticks(range(len(labels)), labels)
        axes.invert_yaxis()
        axes.set_xlabel("run of the year (dotted: proposed boundaries)")
        figure.savefig(path, dpi=110)


def main() -> None:
    """Make the year, watch it and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--every", type=int, default=4)
    parser.add_argument("--runs", type=int, default=12)
    parser.add_argument("--events", type=int, default=1500)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    detector = part_of(load_detector(), arguments.every)
    year = draw_year(detector, seed=SEED, n_runs=arguments.runs)
    arguments.keep.mkdir(parents=True, exist_ok=True)
    place = arguments.keep / "kz.db"
    with Database.open(place) if place.exists() else Database.init(place) as db:
        calibrated(db, year, detector, arguments.events, arguments.keep)
        found = watch(db, TAG, detector, MonitorConfig())
        changes = change_records(year)
        compared = compare(found, changes)
        widths = list(averages(db, year, detector, found))
    part = "\n\n".join(
        [
            f"{arguments.runs} runs of {arguments.events} events, {detector.n_pmt} PMTs.",
            table(
                ("change", "PMTs", "found within a run", "in the very run"),
                [(row.kind, row.true, row.found, row.exact) for row in compared.kinds],
            ),
            (
                f"Together {compared.efficiency:.0%} of the true changes were found, and "
                f"{compared.purity:.0%} of the {compared.told} changes that red and amber alarms "
                "tell of are true."
            ),
            table(
                ("constant", "averages", "width of pulls", "as if runs were independent"), widths
            ),
        ]
    )
    head = ("runs", "drift, errors a run")
    for rate in RATES:
        head += (f"penalty for {rate:g}", "found")
    alarms = table(head, false_alarms())
    print(part, alarms, sep="\n\n")
    if arguments.write is not None:
        write_part(arguments.write, "monitor_year", part)
        write_part(arguments.write, "false_alarms", alarms)
    if arguments.figure is not None:
        draw(found, changes, arguments.figure)


if __name__ == "__main__":
    main()
