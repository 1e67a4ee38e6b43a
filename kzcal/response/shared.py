"""What a global fit says of the response, put into the constants of every PMT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from kzcal.geometry import Detector
from kzcal.response.detector import DetectorResponse
from kzcal.response.strays import Stray


def sharing(
    response: DetectorResponse, detector: Detector, shared: Mapping[str, float]
) -> DetectorResponse:
    """The response with strays, time walk and efficiency of the types as they were fitted.

    Late photoelectrons of the fit take the place of the nominal late pulses; early ones keep the
    nominal delays.

    Args:
        response: with the constants of every PMT, by place.
        detector: whose PMTs they are.
        shared: values by parameter of the fit; those that it does not name stay nominal.
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
    shares = [fraction * stray.share / nominal.clamp(min=1e-12) for stray in strays]
    return tuple(
        replace(stray, share=share) if _early(stray) else stray
        for stray, share in zip(strays, shares, strict=True)
    )


def _early(stray: Stray) -> bool:
    return bool((stray.last <= 0).all()) and not _late(stray)


def _late(stray: Stray) -> bool:
    return bool((stray.first >= 0).all())
