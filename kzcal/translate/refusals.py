"""What a training or a translation is refused for: another detector, another recording."""

from __future__ import annotations

import numpy as np

from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.response.translator import FORCED_WINDOW, PHYSICS_WINDOW

MARGIN = 20.0
"""Hits may lie so much beyond a window, ns; Assumption: clock steps and delays of single PMTs."""


def refuse_other(detector: Detector, n_pmt: int) -> None:
    """Refuse to translate for another detector than that of the training.

    Raises:
        ConfigurationError: it has not as many PMTs.
    """
    if detector.n_pmt != n_pmt:
        message = (
            f"events are translated for the detector of the training, which has {n_pmt} PMTs, "
            f"got {detector.n_pmt}: train for this detector"
        )
        raise ConfigurationError(message)


def refuse_other_windows(target: Events) -> None:
    """Refuse to learn from hits that were recorded for longer than translations are.

    Raises:
        ConfigurationError: hits lie outside the windows of kzcal.response.
    """
    event = target.hits.event_index
    for kind, chosen, (begin, end) in (
        ("physics", target.physics, PHYSICS_WINDOW),
        ("forced", target.forced, FORCED_WINDOW),
    ):
        time = target.hits.time[chosen[event]]
        beyond = (time < begin - MARGIN) | (time > end + MARGIN)
        if beyond.any():
            first = float(time[np.argmax(beyond)])
            message = (
                f"a translator learns from {kind} triggers recorded from {begin:g} to "
                f"{end:g} ns, got a hit at {first:g} ns in the target: cut it to this window"
            )
            raise ConfigurationError(message)
