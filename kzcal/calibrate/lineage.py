"""What a calibration came from, and its run in a few numbers."""

from __future__ import annotations

from pathlib import Path

import torch

import kzcal
from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.driver import RunResult
from kzcal.calibrate.machine import peak_memory
from kzcal.conditions.payload import InputFile, Lineage
from kzcal.geometry import Detector
from kzcal.io.source import EventSource
from kzcal.plugins import Plugins

Number = tuple[str, float, str]
"""Name, value and unit."""


def lineage_of(
    path: Path,
    source: EventSource,
    detector: Detector,
    config: CalibrationConfig,
    plugins: Plugins,
    device: torch.device,
) -> Lineage:
    """Everything that decides the constants to the bit, and nothing of when and where.

    Device and number of threads are in it because they decide in which order numbers are summed.

    Args:
        path: the file of events; its directory stays out.
        source: the same file, open.
        detector: that the settings name.
        config: the settings.
        plugins: of which those that offer samples, estimators or this file's format take part.
        device: where the heavy work is done.
    """
    header = source.header
    configuration = config.as_dict() | {
        "command": "kzcal calibrate",
        "detector": Path(config.detector).name,
        "detector_name": detector.name,
        "detector_digest": detector.digest,
        "device": device.type,
        "threads": torch.get_num_threads(),
        "run": header.run,
        "period": header.period or "",
    }
    return Lineage(
        inputs=(InputFile(path.name, source.digest()),),
        code_version=kzcal.__version__,
        plugins=_versions(path, plugins),
        configuration=configuration,
        seed=config.seed,
    )


def _versions(path: Path, plugins: Plugins) -> dict[str, str]:
    """Versions of the plugins that take part; kzcal's own is the code version."""
    providers = {sample.provider for sample in plugins.samples.values()}
    providers |= {estimator.provider for estimator in plugins.estimators.values()}
    for record in plugins.event_formats.values():
        if record.provider != "kzcal" and record.build().recognise(path):
            providers.add(record.provider)
    return {name: plugins.versions[name] for name in sorted(providers - {"kzcal"})}


def numbers_of(source: EventSource, result: RunResult, seconds: float) -> tuple[Number, ...]:
    """What a report says of a run beside the constants.

    Args:
        source: the open run, read to its end at least once.
        result: its calibration.
        seconds: that the calibration took.
    """
    table = result.table
    return (
        ("events", len(table), "events"),
        ("events used", result.survey.n_events, "events"),
        ("forced triggers", int(table.forced.sum()), "events"),
        ("muons", len(source.muons), "muons"),
        ("hits", source.n_hits, "hits"),
        ("hits dropped", source.dropped, "hits"),
        ("time to calibrate", seconds, "s"),
        ("peak memory", peak_memory(), "MiB"),
    )
