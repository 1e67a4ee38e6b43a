"""A calibrated run as the global fit sees it: its hits, and the constants of every PMT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.driver import RunResult
from kzcal.calibrate.stream import DetectorTensors, EventColumns, RunStream
from kzcal.geometry import Detector
from kzcal.geometry.materials import Materials
from kzcal.io.source import EventSource
from kzcal.response.charge import detection_efficiency


@dataclass(frozen=True, slots=True, eq=False)
class CalibratedRun:
    """A run, the constants that its calibration found, and the detector that light crosses.

    Args:
        stream: its hits and events; cables lead where the calibration found them to.
        result: the calibration.
        detector: with the parameters of the light that photons are traced with.
        materials: optical tables of its media.
        weight: hits per photoelectron of each cable's PMT, relative efficiency times the share
            above threshold; 0 for a PMT that is not good.
        place: position at which each cable ends.
    """

    stream: RunStream
    result: RunResult
    detector: Detector
    materials: Materials
    weight: Float[Tensor, " pmt"]
    place: Int64[np.ndarray, " pmt"]

    @classmethod
    def of(
        cls,
        source: EventSource,
        result: RunResult,
        detector: Detector,
        materials: Materials,
        config: CalibrationConfig,
        *,
        device: torch.device,
    ) -> CalibratedRun:
        """The run of an open source with its calibration."""
        place = result.cabling.place
        stream = RunStream(
            source,
            EventColumns.of(result.table, config, device),
            DetectorTensors.of(detector, place, device),
            config,
            lambda _hits: None,
        )
        charge = result.charge
        shape = charge.shape(stream.detector.kind)
        passing = detection_efficiency(charge.gain, charge.width, shape)[0]
        good = torch.from_numpy(result.status.good).to(device)
        weight = torch.where(good, result.qe * passing, 0.0).nan_to_num(0.0)
        return cls(stream, result, detector, materials, weight, place)
