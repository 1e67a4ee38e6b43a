"""The closure of every PMT's constants: a small simulated run, calibrated, against its truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from kzcal import plugins
from kzcal.calibrate.closure import Truth
from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.demo import write_demo_period
from kzcal.calibrate.measure import measure
from kzcal.closure.experiment import Fitted
from kzcal.conditions.payload import Payload
from kzcal.conditions.quantities import GOOD, QUANTITIES, is_good
from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector, load_detector
from kzcal.io.source import open_events

TYPES = (17, 20)
FEWEST_EVENTS = 500


@dataclass(frozen=True, slots=True)
class Pmts:
    """Runs of ``kzcal demo`` with a truth of their own each; a row per PMT, by type.

    Args:
        events: physics triggers of a run; a sixth as many forced ones come on top.

    Raises:
        ConfigurationError: the runs are too short to be calibrated.
    """

    events: int = 6000

    def __post_init__(self) -> None:
        if self.events < FEWEST_EVENTS:
            message = f"a run has {FEWEST_EVENTS} events at least, got events={self.events}"
            raise ConfigurationError(message)

    @property
    def units(self) -> Mapping[str, str]:
        """Constants by PMT type."""
        return {f"{q.name}_{size}": q.unit for q in QUANTITIES for size in TYPES}

    def run(self, *, seed: int) -> Fitted:
        """Simulate and calibrate one run."""
        detector, config = load_detector(), CalibrationConfig(seed=seed)
        with TemporaryDirectory() as scratch:
            path = Path(scratch) / "period.h5"
            made = write_demo_period(path, seed=seed, n_events=self.events)
            with open_events(path, detector) as source:
                found = measure(
                    path,
                    source,
                    detector,
                    config,
                    plugins.load(()),
                    device=torch.device("cpu"),
                    advance=lambda _hits: None,
                )
        return compared(found.response, Truth.of(made, detector), detector)


def compared(response: Payload, truth: Truth, detector: Detector) -> Fitted:
    """Constants of a calibration beside the true ones; NaN unless both call the PMT good."""
    both = is_good(response) & (truth.status == GOOD)
    true, values, errors = {}, {}, {}
    for quantity in QUANTITIES:
        column = response.columns[quantity.name]
        stated = np.zeros_like(column.values) if column.errors is None else column.errors
        for size in TYPES:
            rows, name = detector.diameter_inch == size, f"{quantity.name}_{size}"
            known = both & (stated > 0)
            true[name] = truth.constants[quantity.name][rows].astype(np.float64)
            values[name] = np.where(known, column.values, np.nan)[rows]
            errors[name] = np.where(known, stated, np.nan)[rows]
    return Fitted(true, values, errors)
