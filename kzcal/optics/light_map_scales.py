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

SCALES = (
    "absorption_scale",
    "scattering_scale",
    "pmt_reflectivity",
    "sheet_reflectivity",
    "angular_slope",
)
"""Parameters of the light that a map can be moved in; ``slopes`` counts in this order."""

MIRROR, INCLINED = SCALES.index("pmt_reflectivity"), SCALES.index("angular_slope")


def moved_light(
    light: LightParameters,
    parameters: Mapping[str, float],
    slopes: Float[Tensor, "scale type radius cosine"],
) -> tuple[LightParameters, Float[Tensor, "type radius cosine"], Tensor]:
    """Parameters of the light with some new values, and what is seen with them.

    Returns:
        The parameters, the change of the log of what is seen, and the slopes there.

    Raises:
        ConfigurationError: a parameter that maps do not know, or not a positive value.
    """
    change = slopes.new_zeros(len(SCALES))
    ratios = _ratios(parameters, light)
    inclined = ratios.pop("angular_slope", 1.0) - 1
    for name, ratio in ratios.items():
        change[SCALES.index(name)] = float(np.log(ratio))
    new = replace(light, **parameters)
    shift = torch.tensordot(change, slopes, dims=1) + _entering(light, new)
    response = 1 + inclined * slopes[INCLINED]
    there = slopes.clone()
    there[MIRROR] += _odds(light) - _odds(new)
    there[INCLINED] *= (1 + inclined) / response
    return new, shift + torch.log(response), there


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
    return float(np.log((1 - after) / (1 - before)) + _odds(old) * np.log(after / before))


def _odds(light: LightParameters) -> float:
    """Light that a PMT mirrors over what enters it: the slope of the latter, less its sign."""
    return light.pmt_reflectivity / (1 - light.pmt_reflectivity)
