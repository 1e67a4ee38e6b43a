"""Bad channels: every PMT that is not good, with the reason."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kzcal.calibrate.report.population import reasons
from kzcal.calibrate.report.templating import fill
from kzcal.conditions.payload import Payload
from kzcal.conditions.quantities import is_good
from kzcal.geometry import Detector

NO_PARTNER = -1


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


class BadChannels:
    """The list that the shift crew asks for."""

    def render(
        self,
        calibration: Payload,
        diagnostics: Payload,  # noqa: ARG002  as the protocol
        detector: Detector,
        previous: Payload | None,  # noqa: ARG002
    ) -> str:
        """A table by status and cable number."""
        return fill("bad_channels.html", channels=bad_channels(calibration, detector))


def bad_channels(calibration: Payload, detector: Detector) -> list[BadChannel]:
    """Every PMT that is not good, by status and cable number."""
    bad = np.flatnonzero(~is_good(calibration)).tolist()
    why = reasons(calibration)
    channels = [_channel(calibration, detector, pmt, why[pmt]) for pmt in bad]
    return sorted(channels, key=lambda channel: (channel.status, channel.pmt))


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
