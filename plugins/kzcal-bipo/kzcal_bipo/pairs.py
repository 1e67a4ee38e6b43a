"""Pairs of events by their distance in time, without looking at all pairs."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64


def pairs_in_time(
    prompt_ns: Int64[np.ndarray, " prompt"],
    delayed_ns: Int64[np.ndarray, " delayed"],
    window_ns: tuple[int, int],
) -> tuple[Int64[np.ndarray, " pair"], Int64[np.ndarray, " pair"]]:
    """Every prompt and delayed event whose delay lies in a window.

    Takes time in proportion to the events (times a logarithm) and the pairs found.

    Args:
        prompt_ns: ascending times of the prompt events, ns.
        delayed_ns: times of the delayed events, ns.
        window_ns: shortest delay, and the delay that is too long, ns.

    Returns:
        The prompt and the delayed row of each pair.
    """
    first = np.searchsorted(prompt_ns, delayed_ns - window_ns[1], side="right")
    last = np.searchsorted(prompt_ns, delayed_ns - window_ns[0], side="right")
    counts = last - first
    delayed = np.repeat(np.arange(len(delayed_ns)), counts)
    within_block = np.arange(len(delayed)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(first, counts) + within_block, delayed
