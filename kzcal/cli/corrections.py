"""Which constants correct the hits that a classifier sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from kzcal.cli.db import database_option
from kzcal.errors import ConfigurationError

if TYPE_CHECKING:
    from kzcal.classify.corrected import Correction
    from kzcal.geometry import Detector


@dataclass(frozen=True, slots=True)
class Corrections:
    """Where the constants of runs come from.

    Args:
        location: of the database, as --db names it.
        tag: its name; None for nominal constants.
    """

    location: str | None
    tag: str | None

    def of(self, run: int, detector: Detector) -> tuple[Correction, str]:
        """The correction of a run's hits, and the digest of the constants that make it.

        Raises:
            DatabaseError: the tag has no constants for the run.
        """
        from kzcal.classify.corrected import Correction
        from kzcal.conditions.engine import resolve
        from kzcal.simulate.constants import Constants

        constants = Constants()
        if self.tag is not None:
            constants = Constants.stored(resolve(self.location), self.tag, run)
        return Correction.of(constants.payload(detector), detector), constants.digest


def corrections(location: str | None, tag: str | None, nominal: bool) -> Corrections:
    """The constants that the options ask for.

    Raises:
        ConfigurationError: it is not said which, or twice.
    """
    if nominal == (tag is not None):
        got = "both" if nominal else "neither"
        message = f"hits are corrected by --tag's constants or by --nominal ones, got {got}"
        raise ConfigurationError(message)
    return Corrections(location, tag)


def check_uncorrected(tag: str | None, nominal: bool, runs: Sequence[int]) -> None:
    """Refuse constants where candidates are asked for.

    Raises:
        ConfigurationError: there are some.
    """
    given = [
        name
        for name, is_given in (("--tag", tag is not None), ("--nominal", nominal), ("--run", runs))
        if is_given
    ]
    if given:
        message = (
            f"candidates are made of reconstructed events, which no constants correct, got "
            f"{', '.join(given)}: leave out"
        )
        raise ConfigurationError(message)


def constants_options(command: Callable[..., None]) -> Callable[..., None]:
    """``--db``, ``--tag`` and ``--nominal``."""
    nominal = click.option(
        "--nominal", is_flag=True, help="Correct by nominal constants instead: no PMT is bad."
    )
    tag = click.option("--tag", help="Tag whose constants correct the hits.")
    return database_option(tag(nominal(command)))
