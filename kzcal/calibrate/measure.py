"""What a run says, as the two payloads of a calibration; nothing is stored here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.driver import PASSES, RunResult, calibrate_run
from kzcal.calibrate.extensions import CheckedSample, calibration_chunks, estimate
from kzcal.calibrate.lineage import Number, lineage_of, numbers_of
from kzcal.calibrate.payloads import CORRELATED, diagnostics_payload, response_payload
from kzcal.conditions.payload import Column, Payload
from kzcal.conditions.quantities import ALONE, QUANTITIES
from kzcal.conditions.replicas import correlation_name
from kzcal.geometry import Detector
from kzcal.io.source import EventSource
from kzcal.parts import SampleSelection
from kzcal.plugins import Plugins

OWN_COLUMNS = frozenset(
    {
        *("status", "reason", "partner", "n_hits"),
        *(quantity.name for quantity in QUANTITIES),
        *(f"{quantity.name}{ALONE}" for quantity in QUANTITIES),
        *(correlation_name(*pair) for pair in CORRELATED),
    }
)
"""Columns of "pmt-response" that no plugin may give."""


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """Both payloads, and the run in a few numbers."""

    response: Payload
    diagnostics: Payload
    numbers: tuple[Number, ...]


def passes(plugins: Plugins) -> int:
    """How often a run is read: kzcal's own passes and, if need be, one for estimators."""
    return PASSES + bool(plugins.estimators)


def measure(
    path: Path,
    source: EventSource,
    detector: Detector,
    config: CalibrationConfig,
    plugins: Plugins,
    *,
    device: torch.device,
    advance: Callable[[int], None],
) -> Measurement:
    """Calibrate every PMT of a run and ask plugins' estimators for their columns.

    Of the machine, the constants depend on device and number of threads alone, and their payload
    is the same to the bit whenever they are; times and memory are diagnostics.

    Args:
        path: the file of events.
        source: the same file, open.
        detector: that the settings name.
        config: the settings.
        plugins: whose samples and estimators take part.
        device: where the heavy work is done.
        advance: called with the number of hits read, ``passes(plugins)`` times those of the run.

    Raises:
        KzcalError: the file or a plugin is wrong, or the run holds too little.
    """
    began = time.perf_counter()
    result = calibrate_run(
        source,
        detector,
        config,
        samples=checked_samples(plugins),
        device=device,
        advance=advance,
    )
    return measured(
        path, source, detector, config, plugins, result, began, device=device, advance=advance
    )


def checked_samples(plugins: Plugins) -> dict[str, SampleSelection]:
    """Samples by name, whose failures name their plugin."""
    return {name: CheckedSample.build(record) for name, record in plugins.samples.items()}


def measured(
    path: Path,
    source: EventSource,
    detector: Detector,
    config: CalibrationConfig,
    plugins: Plugins,
    result: RunResult,
    began: float,
    *,
    device: torch.device,
    advance: Callable[[int], None],
) -> Measurement:
    """The payloads of a calibration that is done, with the columns of plugins' estimators.

    Args:
        path: the file of events.
        source: the same file, open.
        detector: that the settings name.
        config: the settings.
        plugins: whose estimators take part.
        result: the calibration.
        began: when it began, by ``time.perf_counter()``.
        device: where it was done.
        advance: called with the number of hits read.

    Raises:
        KzcalError: a plugin is wrong.
    """
    lineage = lineage_of(path, source, detector, config, plugins, device)
    extra, seconds = _estimated(source, result, detector, config, plugins, advance)
    if extra:
        result = replace(result, seconds={**result.seconds, "run estimators": seconds})
    numbers = numbers_of(source, result, time.perf_counter() - began)
    return Measurement(
        response_payload(result, lineage, extra),
        diagnostics_payload(result, lineage, numbers),
        numbers,
    )


def _estimated(
    source: EventSource,
    result: RunResult,
    detector: Detector,
    config: CalibrationConfig,
    plugins: Plugins,
    advance: Callable[[int], None],
) -> tuple[dict[str, Column], float]:
    """Columns of plugins' estimators, and how long they took, s."""
    began = time.perf_counter()
    chunks = calibration_chunks(
        source,
        result.selections,
        result.cabling.place,
        detector,
        config.light_speed,
        config.hits_per_chunk,
        advance,
    )
    columns = estimate(chunks, plugins.estimators, detector.n_pmt, OWN_COLUMNS)
    return columns, time.perf_counter() - began
