"""Files of decays with histories of their own: how far a search may go in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kzcal.coincidence.config import S_PER_H, SpallationSettings
from kzcal.errors import ConfigurationError
from kzcal.io.timeline import Timeline

ROUNDING = 1e-9


def check_history(timeline: Timeline, settings: SpallationSettings) -> None:
    """Refuse to look where the histories of a file hold nothing, or those of other decays.

    Raises:
        ConfigurationError: the search goes back longer than histories last, or farther than they
            are complete.
    """
    limits = (
        ("--look-back", "h", settings.look_back, timeline.history_s / S_PER_H),
        ("--distance", "m", settings.distance, timeline.reach_m),
    )
    for option, unit, wanted, most in limits:
        if wanted > most * (1 + ROUNDING):
            message = (
                f"{timeline.path}: the histories of its decays are complete to {most:g} {unit}, "
                f"got a search to {wanted:g} {unit}: give {option} {most:g} or less"
            )
            raise ConfigurationError(message)


def look_back_for(runs: Sequence[Path]) -> float:
    """How long to look back where nobody says: as usual, or as long as all histories last, h."""
    hours = SpallationSettings().look_back
    for path in runs:
        with Timeline(path) as timeline:
            hours = min(hours, timeline.history_s / S_PER_H)
    return hours
