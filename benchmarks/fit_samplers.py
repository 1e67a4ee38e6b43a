"""How many calls of an objective each fitter needs to come within 0.1 of its minimum.

    python benchmarks/fit_samplers.py --page docs/optuna.md --picture docs/optuna.png

The objective is kzcal's own, with three tables of counts that six correlated parameters shape:
the light of a peak, a quenched peak, and a time distribution. "Plain TPE" is Optuna's default.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib as mpl
import numpy as np
import optuna
import torch
from jaxtyping import Float64
from pages import table, write_part

from kzcal import plugins
from kzcal.fit.newton import Newton
from kzcal.fit.objective import FitObjective
from kzcal.fit.terms import Expectation, Values
from kzcal.parts import Effort, Parameter

Vector = Float64[np.ndarray, " parameter"]
ENERGY = torch.linspace(0.05, 3.0, 60, dtype=torch.float64)
TIME = torch.linspace(0.0, 120.0, 80, dtype=torch.float64)
FITTERS = ("newton", "optuna-gradient", "optuna-cmaes", "optuna-gp", "optuna-tpe")
PARAMETERS = (
    Parameter("light_yield", 1.15, 0.7, 1.4, "1"),
    Parameter("birks", 0.07, 0.03, 0.2, "mm/MeV"),
    Parameter("resolution", 0.08, 0.02, 0.2, "1"),
    Parameter("decay_scale", 1.1, 0.7, 1.4, "1"),
    Parameter("late_fraction", 0.05, 0.0, 0.3, "1"),
    Parameter("late_delay", 60.0, 20.0, 100.0, "ns"),
)
TRUTH = (1.0, 0.11, 0.06, 1.0, 0.1, 45.0)


def _peak(values: Values, mean: torch.Tensor) -> torch.Tensor:
    width = values["resolution"] * torch.sqrt(mean)
    return 40 + 2000 * torch.exp(-0.5 * ((ENERGY - mean) / width) ** 2)


def _gamma(values: Values) -> torch.Tensor:
    return _peak(values, 2.2 * values["light_yield"] * (1 - values["birks"]))


def _alpha(values: Values) -> torch.Tensor:
    return _peak(values, 4.0 * values["light_yield"] / (1 + 60 * values["birks"]))


def _delays(values: Values) -> torch.Tensor:
    prompt = torch.exp(-TIME / (8 * values["decay_scale"])) / values["decay_scale"]
    late = torch.exp(-0.5 * ((TIME - values["late_delay"]) / 12) ** 2)
    return 5 + 4000 * (
        (1 - values["late_fraction"]) * prompt + 0.3 * values["late_fraction"] * late
    )


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Counts of one of the spectra.

    Args:
        name: of the spectrum.
        shape: expected counts.
        counts: observed ones.
    """

    name: str
    shape: Callable[[Values], torch.Tensor]
    counts: torch.Tensor

    def expected(self, values: Values) -> Expectation:
        """Without an error of its own."""
        mean = self.shape(values)
        return Expectation(mean, torch.zeros_like(mean))


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """An objective that writes down the lowest value after every call.

    Args:
        inner: the objective.
        lowest: after each call.
        parts: of the objective that were added up.
    """

    inner: FitObjective
    lowest: list[float] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)

    @property
    def noise(self) -> float:
        """None."""
        return self.inner.noise

    def __call__(self, values: Vector) -> float:
        """All of it."""
        return list(self.partial(values))[-1]

    def partial(self, values: Vector) -> Iterator[float]:
        """More and more of it."""
        self.parts.append(0)
        self.lowest.append(self.lowest[-1] if self.lowest else np.inf)
        for value in self.inner.partial(values):
            self.parts[-1] += 1
            if self.parts[-1] == len(self.inner.terms):
                self.lowest[-1] = min(self.lowest[-1], value)
            yield value

    def slopes(self, values: Vector) -> tuple[Vector, np.ndarray]:
        """Its derivatives, which are not counted: they cost about as much as six calls."""
        return self.inner.slopes(values)


