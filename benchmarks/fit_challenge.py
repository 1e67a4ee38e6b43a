"""The global fit of challenge periods, beside the truth where it is known.

    python benchmarks/fit_challenge.py period_A.h5 [period_B.h5] [--truth period_A_truth.h5]
        [--photons 1e8] [--write docs/global_fit.md]

Settings are benchmarks/challenge/fit.toml: what the makers of the data say of their detector. The
truth is looked at when the fit is done.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import torch
from pages import table, write_part

from kzcal.calibrate.machine import peak_memory
from kzcal.calibrate.measure import checked_samples
from kzcal.fit.config import FitConfig
from kzcal.fit.driver import GlobalFit, fit_run
from kzcal.io.source import open_events
from kzcal.plugins import load

SETTINGS = Path(__file__).parent / "challenge" / "fit.toml"
NAMES = {
    "absorption_scale": "abs_scale",
    "scattering_scale": "scat_scale",
    "pmt_reflectivity": "refl_pmt",
    "sheet_reflectivity": "refl_sheet",
    "angular_slope": "ang_a",
    "birks_mm_per_mev": "kb_mm",
    "decay_scale": "tau_scale",
    "late_fraction": "late_p",
    "time_walk": "walk",
}
"""Names of parameters in the truth file."""
TARGETS = {
    "light_yield": 1.0,
    "absorption_scale": 3.0,
    "scattering_scale": 6.0,
    "decay_scale": 0.7,
    "birks_mm_per_mev": 6.0,
    "late_fraction": 10.0,
    "time_walk": 10.0,
}
"""Largest errors that are wanted, per cent."""


def truth_of(file: h5py.File) -> dict[str, float]:
    """The truth in the fit's conventions: light yield times mean efficiency of 17-inch tubes."""
    good = file["status"][:] == 0
    is_20 = np.arange(len(good)) >= np.sum(file["pmt_type"][:] == file["pmt_type"][0])
    efficiency = [file["qe"][:][good & (is_20 == kind)].mean() for kind in (False, True)]
    spread = [np.sqrt(np.mean(file["tts"][:][good & (is_20 == k)] ** 2)) for k in (False, True)]
    return {name: float(file[key][()]) for name, key in NAMES.items()} | {
        "light_yield": float(file["light_yield"][()] * efficiency[0]),
        "efficiency_20": float(efficiency[1] / efficiency[0]),
        "tts_mean_17": float(spread[0]),
        "tts_mean_20": float(spread[1]),
        "vertex_resolution": 0.137,
        "t0_resolution": 0.35,
    }


def fitted(path: Path, config: FitConfig) -> tuple[GlobalFit, str]:
    """The fit of a period, and what it cost."""
    plugins = load()
    formats = {name: record.build() for name, record in plugins.event_formats.items()}
    began, processor = time.perf_counter(), time.process_time()
    with open_events(path, config.open_detector()[0], formats) as source:
        samples = checked_samples(plugins)
        found = fit_run(source, config, samples=samples, device=torch.device("cpu"))
    took, used = time.perf_counter() - began, time.process_time() - processor
    return found, (
        f"{len(found.rounds)} rounds of {config.photons / 1e6:.0f} million photons, "
        f"{took:.0f} s ({used:.0f} s of processor time, {torch.get_num_threads()} threads), "
        f"{peak_memory():.0f} MiB; {'settled' if found.settled else 'not settled'}"
    )


def rows_of(found: GlobalFit, truth: dict[str, float]) -> list[list[str]]:
    """One row for every parameter."""
    rows = []
    sigma = np.sqrt(np.diag(found.minimum.covariance))
    for p, value, error in zip(found.parameters.free, found.minimum.values, sigma, strict=True):
        if not error:
            rows.append([p.name, f"{value:.4f}, an end of its range", *[""] * 5])
            continue
        row = [p.name, f"{value:.4f} ± {error:.4f}", f"{100 * error / abs(value):.2f}"]
        if p.name in truth:
            off = value - truth[p.name]
            row += [f"{truth[p.name]:.4f}", f"{100 * off / truth[p.name]:+.2f}"]
            row += [f"{off / error:+.2f}"]
        else:
            row += ["", "", ""]
        target = TARGETS.get(p.name)
        rows.append([*row, "" if target is None else f"{target:g}"])
    return rows


def main() -> None:
    """Fit, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("periods", type=Path, nargs="+")
    parser.add_argument("--truth", type=Path, help="of the first period")
    parser.add_argument("--photons", type=float, help="traced per round")
    parser.add_argument("--write", type=Path, help="page that gets the tables")
    arguments = parser.parse_args()
    config = FitConfig.from_toml(SETTINGS)
    if arguments.photons:
        config = replace(config, photons=int(arguments.photons))
    header = ["parameter", "fitted", "error (%)", "truth", "off (%)", "pull", "target (%)"]
    parts = []
    for number, path in enumerate(arguments.periods):
        truth: dict[str, float] = {}
        found, cost = fitted(path, config)
        if arguments.truth and not number:
            with h5py.File(arguments.truth) as file:
                truth = truth_of(file)
        terms = ", ".join(
            f"{part.name} {part.deviance:.0f} in {len(part.counts)} bins"
            for part in found.agreement
        )
        parts.append(f"{path.stem}: {cost}. $-2 \\ln L$: {terms}.")
        parts.append(table(header, rows_of(found, truth)))
        print(*parts[-2:], sep="\n\n", flush=True)
    if arguments.write:
        write_part(arguments.write, "fit_challenge", "\n\n".join(parts))


if __name__ == "__main__":
    main()
