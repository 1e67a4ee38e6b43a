"""What the sharing out of light tells, from runs of known light and from a period.

    PYTHONPATH=tests/support python benchmarks/global_fit_light.py toys [--n 16]
        [--write docs/global_fit_light.md]
    PYTHONPATH=tests/support python benchmarks/global_fit_light.py period period_A.h5
        --settings benchmarks/challenge/fit.toml [--truth period_A_truth.h5]
        [--photons 4e7] [--figure docs/global_fit_light.png] [--write docs/global_fit_light.md]
    python ... joint period_A.h5 --settings ... [--truth ...] [--photons ...] [--write ...]

Toys are made by the tracer and fitted with it; the period is calibrated first. The truth of a
period is printed beside what was found, and used for nothing else.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from occupancy_toys import TRUTHS, ball, fitted
from pages import table, write_part
from traced_run import lit_run

from kzcal.calibrate.driver import RunResult, calibrate_run
from kzcal.fit.config import FitConfig
from kzcal.fit.gathering import gather
from kzcal.fit.light.collection import EFFICIENCY_20
from kzcal.fit.light.occupancy import N_ANGLES, N_SHELLS, N_TYPES, OccupancyTerm
from kzcal.fit.newton import Newton
from kzcal.fit.objective import FitObjective
from kzcal.fit.parameters import ParameterSet
from kzcal.fit.run import CalibratedRun
from kzcal.fit.terms import Expectation, deviance
from kzcal.geometry import Detector
from kzcal.geometry.adjusted import detector_at
from kzcal.geometry.materials import Materials
from kzcal.io.source import EventSource, open_events
from kzcal.parts import Minimum
from kzcal.plugins import load

FITTED = (
    "absorption_scale",
    "scattering_scale",
    "pmt_reflectivity",
    "sheet_reflectivity",
    "angular_slope",
    "efficiency_20",
)
IN_TRUTH = dict(
    zip(
        FITTED,
        ("abs_scale", "scat_scale", "refl_pmt", "refl_sheet", "ang_a", "qe20"),
        strict=True,
    )
)
OF_TIMES = (
    "decay_scale",
    "late_fraction",
    "late_delay",
    "early_fraction",
    "time_walk",
    "tts_mean_17",
    "tts_mean_20",
    "vertex_resolution",
    "t0_resolution",
    "time_shift",
)
JOINT = FITTED + OF_TIMES
ROUNDS = 2
SHAPE = N_SHELLS, N_TYPES, N_ANGLES
EVENTS, PHOTONS, TRACED = 500, 3000, 9000
"""Of a toy: events, photons from each, and photons traced for each."""


def toys(n: int) -> str:
    """Pulls of runs of known light."""
    rng = np.random.default_rng(2026)
    pulls, errors = np.empty((2, n, len(TRUTHS)))
    for k in range(n):
        truth = {name: rng.uniform(*ends) for name, ends in TRUTHS.items()}
        run = lit_run(ball(EVENTS, seed=k), PHOTONS, 100 + k, **truth)
        found = fitted(run, TRACED, 10_000 + 10 * k)
        errors[k] = np.sqrt(np.diag(found.covariance))
        pulls[k] = (found.values - np.array(list(truth.values()))) / errors[k]
    width = pulls.std(axis=0, ddof=1)
    rows = [
        [
            f"`{name}`",
            f"{errors[:, i].mean():.3f}",
            f"{pulls[:, i].mean():+.2f} ± {1 / n**0.5:.2f}",
            f"{width[i]:.2f} ± {1 / (2 * n - 2) ** 0.5:.2f}",
        ]
        for i, name in enumerate(TRUTHS)
    ]
    return table([f"{n} toys", "mean error", "mean pull", "width of the pulls"], rows)


@dataclass(frozen=True)
class PeriodFit:
    """A period's fit: the parameters, their values, and the term of the last trace."""

    parameters: ParameterSet
    minimum: Minimum
    term: OccupancyTerm

    def expected(self) -> Expectation:
        """At the best values."""
        objective = FitObjective((self.term,), self.parameters.free, self.parameters.fixed)
        values = torch.as_tensor(self.minimum.values, dtype=torch.float64)
        return self.term.expected(objective.named(values))


def calibrated(source: EventSource, config: FitConfig, detector: Detector) -> RunResult:
    """Constants of every PMT."""
    samples = {name: record.build() for name, record in load().samples.items()}
    return calibrate_run(
        source,
        detector,
        config.calibration_config(),
        samples=samples,
        device=torch.device("cpu"),
        advance=lambda _hits: None,
    )


