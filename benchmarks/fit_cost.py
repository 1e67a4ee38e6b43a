"""Photons that a fit traces until it is as good, beside plain TPE on an objective traced anew.

    python benchmarks/fit_cost.py period_A.h5 [--photons 6e6] [--trials 60]
        [--write docs/global_fit.md]

How light is shared out over the PMTs is fitted twice from the same start. kzcal traces once per
round with fixed random numbers and moves the light by its slopes. Plain TPE, Optuna's default
sampler, asks for a point, and light is traced there with random numbers of its own and compared
as it is. Both are judged by one finely traced objective at the points that they hold for best.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import optuna
import torch
from pages import table, write_part

from kzcal.calibrate.driver import calibrate_run
from kzcal.calibrate.measure import checked_samples
from kzcal.fit.config import FitConfig
from kzcal.fit.gathering import sample_rows
from kzcal.fit.light.lost import LostByTime
from kzcal.fit.light.occupancy import OccupancyCounts
from kzcal.fit.light.points import EmissionPoints, emission_points
from kzcal.fit.light.sloped import SlopedHistogram
from kzcal.fit.light.traced import traced
from kzcal.fit.newton import Newton
from kzcal.fit.objective import FitObjective
from kzcal.fit.parameters import ParameterSet
from kzcal.fit.run import CalibratedRun
from kzcal.geometry import Detector
from kzcal.geometry.adjusted import detector_at
from kzcal.geometry.materials import Materials
from kzcal.io.source import EventSource, open_events
from kzcal.parts import Parameter
from kzcal.physics.transport import Transport
from kzcal.plugins import load

SETTINGS = Path(__file__).parent / "challenge" / "fit.toml"
FREE = (
    "efficiency_20",
    "absorption_scale",
    "pmt_reflectivity",
    "sheet_reflectivity",
    "angular_slope",
)
NEAR = 2.0
"""A point is as good as another one if -2 log L is no more than this above."""
JUDGE = 10
"""So many times as many photons judge as fit."""
CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True, eq=False)
class Tracing:
    """Makes objectives of one run, whose hits were counted once."""

    run: CalibratedRun
    nominal: Detector
    materials: Materials
    counted: OccupancyCounts
    points: EmissionPoints
    parameters: ParameterSet

    def objective(self, values: np.ndarray, photons: float, seed: int) -> FitObjective:
        """-2 log L with light traced at values of the parameters."""
        names = [p.name for p in self.parameters.free]
        at = self.parameters.values | dict(zip(names, values.tolist(), strict=True))
        run = replace(self.run, detector=detector_at(self.nominal, at))
        light = SlopedHistogram.zeros(len(self.counted.hits))
        counts = replace(self.counted, run=run, light=light)
        each = photons / self.points.n_events
        for block in traced(self.points, run, each, seed=seed):
            counts.add_light(block)
        return FitObjective((counts.term(),), self.parameters.free, self.parameters.fixed)


def prepared(source: EventSource) -> Tracing:
    """The run, calibrated and counted."""
    config = replace(FitConfig.from_toml(SETTINGS), fit=FREE)
    nominal, materials = config.open_detector()
    settings = config.calibration_config()
    result = calibrate_run(
        source,
        nominal,
        settings,
        samples=checked_samples(load()),
        device=CPU,
        advance=lambda _hits: None,
    )
    run = CalibratedRun.of(source, result, nominal, materials, settings, device=CPU)
    rows = sample_rows(run, config)
    counted = OccupancyCounts.of(run, rows)
    for batch in run.stream.batches():
        counted.add(batch, LostByTime(run).behind(batch))
    vertex = run.stream.events.vertex.double().numpy()
    points = emission_points(rows, vertex, Transport(nominal), seed=1)
    parameters = config.parameter_set(nominal)
    return Tracing(run, nominal, materials, counted, points, parameters)


def in_rounds(tracing: Tracing, photons: float, rounds: int = 4) -> Iterator[np.ndarray]:
    """Best points after each round of kzcal's fit; the same random numbers in all of them."""
    free: tuple[Parameter, ...] = tracing.parameters.free
    values = np.array([p.start for p in free])
    for _ in range(rounds):
        objective = tracing.objective(values, photons, seed=1)
        started = [replace(p, start=v) for p, v in zip(free, values.tolist(), strict=True)]
        values = Newton().minimise(objective, started, seed=1).values
        yield values


def by_tpe(tracing: Tracing, photons: float, trials: int) -> Iterator[np.ndarray]:
    """Best points after each trial of plain TPE; light is traced anew for every one."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    free = tracing.parameters.free
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    study.enqueue_trial({p.name: p.start for p in free})
    for number in range(trials):
        trial = study.ask()
        asked = [trial.suggest_float(p.name, p.lower, p.upper) for p in free]
        values = np.array(asked)
        objective = tracing.objective(values, photons, seed=1000 + number)
        study.tell(trial, objective(values))
        yield np.array([study.best_params[p.name] for p in free])


def judged(points: Iterator[np.ndarray], judge: Callable[[np.ndarray], float]) -> list[float]:
    """-2 log L of each point; points that stay are judged once."""
    known: dict[bytes, float] = {}
    found = []
    for values in points:
        key = values.tobytes()
        if key not in known:
            known[key] = judge(values)
        found.append(known[key])
    return found


def main() -> None:
    """Fit both ways, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("events", type=Path)
    parser.add_argument("--photons", type=float, default=6e6, help="per round and per trial")
    parser.add_argument("--trials", type=int, default=60, help="of TPE")
    parser.add_argument("--write", type=Path, help="page that gets the table")
    arguments = parser.parse_args()
    nominal = FitConfig.from_toml(SETTINGS).open_detector()[0]
    with open_events(arguments.events, nominal) as source:
        tracing = prepared(source)

    def judge(values: np.ndarray) -> float:
        return tracing.objective(values, JUDGE * arguments.photons, seed=77)(values)

    ours = judged(in_rounds(tracing, arguments.photons), judge)
    plain = judged(by_tpe(tracing, arguments.photons, arguments.trials), judge)
    goal = min(ours) + NEAR
    rows = []
    for name, values in (("rounds with slopes", ours), ("plain TPE, traced anew", plain)):
        reached = [n for n, value in enumerate(values, 1) if value <= goal]
        n = reached[0] if reached else len(values)
        photons = f"{'' if reached else '> '}{n * arguments.photons / 1e6:.0f}"
        rows.append([name, photons, f"{values[0]:.1f}", f"{values[n - 1]:.1f}"])
    header = ["", "million photons", "-2 log L at first", "-2 log L there"]
    text = table(header, rows)
    print(text)
    if arguments.write:
        write_part(arguments.write, "fit_cost", text)


if __name__ == "__main__":
    main()
