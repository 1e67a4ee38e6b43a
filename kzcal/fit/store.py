"""From a file of events to constants and parameters in the database, found together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from kzcal.calibrate.extensions import credited
from kzcal.calibrate.measure import Measurement, checked_samples, measured
from kzcal.calibrate.run import Target, check_directory
from kzcal.components import Fitter
from kzcal.conditions.database import Database
from kzcal.conditions.payload import Payload
from kzcal.conditions.quantities import DIAGNOSTICS, GLOBAL_FIT, RESPONSE
from kzcal.fit.config import FitConfig
from kzcal.fit.driver import GlobalFit, fit_run
from kzcal.fit.page import PAGE, write_page
from kzcal.fit.payload import fit_payload
from kzcal.io.source import open_events
from kzcal.parts import DEFAULT_EFFORT, Effort, Minimum, Objective, Parameter
from kzcal.plugins import Plugins

DESCRIPTION = "made by kzcal fit"


@dataclass(frozen=True, slots=True, eq=False)
class FitMeasurement:
    """What a global fit makes of a run.

    Args:
        run: its number.
        found: the fit.
        calibration: payloads of the calibration of every PMT that belongs to it.
        payload: of kind "global-fit".
    """

    run: int
    found: GlobalFit
    calibration: Measurement
    payload: Payload

    @property
    def payloads(self) -> tuple[Payload, ...]:
        """All that is stored of it."""
        return self.calibration.response, self.calibration.diagnostics, self.payload


@dataclass(frozen=True, slots=True, eq=False)
class StoredFit:
    """A global fit that the database holds.

    Args:
        measurement: what was stored.
        tag: where it is.
        revision: of the tag.
        page: its picture, if one was asked for.
    """

    measurement: FitMeasurement
    tag: str
    revision: int
    page: Path | None


def measure_fit(
    path: Path,
    config: FitConfig,
    plugins: Plugins,
    *,
    fitter: Fitter | None = None,
    effort: Effort = DEFAULT_EFFORT,
    device: torch.device,
    advance: Callable[[str, float], None] = lambda _step, _share: None,
) -> FitMeasurement:
    """Fit the parameters that all PMTs of a run share, and calibrate every PMT with them.

    Args:
        path: events of one run, in any format that kzcal or a plugin reads.
        config: the settings.
        plugins: whose samples, estimators and formats take part.
        fitter: of the last fit; kzcal's own Newton steps if None.
        effort: how far the fitter goes.
        device: where the heavy work is done.
        advance: called with the name of a step and the share of it that is done.

    Raises:
        KzcalError: an input is wrong, or the run holds too little.
    """
    began = time.perf_counter()
    nominal, materials = config.open_detector()
    formats = {name: record.build() for name, record in plugins.event_formats.items()}
    with open_events(path, nominal, formats) as source:
        found = fit_run(
            source,
            config,
            samples=checked_samples(plugins),
            fitter=None if fitter is None else CheckedFitter(fitter),
            effort=effort,
            device=device,
            advance=advance,
        )
        calibration = measured(
            path,
            source,
            nominal,
            found.calibration,
            plugins,
            found.result,
            began,
            device=device,
            advance=lambda _hits: None,
        )
        lineage = replace(
            calibration.response.lineage,
            configuration={
                **calibration.response.lineage.configuration,
                "command": "kzcal fit",
                "fit": config.as_dict(),
                "fitter": _name(fitter),
                "trials": effort.trials,
                "materials": materials.digest,
                "settled": found.settled,
            },
            plugins={**calibration.response.lineage.plugins, **_version(fitter, plugins)},
            seed=config.seed,
        )
        payload = fit_payload(found, lineage, nominal)
        return FitMeasurement(source.header.run, found, calibration, payload)


@dataclass(frozen=True, slots=True, eq=False)
class CheckedFitter:
    """A fitter whose failures name its plugin."""

    record: Fitter

    def minimise(
        self,
        objective: Objective,
        parameters: Sequence[Parameter],
        *,
        seed: int,
        effort: Effort = DEFAULT_EFFORT,
    ) -> Minimum:
        """Minimise with the fitter.

        Raises:
            PluginError: the plugin failed.
        """
        with credited(self.record, "fitting"):
            fitter = self.record.build()
            return fitter.minimise(objective, parameters, seed=seed, effort=effort)


def fit_file(
    path: Path,
    db: Database,
    target: Target,
    config: FitConfig,
    plugins: Plugins,
    *,
    fitter: Fitter | None = None,
    effort: Effort = DEFAULT_EFFORT,
    device: torch.device,
    out: Path | None = None,
    advance: Callable[[str, float], None] = lambda _step, _share: None,
) -> StoredFit:
    """Fit a run as ``measure_fit`` does, store all of it in one transaction and draw it.

    What would be refused in the end is refused at once.

    Args:
        path: events of one run.
        db: the open database.
        target: tag and runs.
        config: the settings.
        plugins: whose parts take part.
        fitter: of the last fit; kzcal's own Newton steps if None.
        effort: how far the fitter goes.
        device: where the heavy work is done.
        out: directory of the page; made where there is none; None for no page.
        advance: called with the name of a step and the share of it that is done.

    Raises:
        KzcalError: an input is wrong; nothing was stored.
    """
    nominal, _ = config.open_detector()
    config.parameter_set(nominal)
    formats = {name: record.build() for name, record in plugins.event_formats.items()}
    with open_events(path, nominal, formats) as source:
        runs = target.runs(source.header.run)
    kinds = (RESPONSE, DIAGNOSTICS, GLOBAL_FIT)
    db.plan(target.tag, runs, kinds, target.on_overlap, absent=True)
    if out is not None:
        check_directory(out, PAGE)
    measurement = measure_fit(
        path, config, plugins, fitter=fitter, effort=effort, device=device, advance=advance
    )
    revision = db.store(
        target.tag,
        runs.first,
        runs.last,
        measurement.payloads,
        target.message or f"fitted {path.name}",
        target.on_overlap,
        description=DESCRIPTION,
    )
    page = None if out is None else out / PAGE
    if page is not None:
        page.parent.mkdir(parents=True, exist_ok=True)
        write_page(page, measurement.payload, nominal, tag=target.tag)
    return StoredFit(measurement, target.tag, revision, page)


def _name(fitter: Fitter | None) -> str:
    return "newton" if fitter is None else fitter.name


def _version(fitter: Fitter | None, plugins: Plugins) -> dict[str, str]:
    """Version of the plugin that offers the fitter; kzcal's own is the code version."""
    if fitter is None or fitter.provider not in plugins.versions:
        return {}
    return {fitter.provider: plugins.versions[fitter.provider]}
