"""The learned response as a change of hits: photoelectrons in, reported hits out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.learning import Trained
from kzcal.response.merging import Pulses, by_group_then_time
from kzcal.response.translator import hits_of
from kzcal_fitted_response.constants import Constants, kind_of
from kzcal_fitted_response.draws import EventTable, distance_to, draw, light_of, windows_of
from kzcal_fitted_response.sampling import report


class FittedTranslator:
    """Reports hits with learned constants for photoelectrons given as hits.

    Args:
        trained: what training left.
    """

    def __init__(self, trained: Trained) -> None:
        self._constants = Constants.of(trained.weights, trained.device)

    def translate(
        self, events: Events, detector: Detector, *, generator: np.random.Generator
    ) -> Events:
        """The same events with reported hits; the same generator state gives the same hits."""
        return translated(self._constants, events, detector, generator=generator)


def translated(
    constants: Constants, events: Events, detector: Detector, *, generator: np.random.Generator
) -> Events:
    """Events with reported hits in place of photoelectrons.

    Args:
        constants: the response.
        events: with photoelectrons at the ceiling as hits.
        detector: whose PMTs they are.
        generator: source of randomness.

    Raises:
        ConfigurationError: the response has another number of PMTs.
    """
    if len(constants.tubes.qe) != detector.n_pmt:
        message = (
            f"a response holds for the {len(constants.tubes.qe)} PMTs that it was learned of, "
            f"got a detector of {detector.n_pmt}"
        )
        raise ConfigurationError(message)
    device = constants.tubes.qe.device
    stream = torch.Generator(device).manual_seed(int(generator.integers(2**63)))
    table, light = EventTable.of(events, device), light_of(events, device)
    window = windows_of(table, constants.readout.physics_window, constants.readout.forced_window)
    draws = draw(light, window, constants.tubes.dark_rate, generator=stream)
    position = torch.from_numpy(detector.positions.astype(np.float32)).to(device)
    distance = distance_to(table.vertex, position, light.event, light.pmt)
    kind = kind_of(detector, constants.tubes.cable)
    pulses = report(constants, kind, draws, distance, window).pulses
    return replace(events, hits=hits_of(_in_order(pulses), len(events)))


def _in_order(pulses: Pulses) -> Pulses:
    """By event and within an event by time."""
    order: Int[Tensor, " hit"] = by_group_then_time(pulses.event, pulses.time)
    columns = (pulses.event, pulses.pmt, pulses.time, pulses.charge)
    return Pulses(*(column[order] for column in columns))
