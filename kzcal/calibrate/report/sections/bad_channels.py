"""Bad channels: every PMT that is not good, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kzcal.calibrate.report.population import reasons
from kzcal.calibrate.report.templating import fill
from kzcal.conditions.payload import Payload
from kzcal.conditions.quantities import is_good
from kzcal.geometry import Detector

NO_PARTNER = -1
MANY = 10
"""From so many on, PMTs that share a reason are listed together."""


@dataclass(frozen=True, slots=True)
class BadChannel:
    """A PMT that is not good.

    Args:
        pmt: cable number.
        diameter: inch.
        height: z of its place, m.
        azimuth: of its place, degrees.
        status: what is wrong.
        reason: how that was found.
        partner: cable it is exchanged with, or -1.
        n_hits: hits in the run; -1 if they were not counted.
        dark_rate: Hz.
        dark_rate_error: Hz.
    """

    pmt: int
    diameter: int
    height: float
    azimuth: float
    status: str
    reason: str
    partner: int
    n_hits: int
    dark_rate: float
    dark_rate_error: float


@dataclass(frozen=True, slots=True)
class Group:
    """PMTs that are bad for one and the same reason.

    Args:
        status: what is wrong.
        reason: how that was found.
        pmts: cable numbers.
    """

    status: str
    reason: str
    pmts: tuple[int, ...]


class BadChannels:
    """The list that the shift crew asks for."""

    def render(
        self,
        calibration: Payload,
        diagnostics: Payload,  # noqa: ARG002  as the protocol
        detector: Detector,
        previous: Payload | None,  # noqa: ARG002
    ) -> str:
        """Those with a story of their own one by one, then those that share a reason."""
        channels = bad_channels(calibration, detector)
        groups = alike(channels)
        grouped = {pmt for group in groups for pmt in group.pmts}
        single = [channel for channel in channels if channel.pmt not in grouped]
        return fill("bad_channels.html", n_bad=len(channels), channels=single, groups=groups)


def bad_channels(calibration: Payload, detector: Detector) -> list[BadChannel]:
    """Every PMT that is not good, by status and cable number."""
    bad = np.flatnonzero(~is_good(calibration)).tolist()
    why = reasons(calibration)
    channels = [_channel(calibration, detector, pmt, why[pmt]) for pmt in bad]
    return sorted(channels, key=lambda channel: (channel.status, channel.pmt))


def alike(channels: Sequence[BadChannel]) -> list[Group]:
    """Channels without a partner of which at least MANY share status and reason."""
    shared: dict[tuple[str, str], list[int]] = {}
    for channel in channels:
        if channel.partner == NO_PARTNER:
            shared.setdefault((channel.status, channel.reason), []).append(channel.pmt)
    return [Group(*why, tuple(pmts)) for why, pmts in shared.items() if len(pmts) >= MANY]


def _channel(calibration: Payload, detector: Detector, pmt: int, reason: str) -> BadChannel:
    columns = calibration.columns
    x, y, z = detector.positions[pmt]
    dark = columns["dark_rate"]
    return BadChannel(
        pmt=pmt,
        diameter=int(detector.diameter_inch[pmt]),
        height=float(z),
        azimuth=float(np.rad2deg(np.arctan2(y, x))),
        status=str(columns["status"].values[pmt]),
        reason=reason,
        partner=int(columns["partner"].values[pmt]) if "partner" in columns else NO_PARTNER,
        n_hits=int(columns["n_hits"].values[pmt]) if "n_hits" in columns else -1,
        dark_rate=float(dark.values[pmt]),
        dark_rate_error=float("nan") if dark.errors is None else float(dark.errors[pmt]),
    )
