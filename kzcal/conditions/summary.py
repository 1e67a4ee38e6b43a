"""A payload of kind "pmt-response" in a few numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kzcal.conditions.payload import Payload
from kzcal.conditions.quantities import QUANTITIES, is_good


@dataclass(frozen=True, slots=True)
class QuantitySummary:
    """One constant over the good PMTs, in the constant's unit.

    Args:
        name: of the constant.
        unit: of all numbers.
        median: of the values.
        spread: half the width that holds the central 68 % of the values.
        error: median of the errors.
    """

    name: str
    unit: str
    median: float
    spread: float
    error: float


@dataclass(frozen=True, slots=True)
class ResponseSummary:
    """All PMTs in a few numbers.

    Args:
        n_pmt: number of PMTs.
        statuses: number of PMTs by status.
        quantities: over the good PMTs.
        globals: value, error and unit of each global parameter.
    """

    n_pmt: int
    statuses: Mapping[str, int]
    quantities: tuple[QuantitySummary, ...]
    globals: Mapping[str, tuple[float, float, str]]

    @property
    def n_bad(self) -> int:
        """Number of PMTs that are not good."""
        return self.n_pmt - self.statuses.get("good", 0)


def summarise(payload: Payload) -> ResponseSummary:
    """Median, spread and typical error of every constant; NaN where no PMT is good."""
    good = is_good(payload)
    names, counts = np.unique(payload.columns["status"].values, return_counts=True)
    statuses = {str(name): int(count) for name, count in zip(names, counts, strict=True)}
    block = payload.globals
    parameters = {}
    if block is not None:
        triples = zip(block.values.tolist(), block.errors.tolist(), block.units, strict=True)
        parameters = dict(zip(block.names, triples, strict=True))
    quantities = tuple(_quantity(payload, good, quantity.name) for quantity in QUANTITIES)
    return ResponseSummary(len(good), statuses, quantities, parameters)


def _quantity(payload: Payload, good: np.ndarray, name: str) -> QuantitySummary:
    column = payload.columns[name]
    values = column.values[good]
    errors = column.values[:0] if column.errors is None else column.errors[good]
    if not len(values):
        return QuantitySummary(name, column.unit, np.nan, np.nan, np.nan)
    low, middle, high = np.percentile(values, [15.865, 50.0, 84.135])
    half = (high - low) / 2
    return QuantitySummary(name, column.unit, float(middle), float(half), float(np.median(errors)))
