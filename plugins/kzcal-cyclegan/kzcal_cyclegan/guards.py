"""How near a generator is to the two collapses: one answer for all noise, or no change at all."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from kzcal_cyclegan.forward import Drawn
from kzcal_cyclegan.images import Panel

SAME_TIME = 0.1
"""ns; a hit that moved less is counted as not moved."""

SAME_CHARGE = 0.05
"""p.e.; a charge nearer than this to 1 is counted as that of the photoelectron."""


FAR = 10.0
"""ns; hits that moved farther are left out of the spread."""


def of_drawn(drawn: Drawn) -> dict[str, float]:
    """Numbers that show a collapse while it happens.

    Returns:
        ``dark``: share of dark hits; ``spread``: standard deviation of the delays between
        photoelectron and hit that are within 10 ns, ns; ``unchanged``: share of hits of light
        whose time and charge are those of the photoelectron.
    """
    with torch.no_grad():
        hits, light = drawn.hits, drawn.light > 0
        return _numbers(light, hits.time - drawn.began, hits.charge, drawn.passing)


def of_images(
    panel: Panel, source: Float[Tensor, "event 2 64 64"], fake: Float[Tensor, "event 2 64 64"]
) -> dict[str, float]:
    """The same numbers of images; a hit is of light where a photoelectron was."""
    event, pmt, time, charge = panel.hits(fake)
    shades = source.flatten(2)[:, :, panel.pixel][event, :, pmt]
    began = panel.time_of(shades[:, 1])
    return _numbers(shades[:, 0] > -1.0, time - began, charge, torch.ones_like(time))


def _numbers(
    light: Bool[Tensor, " hit"],
    delay: Float[Tensor, " hit"],
    charge: Float[Tensor, " hit"],
    weight: Float[Tensor, " hit"],
) -> dict[str, float]:
    near = light & (delay.abs() < FAR)
    same = light & (delay.abs() < SAME_TIME) & ((charge - 1.0).abs() < SAME_CHARGE)
    return {
        "dark": float(weight[~light].sum() / weight.sum().clamp(min=1.0)),
        "spread": float(delay[near].std()) if int(near.sum()) > 1 else 0.0,
        "unchanged": float(weight[same].sum() / weight[light].sum().clamp(min=1.0)),
    }
