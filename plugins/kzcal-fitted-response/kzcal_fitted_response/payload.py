"""The learned constants in the form of a calibration: a payload "pmt-response"."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float64
from torch import Tensor

from kzcal.calibrate.config import CalibrationConfig
from kzcal.conditions.nominal import bookkeeping
from kzcal.conditions.payload import Column, Lineage, Payload
from kzcal.conditions.quantities import GOOD, QUANTITIES, RESPONSE
from kzcal.geometry import Detector
from kzcal_fitted_response.tubes import LEARNED, UNKNOWN

DEAD, HOT, LOW, SWAPPED = "dead", "hot", "low", "swapped"


def response_payload(
    weights: Mapping[str, Tensor], detector: Detector, lineage: Lineage
) -> Payload:
    """Constants of every PMT as a calibration states them.

    Efficiencies are relative to the mean of the good PMTs of a type, offsets to that of all good
    ones, and dark rates are above threshold. Errors are statistical: of the data, and of the
    photoelectrons that they were compared with; those of what a type has in common are not in
    them. A PMT with too few hits for any of them is low, as all are before the second turn.

    Args:
        weights: what training left.
        detector: whose PMTs they are.
        lineage: where they come from.
    """
    numbers = {name: np.array(tensor.cpu().numpy()) for name, tensor in weights.items()}
    values = {name: numbers[f"tubes.{name}"].astype(np.float64) for name in LEARNED}
    errors = dict(zip(LEARNED, numbers["errors"].astype(np.float64), strict=True))
    seconds = np.maximum(numbers["hits.dark_live"], 1.0) * 1e-9
    values["dark_rate"] = numbers["hits.dark"] / seconds
    errors["dark_rate"] = np.sqrt(np.maximum(numbers["hits.dark"], 1.0)) / seconds
    partner = _partner(numbers["tubes.cable"])
    status = _status(numbers["tubes.alive"], partner, values["dark_rate"], detector)
    few = (numbers["errors"] >= UNKNOWN**0.5).any(axis=0)
    status[few & (status != DEAD)] = LOW
    good = status == GOOD
    for size in np.unique(detector.diameter_inch):
        rows = detector.diameter_inch == size
        scale = values["qe"][rows & good].mean() if (rows & good).any() else 1.0
        values["qe"][rows] /= scale
        errors["qe"][rows] /= scale
    if good.any():
        values["time_offset"] -= values["time_offset"][good].mean()
    columns = bookkeeping(status)
    columns["partner"] = Column(partner, "1", columns["partner"].doc)
    columns["n_hits"] = Column(numbers["hits.light"], "1", columns["n_hits"].doc)
    for quantity in QUANTITIES:
        known = (status != DEAD) & (status != LOW)
        value, error = (np.where(known, v[quantity.name], np.nan) for v in (values, errors))
        columns[quantity.name] = Column(value, quantity.unit, quantity.doc, error)
    return Payload(RESPONSE, columns, None, lineage)


def _partner(cable: np.ndarray) -> np.ndarray:
    """Cable that each is exchanged with; -1 for none."""
    return np.where(cable == np.arange(len(cable)), -1, cable).astype(np.int32)


def _status(
    alive: Bool[np.ndarray, " pmt"],
    partner: np.ndarray,
    dark_rate: Float64[np.ndarray, " pmt"],
    detector: Detector,
) -> np.ndarray:
    """One word for each PMT; hot by the rule of a calibration."""
    status = np.full(len(alive), GOOD, dtype="U16")
    status[partner >= 0] = SWAPPED
    for size in np.unique(detector.diameter_inch):
        rows = detector.diameter_inch == size
        median = np.median(dark_rate[rows & alive]) if (rows & alive).any() else np.inf
        status[rows & (dark_rate > CalibrationConfig().hot_factor * median)] = HOT
    status[~alive] = DEAD
    return status
