"""Waiting for other processes: until they have done their part, and never by a clock of their own.

A limit is there to end a test whose partner hangs, not to measure speed; no machine on which tests
run is so busy that it comes near.
"""

import time
from collections.abc import Callable

PATIENCE_S = 1200.0
"""Longest wait for another process, s."""


def wait_until(happened: Callable[[], object], otherwise: str, *, every: float = 0.02) -> None:
    """Look again and again until something has happened.

    Args:
        happened: whether it has; it may fail the test itself, for example when the other process
            has ended.
        otherwise: what to say if it never does.
        every: pause between two looks, s.
    """
    end = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < end, otherwise
        time.sleep(every)
