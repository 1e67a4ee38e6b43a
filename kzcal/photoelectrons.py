"""GTQ: photoelectrons before the PMTs and the electronics have had their say."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Photoelectrons:
    """Photoelectrons of many events, in any order.

    Args:
        event: row of the event.
        pmt: cable number.
        time: ns, in the event's hit-time base.
    """

    event: Int[Tensor, " pe"]
    pmt: Int[Tensor, " pe"]
    time: Float[Tensor, " pe"]
