"""Interrupts that are not lost, or that wait for a good moment."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from kzcal.cli.output import progress


@contextmanager
def interrupts_kept() -> Iterator[Callable[[], None]]:
    """Remember an interrupt (Ctrl-C), so that what is yielded raises it anew when called.

    Python drops an interrupt that meets a destructor, or a callback of compiled code, as h5py and
    numba have them; a long computation calls this now and then and ends all the same.
    """
    seen: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        seen.append(number)
        raise KeyboardInterrupt

    def check() -> None:
        if seen:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield check
        return
    before = signal.signal(signal.SIGINT, remember)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def watched(what: str, total: float, *, quiet: bool) -> Iterator[Callable[[float], None]]:
    """A progress bar that an interrupt ends; yields what is told how much more is done.

    Args:
        what: is under way.
        total: of what there is to do.
        quiet: whether no bar is drawn.
    """
    with interrupts_kept() as check, progress(what, total, quiet=quiet) as advance:

        def watch(done: float) -> None:
            check()
            advance(done)

        yield watch


@contextmanager
def interrupts_awaited() -> Iterator[Callable[[], bool]]:
    """Let an interrupt (Ctrl-C) wait; what is yielded says whether there was one.

    A second one is raised at once.
    """
    seen: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: bool(seen)
        return
    before = signal.signal(signal.SIGINT, remember)
    try:
        yield lambda: bool(seen)
    finally:
        signal.signal(signal.SIGINT, before)
