"""What the times of hits tell, from runs of known light and from a period.

    PYTHONPATH=tests/support python benchmarks/global_fit_times.py toys [--n 20]
        [--write docs/global_fit_times.md]
    PYTHONPATH=tests/support python benchmarks/global_fit_times.py light [--n 4]
        [--write docs/global_fit_times.md]
    PYTHONPATH=tests/support python benchmarks/global_fit_times.py period period_A.h5
        --settings benchmarks/challenge/fit.toml [--truth period_A_truth.h5]
        [--photons 3e7] [--figure docs/global_fit_times.png] [--write docs/global_fit_times.md]

Toys are made by the tracer and the response and fitted with the term; the period is calibrated
first. The truth of a period is printed beside what was found, and used for nothing else.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from pages import table, write_part
from timed_run import TRUTH, TimedRun

from kzcal.calibrate.driver import RunResult, calibrate_run
from kzcal.fit.config import FitConfig
from kzcal.fit.gathering import gather
from kzcal.fit.newton import Newton
from kzcal.fit.objective import FitObjective
from kzcal.fit.parameters import ParameterSet
from kzcal.fit.run import CalibratedRun
from kzcal.fit.terms import Expectation
from kzcal.fit.times.cells import SAMPLES
from kzcal.fit.times.term import TimeTerm, time_edges
from kzcal.geometry import Detector
from kzcal.geometry.adjusted import detector_at
from kzcal.geometry.materials import Materials
from kzcal.io.source import EventSource, open_events
from kzcal.parts import Minimum, Parameter
from kzcal.plugins import Plugins, load

DRAWN = {
    "decay_scale": (0.95, 1.06),
    "late_fraction": (0.02, 0.05),
    "late_delay": (15.0, 40.0),
    "time_walk": (0.3, 1.0),
    "tts_mean_17": (1.1, 1.5),
    "tts_mean_20": (2.2, 2.9),
}
"""Truths of toys."""
START = {
    "decay_scale": (1.0, 0.7, 1.4),
    "late_fraction": (0.03, 0.0, 0.2),
    "late_delay": (30.0, 5.0, 100.0),
    "time_walk": (0.5, -1.0, 3.0),
    "tts_mean_17": (1.3, 0.5, 3.0),
    "tts_mean_20": (2.5, 1.0, 5.0),
    "time_shift": (0.0, -5.0, 5.0),
}
EVENTS, PHOTONS = (300, 800), 6000
"""Of a toy: electrons of 2.2 MeV and alphas, and photons traced for each."""
FEWER, AMOUNTS = (100, 300), (1500, 6000, 20_000)
FITTED = (
    *START,
    "early_fraction",
    "vertex_resolution",
    "t0_resolution",
    "absorption_scale",
    "scattering_scale",
    "pmt_reflectivity",
    "sheet_reflectivity",
    "angular_slope",
)
IN_TRUTH = {
    "decay_scale": "tau_scale",
    "late_fraction": "late_p",
    "time_walk": "walk",
    "absorption_scale": "abs_scale",
    "scattering_scale": "scat_scale",
    "pmt_reflectivity": "refl_pmt",
    "sheet_reflectivity": "refl_sheet",
    "angular_slope": "ang_a",
}
ROUNDS = 2


def toys(n: int) -> str:
    """Pulls of runs whose truth is known."""
    rng = np.random.default_rng(2026)
    pulls, errors = np.empty((2, n, len(START)))
    for k in range(n):
        truth = TRUTH | {name: float(rng.uniform(*ends)) for name, ends in DRAWN.items()}
        term = TimedRun(truth, EVENTS, seed=k).term(PHOTONS, seed=1000 + k)
        parameters = [Parameter(name, *numbers, "1") for name, numbers in START.items()]
        fixed = {name: value for name, value in truth.items() if name not in START}
        found = Newton().minimise(FitObjective([term], parameters, fixed), parameters, seed=1)
        errors[k] = np.sqrt(np.diag(found.covariance))
        pulls[k] = (found.values - [truth[name] for name in START]) / errors[k]
        print(k, np.round(pulls[k], 2), flush=True)
    width = pulls.std(axis=0, ddof=1)
    rows = [
        [
            f"`{name}`",
            f"{errors[:, i].mean():.4f}",
            f"{pulls[:, i].mean():+.2f} ± {1 / n**0.5:.2f}",
            f"{width[i]:.2f} ± {1 / (2 * n - 2) ** 0.5:.2f}",
        ]
        for i, name in enumerate(START)
    ]
    return table([f"{n} toys", "mean error", "mean pull", "width of the pulls"], rows)


def light(n: int) -> str:
    """How far off fits are on average with more or fewer traced photons of the same hits."""
    found = np.empty((n, len(AMOUNTS), len(START)))
    for k in range(n):
        toy = TimedRun(TRUTH, FEWER, seed=50 + k)
        for i, amount in enumerate(AMOUNTS):
            term = toy.term(amount, seed=7 + k)
            parameters = [Parameter(name, *numbers, "1") for name, numbers in START.items()]
            fixed = {name: value for name, value in TRUTH.items() if name not in START}
            objective = FitObjective([term], parameters, fixed)
            minimum = Newton().minimise(objective, parameters, seed=1)
            found[k, i] = minimum.values - [TRUTH[name] for name in START]
    mean, error = found.mean(0), found.std(0, ddof=1) / n**0.5
    rows = [
        [f"`{name}`", *(f"{m:+.3f} ± {e:.3f}" for m, e in zip(mean.T[i], error.T[i], strict=True))]
        for i, name in enumerate(START)
    ]
    return table(["mean of fit less truth", *(f"{a} photons per event" for a in AMOUNTS)], rows)


def calibrated(
    source: EventSource, config: FitConfig, detector: Detector, plugins: Plugins
) -> RunResult:
    """Constants of every PMT."""
    samples = {name: record.build() for name, record in plugins.samples.items()}
    return calibrate_run(
        source,
        detector,
        config.calibration_config(),
        samples=samples,
        device=torch.device("cpu"),
        advance=lambda _hits: None,
    )


def term_of(run: CalibratedRun, config: FitConfig, photons: float, turn: int) -> TimeTerm:
    """The term of a run, with so many photons in all."""
    settings = replace(config, terms=("times",), photons=int(photons), seed=1 + turn)
    (term,) = gather(run, run.detector, settings).terms
    return term


def fit_period(
    source: EventSource,
    result: RunResult,
    config: FitConfig,
    nominal: Detector,
    materials: Materials,
    photons: float,
) -> tuple[ParameterSet, Minimum, TimeTerm]:
    """Trace and fit in turns, from nominal light."""
    parameters = replace(config, fit=FITTED).parameter_set(nominal)
    for turn in range(ROUNDS):
        shining = detector_at(nominal, parameters.values)
        settings = config.calibration_config()
        run = CalibratedRun.of(
            source, result, shining, materials, settings, device=torch.device("cpu")
        )
        term = term_of(run, config, photons, turn)
        objective = FitObjective([term], parameters.free, parameters.fixed)
        found = Newton().minimise(objective, parameters.free, seed=1)
        names = (p.name for p in parameters.free)
        parameters = parameters.starting_at(dict(zip(names, found.values.tolist(), strict=True)))
        print(turn, parameters.values, flush=True)
    return parameters, found, term


def period(arguments: argparse.Namespace) -> str:
    """What the times of a period tell."""
    config = FitConfig.from_toml(arguments.settings)
    nominal, materials = config.open_detector()
    plugins = load()
    formats = {name: record.build() for name, record in plugins.event_formats.items()}
    with open_events(arguments.period, nominal, formats) as source:
        result = calibrated(source, config, nominal, plugins)
        parameters, found, term = fit_period(
            source, result, config, nominal, materials, arguments.photons
        )
    named = {name: torch.tensor(v).double() for name, v in parameters.values.items()}
    expected = term.expected(named)
    if arguments.figure is not None:
        draw(term, expected, arguments.figure)
    return summary(parameters, found, term, expected, true_values(arguments.truth))


def true_values(path: Path | None) -> Mapping[str, float]:
    """The truth of a period, by the fit's names."""
    if path is None:
        return {}
    with h5py.File(path) as file:
        truth = {name: float(file[key][()]) for name, key in IN_TRUTH.items()}
        good, kind, tts = (file[key][:] for key in ("status", "pmt_type", "tts"))
        for inch in (17, 20):
            rows = (good == 0) & (kind == inch)
            truth[f"tts_mean_{inch}"] = float(np.sqrt(np.mean(tts[rows] ** 2)))
    return truth