def period_fit(
    source: EventSource,
    result: RunResult,
    config: FitConfig,
    nominal: Detector,
    materials: Materials,
    photons: float,
) -> tuple[OccupancyTerm, PeriodFit]:
    """The first term, with nominal light, and the fit after some rounds of trace and fit."""
    parameters = replace(config, fit=FITTED).parameter_set(nominal)
    terms = []
    for turn in range(ROUNDS):
        shining = detector_at(nominal, parameters.values)
        run = CalibratedRun.of(
            source,
            result,
            shining,
            materials,
            config.calibration_config(),
            device=torch.device("cpu"),
        )
        terms.append(_term(run, config, photons, turn))
        objective = FitObjective(terms[-1:], parameters.free, parameters.fixed)
        found = Newton().minimise(objective, parameters.free, seed=1)
        last = PeriodFit(parameters, found, terms[-1])
        names = (p.name for p in parameters.free)
        parameters = parameters.starting_at(dict(zip(names, found.values.tolist(), strict=True)))
    return terms[0], last


def _term(run: CalibratedRun, config: FitConfig, photons: float, turn: int) -> OccupancyTerm:
    settings = replace(config, terms=("occupancy",), photons=int(photons), seed=1 + turn)
    (term,) = gather(run, run.detector, settings).terms
    return term


def period(
    path: Path, settings: Path, truth: Path | None, photons: float, figure: Path | None
) -> str:
    """A period's values for both readings of re-emission."""
    config = FitConfig.from_toml(settings)
    nominal, materials = config.open_detector()
    formats = {name: record.build() for name, record in load().event_formats.items()}
    fits = []
    with open_events(path, nominal, formats) as source:
        result = calibrated(source, config, nominal)
        for longer in (1.0, 0.0):
            light = replace(nominal.light, reemission_longer=longer)
            glows = replace(nominal, light=light)
            first, fit = period_fit(source, result, config, glows, materials, photons)
            fits.append(fit)
    if figure is not None:
        draw(first, fit, figure)
    return _summary(fits, _truth(truth))


def joint(path: Path, settings: Path, truth: Path | None, photons: float) -> str:
    """Light and times together, from one trace for each reading of re-emission."""
    config = replace(FitConfig.from_toml(settings), terms=("occupancy", "times"), fit=JOINT)
    config = replace(config, photons=int(photons))
    nominal, materials = config.open_detector()
    formats = {name: record.build() for name, record in load().event_formats.items()}
    columns = []
    with open_events(path, nominal, formats) as source:
        result = calibrated(source, config, nominal)
        for longer in (1.0, 0.0):
            light = replace(nominal.light, reemission_longer=longer)
            glows = replace(nominal, light=light)
            columns.append(_joint(source, result, config, glows, materials))
    rows = [[f"−2 log L of {name}", *(c[name] for c in columns), ""] for name in config.terms]
    true = _truth(truth)
    rows += [
        [f"`{name}`", *(c[name] for c in columns), f"{true[name]:.3f}" if true else ""]
        for name in FITTED
    ]
    head = ["", "re-emitted at longer waves", "whole spectrum re-emitted", "truth"]
    return table(head, rows)


def _joint(
    source: EventSource,
    result: RunResult,
    config: FitConfig,
    nominal: Detector,
    materials: Materials,
) -> dict[str, str]:
    parameters = config.parameter_set(nominal)
    run = CalibratedRun.of(
        source,
        result,
        detector_at(nominal, parameters.values),
        materials,
        config.calibration_config(),
        device=torch.device("cpu"),
    )
    terms = gather(run, nominal, config).terms
    objective = FitObjective(terms, parameters.free, parameters.fixed)
    found = Newton().minimise(objective, parameters.free, seed=1)
    errors = np.sqrt(np.diag(found.covariance))
    values = objective.named(torch.as_tensor(found.values, dtype=torch.float64))
    column = {
        term.name: f"{float(deviance(term.counts, term.expected(values)).sum()):.0f}"
        for term in terms
    }
    for parameter, value, error in zip(parameters.free, found.values, errors, strict=True):
        column[parameter.name] = f"{value:.3f} ± {error:.3f}"
    return column


def _truth(path: Path | None) -> Mapping[str, float]:
    if path is None:
        return {}
    with h5py.File(path) as file:
        return {name: float(file[key][()]) for name, key in IN_TRUTH.items()}


