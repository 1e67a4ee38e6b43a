"""Spectra of the challenge's period A, light yield and Birks constant found from them.

    python benchmarks/spectra_figure.py period_A.h5 period_A_truth.h5 docs/global_fit_energy.png
        [--write docs/global_fit_energy.md]

The PMTs are calibrated from the period alone. The optics are the true ones, so that the figures
test the counting of light and its quenching, and not absorption or reflection.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import h5py
import matplotlib as mpl
import numpy as np
import torch
from matplotlib import pyplot as plt
from pages import table, write_part

from kzcal.calibrate.driver import calibrate_run
from kzcal.calibrate.extensions import CheckedSample
from kzcal.fit.config import FitConfig
from kzcal.fit.energy.gathering import SpectrumAccumulator
from kzcal.fit.energy.spectra import SpectrumTerm
from kzcal.fit.gathering import sample_rows
from kzcal.fit.light.lost import LostByTime
from kzcal.fit.light.points import emission_points
from kzcal.fit.light.traced import traced
from kzcal.fit.newton import Newton
from kzcal.fit.objective import FitObjective
from kzcal.fit.run import CalibratedRun
from kzcal.geometry import load_detector
from kzcal.geometry.adjusted import detector_at
from kzcal.io.source import open_events
from kzcal.parts import Minimum, Parameter
from kzcal.physics.transport import Transport
from kzcal.plugins import Plugins, load

HERE = Path(__file__).parent
BIPO = HERE.parent / "plugins" / "kzcal-bipo" / "kzcal_bipo" / "__init__.py"
OPTICS = {
    "absorption_scale": "abs_scale",
    "scattering_scale": "scat_scale",
    "pmt_reflectivity": "refl_pmt",
    "sheet_reflectivity": "refl_sheet",
    "angular_slope": "ang_a",
    "decay_scale": "tau_scale",
}
NAMES = (
    "light_yield",
    "birks_mm_per_mev",
    "alpha_light",
    "alpha_slope",
    "electron_quenching",
)
PHOTONS = 4000
CPU = torch.device("cpu")


def true_values(path: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Optics of the period, and what is to be found."""
    inch = load_detector().diameter_inch
    with h5py.File(path) as file:
        optics = {name: float(file[theirs][()]) for name, theirs in OPTICS.items()}
        good, qe = file["status"][()] == 0, file["qe"][()]
        mean = {size: qe[good & (inch == size)].mean() for size in (17, 20)}
        found = {
            "light_yield": float(file["light_yield"][()] * mean[17]),
            "birks_mm_per_mev": float(file["kb_mm"][()]),
            "efficiency_20": float(mean[20] / mean[17]),
        }
    return optics, found


def plugins() -> Plugins:
    """The installed ones, with the coincidences of 214Bi and 214Po."""
    installed = load()
    return installed if "po214" in installed.samples else load([BIPO])


def spectra_of(events: Path, config: FitConfig, optics: dict[str, float]) -> SpectrumTerm:
    """Calibrate the period and gather its spectra."""
    nominal, materials = config.open_detector()
    known = plugins()
    formats = {name: record.build() for name, record in known.event_formats.items()}
    with open_events(events, nominal, formats) as source:
        result = calibrate_run(
            source,
            nominal,
            config.calibration_config(),
            samples={name: CheckedSample.build(record) for name, record in known.samples.items()},
            device=CPU,
            advance=lambda _hits: None,
        )
        run = CalibratedRun.of(
            source,
            result,
            detector_at(nominal, optics),
            materials,
            config.calibration_config(),
            device=CPU,
        )
        rows = sample_rows(run, config)
        spectra = SpectrumAccumulator.of(run, nominal, tuple(rows))
        for batch in run.stream.batches():
            spectra.add(batch, LostByTime(run).behind(batch))
        vertex = run.stream.events.vertex.double().numpy()
        points = emission_points(rows, vertex, Transport(run.detector, materials), seed=1)
        for block in traced(points, run, PHOTONS, seed=1):
            spectra.add_light(block)
        return spectra.term()


def fitted(
    term: SpectrumTerm, config: FitConfig, efficiency_20: float
) -> tuple[FitObjective, tuple[Parameter, ...], Minimum]:
    """Light yield and quenching with the priors of the challenge's settings."""
    nominal, _ = config.open_detector()
    known = {p.name: p for p in config.parameter_set(nominal).free}
    free = tuple(known[name] for name in NAMES)
    objective = FitObjective([term], free, {"efficiency_20": efficiency_20})
    return objective, free, Newton().minimise(objective, free, seed=1)


def draw(term: SpectrumTerm, objective: FitObjective, minimum: Minimum, path: Path) -> None:
    """Events and expectation of every sample, all shells together, and their difference."""
    named = objective.named(torch.as_tensor(minimum.values))
    mean = term.expected(named).mean[: term.observed.numel()]
    expected = mean.reshape(term.observed.shape).sum(1).numpy()
    observed, edges = term.observed.sum(1).numpy(), term.edges.numpy()
    mpl.use("Agg")
    figure, axes = plt.subplots(
        2, len(term.names), figsize=(13, 4.6), sharex="col", height_ratios=(3, 1)
    )
    for sample, name in enumerate(term.names):
        centre = (edges[sample, 1:] + edges[sample, :-1]) / 2
        top, below = axes[:, sample]
        top.stairs(expected[sample], edges[sample], color="#c2410c", label="expected")
        top.errorbar(
            centre,
            observed[sample],
            np.sqrt(observed[sample]),
            fmt=".",
            color="#1e3a5f",
            markersize=4,
            label="events",
        )
        pull = (observed[sample] - expected[sample]) / np.sqrt(np.maximum(expected[sample], 1.0))
        below.stairs(pull, edges[sample], color="#1e3a5f")
        below.axhline(0.0, color="#c2410c", linewidth=0.8)
        below.set(ylim=(-4, 4), xlabel="light over that of 1 MeV at light yield 1")
        top.set_title(name)
    axes[0, 0].set_ylabel("events")
    axes[1, 0].set_ylabel("difference / sigma")
    axes[0, 0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Write the picture and the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("events", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--write", type=Path, help="page that gets the table")
    arguments = parser.parse_args()
    config = FitConfig.from_toml(HERE / "challenge" / "fit.toml")
    optics, truth = true_values(arguments.truth)
    term = spectra_of(arguments.events, config, optics)
    objective, free, minimum = fitted(term, config, truth["efficiency_20"])
    draw(term, objective, minimum, arguments.picture)
    error = np.sqrt(np.diag(minimum.covariance))
    rows = [
        (p.name, f"{v:.4f}", f"{e:.4f}", f"{truth[p.name]:.4f}" if p.name in truth else "")
        for p, v, e in zip(free, minimum.values, error, strict=True)
    ]
    bins, events = term.observed.numel(), int(term.observed.sum())
    text = table(("parameter", "found", "stated error", "truth"), rows)
    text += f"\n\n-2 log L is {minimum.objective:.0f} in {bins} bins with {events} events."
    if arguments.write:
        write_part(arguments.write, "spectra_figure", text)
    print(text)


if __name__ == "__main__":
    main()
