"""Which PMTs are good, and what is wrong with the others, in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from kzcal.calibrate.cabling import Cabling
from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.survey import LIGHT_WINDOW, Survey

GOOD, DEAD, HOT, LOW, SWAPPED, MISPLACED = "good", "dead", "hot", "low", "swapped", "misplaced"
FEWEST_HITS = 30
"""Hits below which gain, width and times are not fitted."""


@dataclass(frozen=True, slots=True)
class FirstStatus:
    """What the first look says of each PMT.

    Args:
        dead: no light and hardly any dark hits, or no light at all.
        low: less light than a fifth of its type.
        hot: dark rate far above its type.
        light: hits less dark ones over the median of the type.
        noise: dark rate over the median of the type.
    """

    dead: Bool[Tensor, " pmt"]
    low: Bool[Tensor, " pmt"]
    hot: Bool[Tensor, " pmt"]
    light: Tensor
    noise: Tensor

    @property
    def counting(self) -> Bool[Tensor, " pmt"]:
        """PMTs that may take part in means."""
        return ~(self.dead | self.low | self.hot)


def first_status(first_look: Survey, kind: Tensor, config: CalibrationConfig) -> FirstStatus:
    """Compare every PMT with the median of its type."""
    duration = (LIGHT_WINDOW[1] - LIGHT_WINDOW[0]) * 1e-9 * first_look.n_events
    signal = first_look.n_hits - first_look.dark.rate * duration
    light, noise = torch.zeros_like(signal), torch.zeros_like(signal)
    for k in torch.unique(kind):
        rows = kind == k
        light[rows] = signal[rows] / signal[rows].median().clamp(min=1)
        noise[rows] = first_look.dark.rate[rows] / first_look.dark.rate[rows].median().clamp(min=1)
    dead = light < config.dead_fraction
    hot = ~dead & (noise > config.hot_factor)
    return FirstStatus(dead, ~dead & (light < config.low_fraction), hot, light, noise)


@dataclass(frozen=True, slots=True)
class StatusTable:
    """The verdict on each PMT.

    Args:
        status: one word.
        reason: one sentence for a PMT that is not good.
        partner: the cable it is exchanged with, or whose place it has; -1 for none.
    """

    status: np.ndarray
    reason: np.ndarray
    partner: np.ndarray

    @property
    def good(self) -> np.ndarray:
        """Which PMTs are good."""
        return np.asarray(self.status == GOOD)


def judge(first: FirstStatus, cabling: Cabling, config: CalibrationConfig) -> StatusTable:
    """Put the verdicts into words."""
    n_pmt = len(first.dead)
    status = np.full(n_pmt, GOOD, dtype="U16")
    reason = np.full(n_pmt, "", dtype="U160")
    partner = np.full(n_pmt, -1, dtype=np.int32)
    light, noise = first.light.cpu().numpy(), first.noise.cpu().numpy()

    def mark(pmt: int, word: str, sentence: str, other: int = -1) -> None:
        status[pmt], reason[pmt], partner[pmt] = word, sentence, other

    for a, b in cabling.exchanged:
        for one, other in ((a, b), (b, a)):
            mark(
                one, SWAPPED, f"its hits come from the place of PMT {other}, and vice versa", other
            )
    for pmt, place in cabling.misplaced.items():
        mark(pmt, MISPLACED, f"its hits fit the place of PMT {place} best", place)
    for pmt in torch.nonzero(first.low)[:, 0].tolist():
        mark(pmt, LOW, f"{light[pmt]:.2f} of the light of its type, below {config.low_fraction}")
    for pmt in torch.nonzero(first.hot)[:, 0].tolist():
        mark(
            pmt,
            HOT,
            f"dark rate {noise[pmt]:.1f} times its type's median, above {config.hot_factor}",
        )
    for pmt in torch.nonzero(first.dead)[:, 0].tolist():
        mark(pmt, DEAD, f"{light[pmt]:.3f} of the light of its type, below {config.dead_fraction}")
    return StatusTable(status, reason, partner)
