"""Rejections as cuts: what they take of a background, and what of everything else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from kzcal.errors import ConfigurationError

FORM = "BACKGROUND[,BACKGROUND...]=REJECTED:ACCEPTED or =REJECTION.json[:SCORE]"


@dataclass(frozen=True, slots=True)
class Cut:
    """A cut that rejects some backgrounds and keeps the same share of all that is not one.

    Assumption: a background that the cut is not meant for keeps the signal's share. That is right
        of cuts on coincidences, which know nothing of the decay itself, and for other
        double beta decays; a cut on the topology rejects more of what has gammas.

    Args:
        backgrounds: names of those that it is meant for.
        rejected: share of them.
        accepted: share of everything else.
    """

    backgrounds: tuple[str, ...]
    rejected: float
    accepted: float

    def __post_init__(self) -> None:
        if not (0 <= self.rejected <= 1 and 0 < self.accepted <= 1):
            message = (
                f"a cut rejects and accepts shares from 0 to 1, got rejected={self.rejected} "
                f"and accepted={self.accepted} for {', '.join(self.backgrounds)}"
            )
            raise ConfigurationError(message)

    def passing(self, background: str) -> float:
        """Share of a background that stays."""
        return 1.0 - self.rejected if background in self.backgrounds else self.accepted


@dataclass(frozen=True, slots=True, eq=False)
class CutCurve:
    """All cuts on one score.

    Args:
        backgrounds: that they are meant for.
        accepted: shares of everything else, ascending.
        rejected: shares of these backgrounds.
    """

    backgrounds: tuple[str, ...]
    accepted: Float64[np.ndarray, " cut"]
    rejected: Float64[np.ndarray, " cut"]

    def __post_init__(self) -> None:
        both = (self.accepted, self.rejected)
        alike = self.accepted.ndim == 1 and self.accepted.shape == self.rejected.shape
        shares = all(((values >= 0) & (values <= 1)).all() for values in both)
        if not (alike and len(self.accepted) and shares and (np.diff(self.accepted) > 0).all()):
            message = (
                "a curve has as many rejections as acceptances, shares from 0 to 1 with "
                f"the acceptances ascending, got {self.accepted.size} acceptances and "
                f"{self.rejected.size} rejections for {', '.join(self.backgrounds)}"
            )
            raise ConfigurationError(message)

    def at(self, accepted: float) -> Cut:
        """The cut that accepts so much."""
        rejected = float(np.interp(accepted, self.accepted, self.rejected))
        return Cut(self.backgrounds, rejected, accepted)


def passing(cuts: Sequence[Cut], background: str) -> float:
    """Share of a background that all cuts leave; of the signal for a name that is none of them."""
    return float(np.prod([cut.passing(background) for cut in cuts]))


def parsed(text: str) -> Cut | CutCurve:
    """A cut, or the curve of a combination's or an evaluation's score, from the command line.

    Raises:
        ConfigurationError: the text has another form, or the file no such curve.
    """
    name, separator, value = text.partition("=")
    backgrounds = tuple(name.split(","))
    if not separator or not all(backgrounds):
        message = f"a rejection is {FORM}, got {text!r}"
        raise ConfigurationError(message)
    if ".json" in value:
        file, _, score = value.rpartition(".json")
        return _curve(backgrounds, Path(f"{file}.json"), score.removeprefix(":"))
    numbers = value.split(":")
    try:
        rejected, accepted = (float(number) for number in numbers)
    except ValueError as error:
        message = f"a rejection is {FORM}, got {text!r}"
        raise ConfigurationError(message) from error
    return Cut(backgrounds, rejected, accepted)


def _curve(backgrounds: tuple[str, ...], path: Path, score: str) -> CutCurve:
    """The curve of a score in what `kzcal combine` wrote; the first unless another is named."""
    try:
        curves = json.loads(path.read_text())["curves"]
        accepted, rejected = np.array(curves["acceptance"], float), curves["rejected"]
        chosen = score or next(iter(rejected))
        values = np.array(rejected[chosen], float)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        message = f"{path}: a rejection must be readable JSON, got: {error}"
        raise ConfigurationError(message) from error
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        message = (
            f"{path}: a rejection holds curves by score, as kzcal combine writes them, got none "
            f"of {score or 'any score'}"
        )
        raise ConfigurationError(message) from error
    try:
        return CutCurve(backgrounds, accepted, values)
    except ConfigurationError as error:
        message = f"{path}: {error}"
        raise ConfigurationError(message) from error
