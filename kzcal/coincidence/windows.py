"""Time windows among sorted rows: which rows lie in the window of each, never all pairs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int64

from kzcal.io.cutting import cut_between_events

MOST_PAIRS = 1 << 21
"""In memory at once, unless the window of one row holds more."""


def window_pairs(
    first: Int64[np.ndarray, " owner"],
    last: Int64[np.ndarray, " owner"],
    most: int = MOST_PAIRS,
) -> Iterator[tuple[Int64[np.ndarray, " pair"], Int64[np.ndarray, " pair"]]]:
    """Pairs of an owner and a row of its window, in the order of the owners and of the rows.

    Args:
        first: row at which the window of each owner begins.
        last: row before which it ends; none lie in it where that is not beyond ``first``.
        most: pairs of one piece, unless one owner has more.

    Yields:
        Owners and rows of consecutive pairs.
    """
    counts = np.maximum(last - first, 0)
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    for owners in cut_between_events(ends, most):
        here = counts[owners]
        owner = np.repeat(np.arange(owners.start, owners.stop), here)
        shift = np.repeat(first[owners] - (ends[owners] - ends[owners.start]), here)
        yield owner, shift + np.arange(len(owner))
