"""How the light that PMTs collect changes with the parameters of the light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.errors import ConfigurationError
from kzcal.geometry.light import LightParameters

SCALES = ("absorption_scale", "scattering_scale", "pmt_reflectivity", "sheet_reflectivity")
"""Parameters of the light that a map can be moved in; ``slopes`` counts in this order."""


def moved_light(
    light: LightParameters,
    parameters: Mapping[str, float],
    slopes: Float[Tensor, "scale type radius cosine"],
) -> tuple[LightParameters, Float[Tensor, "type radius cosine"]]:
    """Parameters of the light with some new values, and the change of the log of what is seen.

    Raises:
        ConfigurationError: a parameter that maps do not know, or not a positive value.
    """
    change = slopes.new_zeros(len(SCALES))
    for name, ratio in _ratios(parameters, light).items():
        change[SCALES.index(name)] = float(np.log(ratio))
    new = replace(light, **parameters)
    return new, torch.tensordot(change, slopes, dims=1) + _entering(light, new)


def _ratios(parameters: Mapping[str, float], light: LightParameters) -> dict[str, float]:
    """New values over present ones."""
    ratios = {}
    for name, value in parameters.items():
        if name not in SCALES:
            message = f"a light map moves in {', '.join(SCALES)}, got {name!r}"
            raise ConfigurationError(message)
        present = getattr(light, name)
        if not (value > 0 and present > 0):
            message = (
                f"{name} must be positive to move a light map from one value to another, "
                f"got {present} and {value}: trace a new map for light without it"
            )
            raise ConfigurationError(message)
        ratios[name] = value / present
    return ratios


def _entering(old: LightParameters, new: LightParameters) -> float:
    """What the slopes leave out of the log of the light that enters a PMT it meets."""
    before, after = old.pmt_reflectivity, new.pmt_reflectivity
    if before == after:
        return 0.0
    first_order = -before / (1 - before) * np.log(after / before)
    return float(np.log((1 - after) / (1 - before)) - first_order)
