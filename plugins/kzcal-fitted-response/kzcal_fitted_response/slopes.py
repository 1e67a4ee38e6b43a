"""How the histograms of charge and time change with the constants: translations compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal_fitted_response.constants import Constants
from kzcal_fitted_response.statistics import (
    TIME_STEP,
    HitTable,
    View,
    charge_histogram,
    pooled,
    time_histogram,
)

TUBE_MOVES = {"gain": 0.02, "spe_width": 0.06, "tts": 0.1}
"""Relative changes of the constants of PMTs."""
SHAPE_MOVES = {"low_share": 0.02, "low_scale": 0.03, "threshold": 0.02, "threshold_width": 0.015}
"""Changes of the constants of types."""
CHARGE_PARAMETERS = ("gain", "spe_width", *SHAPE_MOVES)


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """Shares of bins of each type, and their slopes.

    Args:
        charge: share of each bin of charge.
        by_charge: slopes by the parameters of ``CHARGE_PARAMETERS``; of gain and offset-free
            constants of PMTs, all PMTs of the type moving together.
        time: share of each bin of time.
        by_time: slopes by offset and transit-time spread.
    """

    charge: Float[Tensor, "type charge"]
    by_charge: Float[Tensor, "type parameter charge"]
    time: Float[Tensor, "type time"]
    by_time: Float[Tensor, "type two time"]


def slopes(
    constants: Constants, translated: Callable[[Constants], HitTable], view: View
) -> Slopes:
    """Slopes at these constants.

    Args:
        constants: where.
        translated: hits for constants, always from the same photoelectrons and random numbers.
        view: of the hits.
    """
    n_types = len(constants.shapes.low_share)
    tubes = constants.tubes

    def charges(hits: HitTable) -> Tensor:
        return pooled(charge_histogram(hits, tubes.gain), view.kind, n_types)

    def times(hits: HitTable) -> Tensor:
        return pooled(time_histogram(hits, tubes.time_offset), view.kind, n_types)

    base = translated(constants)
    charge, time = charges(base), times(base)
    rows = []
    for name in CHARGE_PARAMETERS:
        moved, step = _moved(constants, name)
        rows.append((charges(translated(moved)) - charge) / step)
    wider, step = _moved(constants, "tts")
    spread = (times(translated(wider)) - time) / step
    padded = torch.nn.functional.pad(time, (1, 1), mode="replicate")
    later = (padded[:, :-2] - padded[:, 2:]) / (2 * TIME_STEP)
    later = later - time * later.sum(1, keepdim=True)
    return Slopes(charge, torch.stack(rows, 1), time, torch.stack([later, spread], 1))


def _moved(constants: Constants, name: str) -> tuple[Constants, float]:
    """Constants of which one is moved, and by how much in the units of its step.

    Relative changes keep the parameter's own scale: a step is then relative, too.
    """
    if name in SHAPE_MOVES:
        value = getattr(constants.shapes, name)
        shapes = replace(constants.shapes, **{name: value + SHAPE_MOVES[name]})
        return replace(constants, shapes=shapes), SHAPE_MOVES[name]
    value = getattr(constants.tubes, name)
    tubes = replace(constants.tubes, **{name: value * (1 + TUBE_MOVES[name])})
    return replace(constants, tubes=tubes), TUBE_MOVES[name]