def objective(seed: int) -> FitObjective:
    """With counts drawn at the truth."""
    generator = torch.Generator().manual_seed(seed)
    names = [p.name for p in PARAMETERS]
    truth = {n: torch.tensor(v, dtype=torch.float64) for n, v in zip(names, TRUTH, strict=True)}
    shapes = {"gamma": _gamma, "alpha": _alpha, "delays": _delays}
    tables = [
        Table(name, shape, torch.poisson(shape(truth), generator=generator))
        for name, shape in shapes.items()
    ]
    return FitObjective(tables, PARAMETERS)


def plain_tpe(watched: Watched, trials: int, seed: int) -> None:
    """Optuna as its first page shows it."""

    def tried(trial: optuna.Trial) -> float:
        values = [trial.suggest_float(p.name, p.lower, p.upper) for p in PARAMETERS]
        return watched(np.array(values))

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.enqueue_trial({p.name: p.start for p in PARAMETERS})
    study.optimize(tried, n_trials=trials)


def run(name: str, trials: int, seed: int) -> tuple[Watched, float]:
    """The calls of one fitter, and its seconds."""
    watched = Watched(objective(seed))
    start = time.perf_counter()
    if name == "plain TPE":
        plain_tpe(watched, trials, seed)
    else:
        fitter = plugins.load().fitters.choose(name).build()
        fitter.minimise(watched, PARAMETERS, seed=seed, effort=Effort(trials=trials))
    return watched, time.perf_counter() - start


def main() -> None:
    """Run all of them, write the table and draw the picture."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--trials", type=int, default=300)
    options.add_argument("--plain", type=int, default=1000, help="trials of plain TPE")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--page", type=Path)
    options.add_argument("--picture", type=Path)
    chosen = options.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    seeds = range(1, chosen.seeds + 1)
    lowest = [Newton().minimise(objective(s), PARAMETERS, seed=s).objective for s in seeds]
    rows, curves = [], {}
    for name in (*FITTERS, "plain TPE"):
        trials = chosen.plain if name == "plain TPE" else chosen.trials
        found = [run(name, trials, seed) for seed in seeds]
        above = [np.array(w.lowest) - low for (w, _), low in zip(found, lowest, strict=True)]
        calls = [int(np.argmax(a < 0.1)) + 1 if (a < 0.1).any() else 0 for a in above]
        within = ", ".join(
            f"{c}" if c else f"not in {len(a)}" for c, a in zip(calls, above, strict=True)
        )
        parts = np.mean([np.mean(w.parts) / len(w.inner.terms) for w, _ in found])
        end = float(np.median([a[-1] for a in above]))
        over = f"{end:.2g}" if end > 1e-5 else "< 1e-5"
        rows.append((name, within, over, f"{100 * parts:.0f} %"))
        curves[name] = above[0]
        print(rows[-1], [f"{s:.1f} s" for _, s in found], flush=True)
    head = ("fitter", "calls until within 0.1", "above the minimum at its end", "parts added up")
    text = f"{away(seeds)}\n\n{table(head, rows)}"
    print(text)
    if chosen.page:
        write_part(chosen.page, "fit_samplers", text)
    if chosen.picture:
        draw(chosen.picture, curves)


def away(seeds: range) -> str:
    """How far from the minimum fits begin."""
    steps = []
    for seed in seeds:
        found = Newton().minimise(objective(seed), PARAMETERS, seed=seed)
        off = np.array([p.start for p in PARAMETERS]) - found.values
        steps.append(np.abs(off) / np.sqrt(np.diag(found.covariance)))
    low, high = np.min(steps), np.max(steps)
    return f"Parameters start {low:.0f} to {high:.0f} standard deviations from the minimum."


def draw(path: Path, curves: dict[str, np.ndarray]) -> None:
    """How far above the minimum each fitter is, call by call."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
    styles = {"plain TPE": ":", "newton": "--"}
    for name, above in curves.items():
        calls, low = np.arange(1, len(above) + 1), np.maximum(above, 1e-7)
        axes.plot(
            calls, low, styles.get(name, "-"), label=name, zorder=3 if name == "newton" else 2
        )
    axes.axhline(0.1, color="grey", linewidth=0.8)
    axes.annotate("0.1", (1, 0.13), color="grey")
    axes.set(xscale="log", yscale="log", xlabel="calls of the objective")
    axes.set_ylabel("lowest -2 log L less the minimum")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
