"""Events whose spectra are compared: by time and place, so that no cut on energy moves a peak.

A sample of the calibration says where the peak is. Around it everything is taken that fits in
time: captures soon after a muon, the rest far from muons and alone. Alphas of 214Po keep the wide
energy cut of their coincidence, which lies outside of the range that is compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from kzcal.hits import Events, Muons, RunHeader
from kzcal.parts import Selection
from kzcal.samples.c11 import Carbon11
from kzcal.samples.cuts import alone, since_muon, within
from kzcal.samples.neutron_capture import NeutronCapture, exposure

Mask = Bool[np.ndarray, " event"]
FEWEST = 60
"""Events about the peak that a spectrum is made of."""


@dataclass(frozen=True, slots=True)
class Peak:
    """A spectrum that is compared.

    Args:
        name: of the sample.
        profile: of the scintillation, index into kzcal.light.PROFILES.
        span: range that is compared, over the median of the sample.
        heights: of the smooth background below it; 0 for none.
    """

    name: str
    profile: int
    span: tuple[float, float]
    heights: int


PEAKS = (
    Peak("neutron-capture", 0, (0.72, 1.25), 0),
    Peak("c11", 0, (0.66, 1.75), 3),
    Peak("po210", 1, (0.70, 1.34), 2),
    Peak("po214", 1, (0.74, 1.30), 2),
)


@dataclass(frozen=True, slots=True, eq=False)
class SpectrumRows:
    """Events of one spectrum.

    Args:
        peak: that is compared.
        core: events of the calibration's sample, for the median.
        on: events that are compared.
        off: events that measure what is among them by chance.
        ratio: events by chance for one of ``off``.
        purity: of the calibration's sample.
    """

    peak: Peak
    core: Mask
    on: Mask
    off: Mask
    ratio: float
    purity: float


def spectrum_rows(
    events: Events,
    muons: Muons,
    header: RunHeader,
    selections: Mapping[str, Selection],
    radius_m: float,
) -> tuple[SpectrumRows, ...]:
    """The spectra that a run has events for, within a radius."""
    inside = within(events, radius_m) & np.isfinite(events.energy)
    delay = since_muon(events, muons)
    capture, lonely = NeutronCapture(), Carbon11()
    calm = inside & (delay >= lonely.veto_ns) & alone(events, lonely.gap_ns)
    nothing = np.zeros(len(events), bool)
    found = []
    for peak in PEAKS:
        if peak.name not in selections:
            continue
        core = selections[peak.name].rows & inside
        if core.sum() < FEWEST:
            continue
        on, off, ratio = calm, nothing, 0.0
        if peak.name == "neutron-capture":
            on, off = (
                inside & (delay >= first) & (delay < last)
                for first, last in (capture.on_time_ns, capture.off_time_ns)
            )
            ratio = exposure(muons, header, capture.on_time_ns) / max(
                exposure(muons, header, capture.off_time_ns), 1.0
            )
        elif peak.name == "po214":
            on = core
        found.append(SpectrumRows(peak, core, on, off, ratio, selections[peak.name].purity))
    return tuple(found)
