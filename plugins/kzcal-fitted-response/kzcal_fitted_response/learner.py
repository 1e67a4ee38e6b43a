"""Learning the response: translate, compare, move every constant, and again.

A turn translates all photoelectrons once, with random numbers of its own. From turn ``SETTLING``
on, what each turn says of a PMT is averaged over turns, so that the noise of the translation falls
and that of the data stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.learning import TranslatorTask
from kzcal.response.translator import PHYSICS_WINDOW
from kzcal_fitted_response.agreement import agreement, distances
from kzcal_fitted_response.constants import Constants, Shapes
from kzcal_fitted_response.draws import Draws, draw
from kzcal_fitted_response.prepared import prepared
from kzcal_fitted_response.sampling import Reported, report
from kzcal_fitted_response.shapes import improved, scored
from kzcal_fitted_response.slopes import Slopes, slopes
from kzcal_fitted_response.statistics import Counts, HitTable
from kzcal_fitted_response.translator import translated
from kzcal_fitted_response.tubes import (
    LEARNED,
    UNKNOWN,
    Comparison,
    Estimates,
    aligned,
    averaged,
    drawn_in,
    estimates,
    living,
    with_dark_rate,
)

SETTLING = 6
"""Turns before averages begin."""
MEMORY = 12
"""Turns that an average remembers."""
LONGEST_MERGING = PHYSICS_WINDOW[1] - PHYSICS_WINDOW[0]
"""Merging time that makes one hit of all that a PMT reports of a physics trigger, ns."""
LAST_TURN = 1e6
"""Turns that no training reaches: densities that begin there are never free."""


class ResponseLearner:
    """Learns constants and shapes from unpaired photoelectrons and hits.

    Args:
        task: what to learn from.
        merging_time: pulses of a PMT closer than this are one hit, ns; no longer than a recording.
        densities_from: turn from which densities are free, and shared constants of the charge
            stay.

    Raises:
        CalibrationError: source or target has no physics trigger with a vertex and an energy.
        ConfigurationError: an option is not finite or out of its range.
    """

    def __init__(
        self, task: TranslatorTask, *, merging_time: float = 12.0, densities_from: float = 5
    ) -> None:
        _check_range("merging_time", merging_time, LONGEST_MERGING, "ns")
        _check_range("densities_from", densities_from, LAST_TURN, "turns")
        self._task, self._densities_from, self._turn = task, densities_from, 0
        self._on, self._constants = prepared(task, merging_time)
        blank = torch.zeros(
            len(LEARNED), task.detector.n_pmt, dtype=torch.float64, device=task.device
        )
        unknown = torch.full_like(blank, UNKNOWN)
        self._estimates, self._errors = Estimates(blank, unknown), unknown.sqrt()

    def step(self) -> Mapping[str, float]:
        """One turn: how well data and translation agree before it, and how far constants moved."""
        reported, found = self._translated()
        both = self._compared(found)
        if self._turn == 0:
            losses = self._begin(found, both)
        else:
            losses = self._improve(reported, found, both)
        self._turn += 1
        return losses

    def state(self) -> Mapping[str, Tensor]:
        """Constants, averages and the number of turns, from which random numbers follow."""
        return {
            **self.weights(),
            "averages.value": self._estimates.value.clone(),
            "averages.variance": self._estimates.variance.clone(),
            "turn": torch.tensor(self._turn),
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on exactly where ``state`` was taken."""
        device = self._task.device
        self._constants = Constants.of(state, device)
        self._errors = state["errors"].to(device)
        self._estimates = Estimates(
            *(state[f"averages.{name}"].to(device) for name in ("value", "variance"))
        )
        self._turn = int(state["turn"])

    def weights(self) -> Mapping[str, Tensor]:
        """Constants, one standard deviation of those of PMTs, and hits of the data."""
        data, n_pmt = self._on.data, self._task.detector.n_pmt
        return {name: tensor.clone() for name, tensor in self._constants.tensors().items()} | {
            "errors": self._errors.clone(),
            "hits.light": torch.bincount(data.pmt[data.light], minlength=n_pmt),
            "hits.dark": torch.bincount(data.pmt[data.dark], minlength=n_pmt),
            "hits.dark_live": self._on.target.exposure.dark_live.clone(),
        }

    def translate(
        self, events: Events, detector: Detector, *, generator: np.random.Generator
    ) -> Events:
        """Translate with what is learned so far."""
        return translated(self._constants, events, detector, generator=generator)

    @property
    def constants(self) -> Constants:
        """What is learned so far."""
        return self._constants

    def _draws(self) -> Draws:
        seed = np.random.SeedSequence([self._task.seed, self._turn]).generate_state(2, np.uint32)
        generator = torch.Generator(self._task.device)
        generator.manual_seed(int(seed[0]) << 31 | int(seed[1]) >> 1)
        rate = self._constants.tubes.dark_rate
        return draw(self._on.light, self._on.source.window, rate, generator=generator)

    def _translated(self) -> tuple[Reported, HitTable]:
        """Translate all photoelectrons with the random numbers of this turn."""
        on = self._on
        draws = self._draws()
        reported = report(self._constants, on.view.kind, draws, on.distance, on.source.window)
        return reported, HitTable.of(reported.pulses, on.source.table, on.view)

    def _compared(self, found: HitTable) -> Comparison:
        on, tubes = self._on, self._constants.tubes
        return Comparison(
            Counts.of(on.data, tubes, on.target.exposure),
            Counts.of(found, tubes, on.source.exposure),
            on.scale,
            on.drawn,
        )

    def _begin(self, found: HitTable, both: Comparison) -> Mapping[str, float]:
        """Bring medians together, and find out which PMTs live and how dark they are."""
        kind = self._on.view.kind
        tubes = living(aligned(self._constants.tubes, self._on.data, found), both, kind)
        dark = with_dark_rate(self._constants, both, kind).dark_rate
        self._constants = replace(self._constants, tubes=replace(tubes, dark_rate=dark))
        return agreement(both, kind) | distances(tubes, tubes, self._errors)

    def _improve(
        self, reported: Reported, found: HitTable, both: Comparison
    ) -> Mapping[str, float]:
        """Move every constant once."""
        kind, tubes = self._on.view.kind, self._constants.tubes
        by = slopes(self._constants, kind, found, reported)
        now = estimates(tubes, both, by, kind, copies=1 / self._share)
        self._estimates = averaged(self._estimates, now, self._share)
        ceiling = float(self._constants.readout.ceiling)
        moved, self._errors = drawn_in(tubes, self._estimates, kind, ceiling)
        dark = with_dark_rate(self._constants, both, kind).dark_rate
        shapes = self._shapes(reported, found, both, by)
        self._constants = replace(
            self._constants, tubes=replace(moved, dark_rate=dark), shapes=shapes
        )
        return agreement(both, kind) | distances(tubes, moved, self._errors)

    @property
    def _share(self) -> float:
        """Share of this turn in averages."""
        return 1.0 if self._turn <= SETTLING else max(1 / (self._turn - SETTLING + 1), 1 / MEMORY)

    def _shapes(self, reported: Reported, found: HitTable, both: Comparison, by: Slopes) -> Shapes:
        """Shared constants by steps of scoring first, then densities take up what they leave."""
        on, now, share = self._on, self._constants, self._share
        free = self._turn >= self._densities_from
        shapes = improved(now, on.data, found, reported, on.view, densities=free, share=share)
        return shapes if free else scored(shapes, both, by, on.view.kind, rate=share)


def _check_range(name: str, value: float, most: float, unit: str) -> None:
    if not 0 <= value <= most:
        message = f"{name} is from 0 to {most:g} {unit}, got {value}"
        raise ConfigurationError(message)
