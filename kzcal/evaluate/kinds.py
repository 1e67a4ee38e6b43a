"""Kinds of events: which are signal and background, and the last of each in a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Shaped

from kzcal.candidates import IBD, SPALLATION
from kzcal.components import HITS
from kzcal.errors import ConfigurationError

KIND = "kind"
"""Column of the truth that says what an event is."""
USUAL: Mapping[str, tuple[str, str]] = MappingProxyType(
    {HITS: ("bb", "bi214"), SPALLATION: ("xe136", "long-lived"), IBD: ("ibd", "accidental")}
)
"""Kinds of signal and background that are meant where nobody names others, by what is scored."""


def chosen_kinds(
    scored: str, signal: Sequence[str], background: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Kinds of signal and background: those that are asked for, or the usual ones.

    Args:
        scored: what is: hits of events, or candidates for spallation or ibd.
        signal: kinds that are asked for; empty for the usual one.
        background: the same.
    """
    usual_signal, usual_background = USUAL[scored]
    return tuple(signal) or (usual_signal,), tuple(background) or (usual_background,)


def last_of_each_kind(
    usable: Bool[np.ndarray, " event"], kind: Shaped[np.ndarray, " event"], share: float
) -> Bool[np.ndarray, " event"]:
    """The last events of each kind, among those that can be used.

    Which events of a kind these are does not hang on the other kinds that somebody asks for, so
    that a training and an evaluation mean the same events.

    Args:
        usable: whether each event of one file is, in its order: those that were reconstructed.
        kind: of each.
        share: of each kind, from 0 to 1.
    """
    last = np.zeros_like(usable)
    for one in np.unique(kind):
        rows = np.flatnonzero(usable & (kind == one))
        last[rows[len(rows) - round(share * len(rows)) :]] = True
    return last


def check_kinds(
    signal: Sequence[str],
    background: Sequence[str],
    truths: Sequence[Mapping[str, Shaped[np.ndarray, " event"]]],
) -> None:
    """Refuse kinds that no file has, or that are of both classes.

    Args:
        signal: values of truth/kind that are signal.
        background: those that are background.
        truths: of all files, by column; those without a kind are passed over.

    Raises:
        ConfigurationError: a kind is in no file, or signal and background at once.
    """
    both = [name for name in signal if name in background]
    if both:
        message = (
            f"a kind is signal or background, got {', '.join(both)} as both: name another by "
            f"--signal or --background"
        )
        raise ConfigurationError(message)
    columns = [truth[KIND].astype(str) for truth in truths if KIND in truth]
    known = np.unique(np.concatenate(columns)).tolist() if columns else []
    unknown = [name for name in (*signal, *background) if name not in known]
    if known and unknown:
        message = (
            f"signal and background are kinds that the events have, got {', '.join(unknown)}: "
            f"choose from {', '.join(known)}"
        )
        raise ConfigurationError(message)
