"""The two levels of a fit together: other starts, the other order, and efficiencies.

    python benchmarks/fit_levels.py period_A.h5 [--photons 3e7] [--write docs/global_fit.md]

From the nominal start, from an absorption length that is a third too short or too long, and with
the parameters fitted before any PMT is calibrated, both levels take turns until nothing moves.
All must end at the same point, and efficiencies must not know where they began.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from pages import table, write_part

from kzcal.calibrate.driver import RunResult, calibrate_run
from kzcal.calibrate.measure import checked_samples
from kzcal.fit.config import FitConfig
from kzcal.fit.driver import GlobalFit, fit_run
from kzcal.geometry import Detector
from kzcal.io.source import EventSource, open_events
from kzcal.plugins import load

SETTINGS = Path(__file__).parent / "challenge" / "fit.toml"
SHORT, LONG = 0.67, 1.33
SHOWN = ("light_yield", "absorption_scale", "scattering_scale", "birks_mm_per_mev", "decay_scale")
CPU = torch.device("cpu")


def alike(result: RunResult, detector: Detector) -> RunResult:
    """A calibration that knows nothing of single PMTs: equal efficiencies and spreads."""
    kind = torch.from_numpy((detector.diameter_inch == 20).astype(np.int64))
    timing = result.timing
    tts = timing.simple.tts.to(timing.tts)[kind]
    return replace(
        result,
        qe=torch.where(torch.isfinite(result.qe), 1.0, result.qe),
        timing=replace(timing, tts=torch.where(torch.isfinite(timing.tts), tts, timing.tts)),
    )


def started(config: FitConfig, absorption: float) -> FitConfig:
    """The settings with another absorption length to start from."""
    changed = {**config.parameters.get("absorption_scale", {}), "start": absorption}
    return replace(config, parameters={**config.parameters, "absorption_scale": changed})


def fits(source: EventSource, config: FitConfig) -> dict[str, GlobalFit]:
    """The fit from every start."""
    detector = config.open_detector()[0]
    samples = checked_samples(load())
    first = calibrate_run(
        source,
        detector,
        config.calibration_config(),
        samples=samples,
        device=CPU,
        advance=lambda _hits: None,
    )

    def fitted(settings: FitConfig, result: RunResult) -> GlobalFit:
        return fit_run(source, settings, samples=samples, device=CPU, result=result)

    globals_first = fitted(replace(config, rounds=1), alike(first, detector))
    values = {p.name: p.start for p in globals_first.parameters.free}
    before = replace(
        config,
        parameters={
            name: {**config.parameters.get(name, {}), "start": value}
            for name, value in values.items()
        },
    )
    return {
        "PMTs first, nominal start": fitted(config, first),
        f"absorption {SHORT:g} at first": fitted(started(config, SHORT), first),
        f"absorption {LONG:g} at first": fitted(started(config, LONG), first),
        "parameters first": fitted(before, first),
    }


def main() -> None:
    """Fit and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("events", type=Path)
    parser.add_argument("--photons", type=float, default=3e7, help="traced per round")
    parser.add_argument("--write", type=Path, help="page that takes the table")
    arguments = parser.parse_args()
    config = replace(FitConfig.from_toml(SETTINGS), photons=int(arguments.photons), rounds=6)
    with open_events(arguments.events, config.open_detector()[0]) as source:
        found = fits(source, config)
    names = [p.name for p in next(iter(found.values())).parameters.free]
    ends = np.stack([fit.minimum.values for fit in found.values()])
    sigma = np.sqrt(np.diag(next(iter(found.values())).minimum.covariance))
    first = next(iter(found.values())).result.qe
    rows = []
    for (name, fit), values in zip(found.items(), ends, strict=True):
        change = torch.nan_to_num(fit.result.qe / first - 1).abs().max()
        shown = [f"{values[names.index(p)]:.4f}" for p in SHOWN]
        rows.append([name, len(fit.rounds), *shown, f"{100 * float(change):.3f}"])
    spread = np.ptp(ends, axis=0) / np.where(sigma > 0, sigma, np.inf)
    shown = [f"{spread[names.index(p)]:.3f}" for p in SHOWN]
    rows.append(["largest difference, standard deviations", "", *shown, ""])
    text = table(["", "rounds", *SHOWN, "largest change of a QE, %"], rows)
    print(text)
    if arguments.write is not None:
        write_part(arguments.write, "fit_levels", text)


if __name__ == "__main__":
    main()
