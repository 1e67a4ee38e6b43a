"""What is looked for: settings of candidates for spallation and for antineutrinos."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kzcal.errors import ConfigurationError

Window = tuple[float, float]

CAPTURE_MEV: tuple[Window, ...] = ((1.8, 2.6), (4.4, 5.6))
"""Visible energies of captures on hydrogen and on 12C, MeV. Source: KamLAND (2015),
arXiv:1503.02137."""
NS_PER_US, NS_PER_S, S_PER_H = 1_000, 1_000_000_000, 3600.0


@dataclass(frozen=True, slots=True)
class SpallationSettings:
    """Decays, and the captures that may belong to them.

    Args:
        distance: captures are looked for so near to the decay, m. Source: the 1.6 m of the
            triple coincidence of 10C, KamLAND-Zen (2016), arXiv:1605.02889.
        look_back: h; captures after muons of this time before the decay are taken.
        energy: window of the decays, MeV.
        radius: decays lie within it, m; None for the innermost medium of the detector.
        capture_time: after the muon, us. Assumption: the electronics have recovered by its
            beginning, as for kzcal.samples.neutron_capture.
        capture_energy: windows of captures, MeV.
        veto: no decay is taken so soon after a muon, us; not before the captures are over.
    """

    distance: float = 1.6
    look_back: float = 24.0
    energy: Window = (2.0, 3.0)
    radius: float | None = None
    capture_time: Window = (150.0, 2000.0)
    capture_energy: tuple[Window, ...] = CAPTURE_MEV
    veto: float = 2000.0

    def __post_init__(self) -> None:
        _check_positive(self, ("distance", "look_back"))
        _check_windows(self, ("energy", "capture_time", "capture_energy"))
        if self.radius is not None:
            _check_positive(self, ("radius",))
        if not self.capture_time[1] <= self.veto < math.inf:
            message = (
                f"the veto after a muon must last until its captures are over "
                f"({self.capture_time[1]} us), got veto={self.veto}"
            )
            raise ConfigurationError(message)


@dataclass(frozen=True, slots=True)
class IbdSettings:
    """Pairs of a prompt and a delayed event.

    Args:
        distance: of the two, at most, m.
        time: between the two, us.
        prompt: window of the prompt energy, MeV.
        delayed: windows of the delayed energy, MeV.
        radius: both lie within it, m. Source: KamLAND (2015), arXiv:1503.02137, for all these
            windows but the prompt energy, which is that of reactors and the Earth; 2 m are of
            later papers.
        veto: neither comes so soon after a muon, us.
        alone: nothing else that could be prompt or delayed from so long before the prompt event to
            so long after the delayed one, us; 0 for no such cut.
        off_time: whether the delayed window is moved away, so that all pairs are accidental.
        windows: number of windows that are moved away.
        spacing: between them, and of the first from the prompt event, us.
    """

    distance: float = 2.0
    time: Window = (0.5, 1000.0)
    prompt: Window = (0.9, 8.5)
    delayed: tuple[Window, ...] = CAPTURE_MEV
    radius: float = 6.0
    veto: float = 2000.0
    alone: float = 0.0
    off_time: bool = False
    windows: int = 100
    spacing: float = 10_000.0

    def __post_init__(self) -> None:
        _check_positive(self, ("distance", "radius", "spacing"))
        _check_windows(self, ("time", "prompt", "delayed"))
        for name in ("veto", "alone"):
            if not 0 <= getattr(self, name) < math.inf:
                message = f"{name} must be a time from 0 us, got {name}={getattr(self, name)}"
                raise ConfigurationError(message)
        if isinstance(self.windows, bool) or self.windows < 1:
            message = f"windows must be a whole number from 1, got windows={self.windows!r}"
            raise ConfigurationError(message)
        if self.time[0] <= 0:
            message = f"a delayed event comes after the prompt one, got time={self.time} us"
            raise ConfigurationError(message)
        least = self.time[1] + self.alone
        if self.off_time and self.spacing < least:
            message = (
                f"windows that are moved away must not overlap: they are at least {least} us "
                f"apart, got spacing={self.spacing}"
            )
            raise ConfigurationError(message)

    @property
    def shifts(self) -> tuple[float, ...]:
        """By how much the delayed window is moved away, us: one that is not, or all that are."""
        if not self.off_time:
            return (0.0,)
        return tuple(self.spacing * (i + 1) for i in range(self.windows))


def _check_positive(settings: object, names: tuple[str, ...]) -> None:
    for name in names:
        value = getattr(settings, name)
        if not 0 < value < math.inf:
            message = f"{name} must be positive and finite, got {name}={value}"
            raise ConfigurationError(message)


def _check_windows(settings: object, names: tuple[str, ...]) -> None:
    for name in names:
        value = getattr(settings, name)
        for low, high in value if isinstance(value[0], tuple) else (value,):
            if not 0 <= low < high < math.inf:
                message = f"{name} must be a window LOW:HIGH from 0 on, got {low}:{high}"
                raise ConfigurationError(message)
