"""What the options of a training may be, checked before anything is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kzcal.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers that an option may be; only whole ones where ``whole``, both ends included."""

    least: float
    most: float
    whole: bool = False

    def holds(self, value: float) -> bool:
        """Whether a value is one of them; an infinite one and no number are not."""
        return self.least <= value <= self.most and not (self.whole and value % 1)


SWITCH = Range(0, 1, whole=True)
NUMBER = Range(1, 1_000_000, whole=True)
WEIGHT = Range(0.0, 1e6)

RANGES = {
    "faithful": SWITCH,
    "batch": NUMBER,
    "rate": Range(1e-12, 1.0),
    "cycle": WEIGHT,
    "identity": WEIGHT,
    "sphere": WEIGHT,
    "warm_start": SWITCH,
    "images": NUMBER,
    "filters": NUMBER,
    "blocks": NUMBER,
    "pool": Range(0, 1_000_000, whole=True),
}
"""Of each option of kzcal_cyclegan.CYCLEGAN."""


def check(options: Mapping[str, float]) -> None:
    """Refuse an option that makes no sense.

    Raises:
        ConfigurationError: one of them is out of its range.
    """
    for name, value in options.items():
        allowed = RANGES[name]
        if not allowed.holds(value):
            kind = "a whole number" if allowed.whole else "a number"
            message = (
                f"{name} of cyclegan must be {kind} from {allowed.least:g} to "
                f"{allowed.most:g}, got {value:g}: choose another value"
            )
            raise ConfigurationError(message)
