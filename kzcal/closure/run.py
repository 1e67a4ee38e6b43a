"""Trials of a closure, one after the other or by several processes."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from pathlib import Path

import numpy as np

from kzcal.closure.config import ClosureConfig
from kzcal.closure.experiment import Experiment
from kzcal.closure.trials import Trial, TrialFile
from kzcal.closure.verdict import Verdict, judge
from kzcal.errors import CalibrationError, ConfigurationError, KzcalError

log = logging.getLogger(__name__)
TRIALS = "trials.jsonl"
FAILURES = (KzcalError, ArithmeticError, np.linalg.LinAlgError)
"""What a trial may fail with; whatever else goes wrong is a fault of the program and ends it."""


def run_closure(
    config: ClosureConfig,
    out: Path,
    *,
    workers: int = 1,
    advance: Callable[[float], None] = lambda _trials: None,
) -> tuple[Verdict, tuple[Trial, ...]]:
    """Run the trials that are not done yet, and judge all of them.

    Args:
        config: the settings.
        out: directory in which trials are kept; made where there is none.
        workers: processes.
        advance: told of every trial.

    Returns:
        The verdict, and the trials by number.

    Raises:
        ConfigurationError: a setting cannot be, or the directory holds another closure.
        CalibrationError: a process died, or too few trials have a fit.
    """
    experiment = config.open()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"--out must be a directory, got {out}: {error.strerror}"
        raise ConfigurationError(message) from error
    kept = TrialFile(out / TRIALS, config.digest)
    done = kept.read()
    advance(sum(number < config.trials for number in done))
    missing = [number for number in range(config.trials) if number not in done]
    for trial in _trials(config, missing, workers):
        kept.append(trial)
        done[trial.number] = trial
        if trial.failure:
            log.warning("trial %d failed: %s", trial.number, trial.failure)
        advance(1)
    trials = tuple(done[number] for number in range(config.trials))
    fits = [trial.fitted for trial in trials if trial.fitted is not None]
    failed = len(trials) - len(fits)
    return judge(fits, failed, experiment.units, config.limits, seed=config.seed), trials


def seed_of(config: ClosureConfig, number: int) -> int:
    """Seed of a trial: it depends on the closure's and its number alone."""
    (state,) = np.random.SeedSequence([config.seed, number]).generate_state(1)
    return int(state)


def try_once(experiment: Experiment, number: int, seed: int) -> Trial:
    """Run one trial; a fit that fails is a result too."""
    began = time.perf_counter()
    try:
        fitted, failure = experiment.run(seed=seed), ""
    except FAILURES as error:
        fitted, failure = None, f"{type(error).__name__}: {error}"
    return Trial(number, seed, fitted, failure, time.perf_counter() - began)


def _trials(config: ClosureConfig, numbers: Sequence[int], workers: int) -> Iterator[Trial]:
    """Trials as they end."""
    if workers == 1:
        experiment = config.open()
        for number in numbers:
            yield try_once(experiment, number, seed_of(config, number))
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _prepare_worker)
    waiting: set[Future[Trial]] = set()
    rest = iter(numbers)
    experiment = config.open()
    try:
        while True:
            for number in islice(rest, workers - len(waiting)):
                seed = seed_of(config, number)
                waiting.add(pool.submit(try_once, experiment, number, seed))
            if not waiting:
                return
            ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in ended)
    except BrokenProcessPool as error:
        message = (
            "a process that ran a trial died, of too little memory as a rule: the trials that "
            "were done are kept; run the command again, with fewer --workers"
        )
        raise CalibrationError(message) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _prepare_worker() -> None:
    """One thread each, said before PyTorch is imported; an interrupt ends it at once."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ |= {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
