"""The objective at one point, in this process or in others; poor points are left early."""

from __future__ import annotations

import math
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Protocol

import numpy as np
from jaxtyping import Float64
from optuna.trial import FrozenTrial, TrialState

from kzcal.parts import Objective

RECENT = 20
"""Trials whose median counts as still worth following."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a point.

    Args:
        partial: the objective of more and more of the data; the last is the largest part seen.
        pruned: whether there was more to come.
    """

    partial: tuple[float, ...]
    pruned: bool

    @property
    def finite(self) -> bool:
        """Whether all of them are numbers."""
        return all(math.isfinite(value) for value in self.partial)


def evaluate(
    objective: Objective, values: Float64[np.ndarray, " parameter"], ceiling: float, steps: int
) -> Outcome:
    """Add up the objective until all of it is there or it exceeds the ceiling.

    Args:
        objective: its parts only grow.
        values: of the parameters.
        ceiling: above it a point is not followed to its end.
        steps: parts that there are.
    """
    partial = []
    for value in objective.partial(values):
        partial.append(float(value))
        if value > ceiling and len(partial) < steps:
            return Outcome(tuple(partial), True)
    return Outcome(tuple(partial), False)


def ceiling_of(trials: Sequence[FrozenTrial], margin: float) -> tuple[float, int]:
    """Above which objective a point is hopeless, and how many parts a whole objective has.

    A part of the objective is a lower bound of all of it. A point is left once that is above the
    best trial by a margin and above the median of the recent ones, so that proposals still learn
    which points are the better half.
    """
    values = [t.value for t in trials if t.value is not None]
    whole = (t for t in trials if t.state == TrialState.COMPLETE)
    steps = max((len(t.intermediate_values) for t in whole), default=0)
    if len(values) < RECENT:
        return math.inf, steps
    return max(min(values) + margin, float(np.median(values[-RECENT:]))), steps


class Evaluator(Protocol):
    """Evaluates points, perhaps several at a time."""

    def __call__(
        self, values: Float64[np.ndarray, " parameter"], ceiling: float, steps: int
    ) -> Future[Outcome]:
        """Begin with a point."""


@contextmanager
def evaluator(objective: Objective, workers: int) -> Iterator[Evaluator]:
    """Evaluates in this process, or in several that end with it."""
    if workers == 1:

        def here(
            values: Float64[np.ndarray, " parameter"], ceiling: float, steps: int
        ) -> Future[Outcome]:
            future: Future[Outcome] = Future()
            future.set_result(evaluate(objective, values, ceiling, steps))
            return future

        yield here
        return
    threads = max(1, (os.cpu_count() or 1) // workers)
    context = multiprocessing.get_context("spawn")
    # As bytes, since tensors would go through memory that is shared while their sender lives.
    given = pickle.dumps(objective), threads
    pool = ProcessPoolExecutor(workers, context, _prepare_worker, given)
    try:
        yield lambda values, ceiling, steps: pool.submit(_evaluate_here, values, ceiling, steps)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_OBJECTIVE: list[Objective] = []
"""Of a worker process, which keeps it between points."""


def _prepare_worker(objective: bytes, threads: int) -> None:
    """Keep the objective; interrupts go to the parent, with which this process ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _OBJECTIVE[:] = [pickle.loads(objective)]  # noqa: S301  from the parent alone
    if "torch" in sys.modules:  # as it is once an objective with tensors has arrived
        sys.modules["torch"].set_num_threads(threads)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _evaluate_here(
    values: Float64[np.ndarray, " parameter"], ceiling: float, steps: int
) -> Outcome:
    return evaluate(_OBJECTIVE[0], values, ceiling, steps)