def summary(
    parameters: ParameterSet,
    found: Minimum,
    term: TimeTerm,
    expected: Expectation,
    truth: Mapping[str, float],
) -> str:
    """Values beside the truth, and how well the whole agrees."""
    errors = np.sqrt(np.diag(found.covariance))
    rows = []
    for parameter, value, error in zip(parameters.free, found.values, errors, strict=True):
        true = truth.get(parameter.name)
        tail = ("", "") if true is None else (f"{true:.3f}", f"{(value - true) / error:+.1f}")
        rows.append([f"`{parameter.name}`", f"{value:.3f} ± {error:.3f}", *tail])
    added = float((expected.mean**2 * expected.variance).sum() / expected.mean.sum())
    names = ", ".join(SAMPLES[i] for i in term.sample.unique().tolist())
    text = (
        f"{int(term.counts.sum())} hits of {names} in {len(term.hits)} cells; −2 log L is "
        f"{found.objective:.0f} for {len(term.counts)} bins, many of them empty; finite light "
        f"adds {100 * added:.0f} % to the variance of a bin."
    )
    return table(["", "found", "truth", "pull"], rows) + "\n\n" + text


def draw(term: TimeTerm, expected: Expectation, path: Path) -> None:
    """Hits per nanosecond of every sample beside the expectation, and their ratio."""
    edges = np.array(time_edges())
    middle, width = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    mean = expected.mean.reshape(term.hits.shape)
    found = term.sample.unique().tolist()
    figure = Figure(figsize=(3.4 * len(found), 5.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, len(found), sharex=True, sharey="row", squeeze=False)
    for column, sample in enumerate(found):
        upper, lower = axes[:, column]
        for kind, colour in enumerate(("tab:blue", "tab:orange")):
            chosen = (term.sample == sample) & (term.fold.kind == kind)
            hits, light = (x[chosen].sum((0, 1)).numpy() for x in (term.hits, mean))
            label = f"{(17, 20)[kind]}-inch"
            upper.plot(middle, hits / width, ".", ms=3, color=colour, label=label)
            upper.plot(middle, light / width, "-", lw=0.8, color=colour)
            error = np.sqrt(np.maximum(hits, 1)) / light
            lower.errorbar(middle, hits / light, error, fmt=".", ms=3, lw=0.6, color=colour)
        upper.set(yscale="log", title=SAMPLES[sample])
        lower.axhline(1, color="black", lw=0.8)
        lower.set(xlabel="residual [ns]", ylim=(0.8, 1.2))
    axes[0, 0].set_ylabel("hits / ns")
    axes[1, 0].set_ylabel("hits over expected")
    axes[0, 0].legend()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Print what was asked for, and write it into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("toys", "light", "period"))
    parser.add_argument("period", type=Path, nargs="?")
    parser.add_argument("--n", type=int, default=20)
    parser.add_argument("--settings", type=Path, help="of the fit")
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--photons", type=float, default=3e7)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--write", type=Path, help="page that gets the table")
    arguments = parser.parse_args()
    made = {"toys": toys, "light": light}
    text = made[arguments.what](arguments.n) if arguments.what in made else period(arguments)
    if arguments.write:
        write_part(arguments.write, f"times_{arguments.what}", text)
    print(text)


if __name__ == "__main__":
    main()
