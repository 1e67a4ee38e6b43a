"""What a global fit says of the response, put into the constants of every PMT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.response.detector import DetectorResponse
from kzcal.response.strays import Stray

NO_EARLY = 5e-4
"""Of photoelectrons: a fitted share of early pulses up to this counts as none.
Assumption: a tenth of what large tubes have by detector_db/response.toml, and a few errors of a
day's fit; more hits than a day's would settle a share as small."""


def sharing(
    response: DetectorResponse, detector: Detector, shared: Mapping[str, float]
) -> DetectorResponse:
    """The response with strays, time walk and efficiency of the types as they were fitted.

    Late photoelectrons of the fit take the place of the nominal late pulses, if there are any;
    early ones keep the nominal delays.

    Args:
        response: with the constants of every PMT, by place.
        detector: whose PMTs they are.
        shared: values by parameter of the fit; those that it does not name stay nominal.

    Raises:
        ConfigurationError: the fit has early pulses, and a PMT of the response has no delays of
            such.
    """
    own = torch.ones_like(response.gain) if response.qe is None else response.qe
    is_20 = torch.from_numpy(np.asarray(detector.diameter_inch == 20)).to(own.device)
    changed = replace(response, qe=own * torch.where(is_20, shared.get("efficiency_20", 1.0), 1.0))
    if "time_walk" in shared:
        walk = torch.full_like(own, shared["time_walk"])
        changed = replace(changed, walk=walk)
    if "late_fraction" in shared:
        changed = replace(
            changed,
            late_share=shared["late_fraction"],
            late_delay=shared.get("late_delay", response.late_delay),
            moved=tuple(stray for stray in response.moved if not _late(stray)),
        )
    if "early_fraction" in shared:
        changed = replace(changed, moved=_with_early(changed.moved, shared["early_fraction"]))
    return changed


def _with_early(strays: tuple[Stray, ...], fraction: float) -> tuple[Stray, ...]:
    """Strays of which the early ones together have this share of photoelectrons."""
    nominal = sum((stray.share for stray in strays if _early(stray)), torch.zeros(()))
    if fraction > NO_EARLY and not bool((nominal > 0).all()):
        message = (
            "a response must have early pulses of every PMT type where a global fit found some, "
            f"got early_fraction {fraction:.2g} and a type without them: name their delays in "
            "the text of the response, or hold early_fraction at 0 in the fit"
        )
        raise ConfigurationError(message)
    shares = [fraction * stray.share / nominal.clamp(min=1e-12) for stray in strays]
    return tuple(
        replace(stray, share=share) if _early(stray) else stray
        for stray, share in zip(strays, shares, strict=True)
    )


def _early(stray: Stray) -> bool:
    return bool((stray.last <= 0).all()) and not _late(stray)


def _late(stray: Stray) -> bool:
    return bool((stray.first >= 0).all())