def _summary(fits: list[PeriodFit], truth: Mapping[str, float]) -> str:
    rows = []
    for i, parameter in enumerate(fits[0].parameters.free):
        found = (f"{f.minimum.values[i]:.3f} ± {_errors(f)[i]:.3f}" for f in fits)
        true = truth.get(parameter.name)
        rows.append([f"`{parameter.name}`", *found, "" if true is None else f"{true:.3f}"])
    totals = (f"{fit.minimum.objective:.0f}" for fit in fits)
    rows.append([f"−2 log L of {len(fits[0].term.counts)} bins", *totals, ""])
    share = (f"{100 * _added(fit):.0f} %" for fit in fits)
    rows.append(["variance that finite light adds", *share, ""])
    head = ["", "re-emitted at longer waves", "whole spectrum re-emitted", "truth"]
    return "\n\n".join([table(head, rows), "Correlations, in percent:", _correlations(fits[-1])])


def _errors(fit: PeriodFit) -> np.ndarray:
    errors: np.ndarray = np.sqrt(np.diag(fit.minimum.covariance))
    return errors


def _added(fit: PeriodFit) -> float:
    expected = fit.expected()
    return float((expected.mean**2 * expected.variance).sum() / expected.mean.sum())


def _correlations(fit: PeriodFit) -> str:
    names = [p.name for p in fit.parameters.free]
    errors = _errors(fit)
    percent = 100 * fit.minimum.covariance / np.outer(errors, errors)
    rows = [
        [f"`{name}`", *(f"{v:.0f}" for v in row[:i])] + [""] * (len(names) - 1 - i)
        for i, (name, row) in enumerate(zip(names, percent, strict=True))
        if i
    ]
    return table(["", *(f"`{name}`" for name in names[:-1])], rows)


def draw(first: OccupancyTerm, fit: PeriodFit, path: Path) -> None:
    """Hits over expectation by angle, with nominal light and with the light that was found."""
    figure = Figure(figsize=(10, 5.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 3, sharex=True, sharey=True)
    cosine = (np.arange(N_ANGLES) + 0.5) * 2 / N_ANGLES - 1
    titles = "r < 3.4 m", "3.4 to 4.5 m", "4.5 to 5.5 m"
    groups = tuple(zip(titles, (slice(0, 2), slice(2, 4), slice(4, 7)), strict=True))
    found = dict(zip((p.name for p in fit.parameters.free), fit.minimum.values, strict=True))
    means = first.expected({EFFICIENCY_20: torch.tensor(found[EFFICIENCY_20])}), fit.expected()
    for row, tubes in zip(range(N_TYPES), ("17-inch", "20-inch"), strict=True):
        for column, (title, shells) in enumerate(groups):
            axis = axes[row, column]
            for expected, colour, label in zip(
                means, ("0.6", "tab:blue"), ("nominal light", "fitted light"), strict=True
            ):
                ratio, error = _ratio(fit.term.counts, expected, shells, row)
                axis.errorbar(cosine, ratio, error, fmt="o", ms=3, color=colour, label=label)
            axis.axhline(1, color="black", lw=0.8)
            axis.set_title(f"{tubes}, {title}", fontsize=9)
    axes[0, 0].legend(fontsize=8)
    for axis in axes[1]:
        axis.set_xlabel("cosine of the angle between vertex and PMT")
    for axis in axes[:, 0]:
        axis.set_ylabel("hits over expected")
    figure.savefig(path, dpi=110)


def _ratio(
    counts: torch.Tensor, expected: Expectation, shells: slice, kind: int
) -> tuple[np.ndarray, np.ndarray]:
    hits, mean, variance = (
        x.reshape(SHAPE)[shells, kind].numpy() for x in (counts, expected.mean, expected.variance)
    )
    total = mean.sum(0)
    error = np.sqrt(hits.sum(0) + (mean**2 * variance).sum(0)) / total
    return hits.sum(0) / total, error


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["toys", "period", "joint"])
    parser.add_argument("path", type=Path, nargs="?")
    parser.add_argument("--n", type=int, default=16)
    parser.add_argument("--settings", type=Path)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--photons", type=float, default=4e7)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--write", type=Path)
    args = parser.parse_args()
    if args.what == "toys":
        text = toys(args.n)
    elif args.what == "joint":
        text = joint(args.path, args.settings, args.truth, args.photons)
    else:
        text = period(args.path, args.settings, args.truth, args.photons, args.figure)
    print(text)
    if args.write is not None:
        write_part(args.write, f"light_{args.what}", text)


if __name__ == "__main__":
    main()
