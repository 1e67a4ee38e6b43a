"""Processes that work for a campaign: of this machine, or of any Dask scheduler by its address.

Dask is imported where workers are started, so that who calibrates one run needs none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from kzcal.errors import ConfigurationError

if TYPE_CHECKING:
    from distributed import Client, Future

TRIES = 2
"""Workers that may die over a task before it is given up."""
PATIENCE_S = 20
"""How long a scheduler may take to answer."""
QUIET = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
    "distributed.worker.memory.monitor-interval": "500ms",
}
"""Of Dask's looks at stacks, loops and memory, by default every 10, 20 and 100 ms. These take two
workers and the parent 0.13 s of processor time a second, and with these settings 0.02 s."""
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """A task that is over.

    Args:
        result: what it returned.
        error: why there is no result; None if there is one.
    """

    result: Any
    error: BaseException | None


class Pool(Protocol):
    """Does tasks elsewhere."""

    @property
    def places(self) -> int:
        """Tasks that can be under way at a time, one at least."""

    @property
    def busy(self) -> int:
        """Tasks under way."""

    def submit(self, key: object, task: Callable[..., Any], *words: object) -> None:
        """Begin a task."""

    def wait(self) -> tuple[object, Settled]:
        """The key of the next task that is over, and what has become of it; its place is free."""


class DaskPool:
    """Workers of a Dask scheduler.

    No more tasks are handed over than can be under way, so that a worker that dies takes one
    task with it and no other comes under suspicion. A result is fetched before its worker gets
    the next task; one that is lost with a worker all the same is made again.

    Args:
        client: connected to the scheduler.
    """

    def __init__(self, client: Client) -> None:
        from distributed import as_completed

        self._client = client
        self._keys: dict[Future, object] = {}
        self._settled = as_completed()

    @property
    def places(self) -> int:
        """Threads of all workers."""
        return max(1, sum(int(n) for n in self._client.nthreads().values()))

    @property
    def busy(self) -> int:
        """Tasks under way."""
        return len(self._keys)

    def submit(self, key: object, task: Callable[..., Any], *words: object) -> None:
        """Begin a task."""
        future = self._client.submit(task, *words, pure=False)
        self._keys[future] = key
        self._settled.add(future)

    def wait(self) -> tuple[object, Settled]:
        """The next task that is over."""
        future = next(self._settled)
        try:
            error = future.exception()
            settled = Settled(None if error else future.result(), error)
        except CancelledError as error:
            settled = Settled(None, error)
        return self._keys.pop(future), settled


@contextmanager
def local_pool(workers: int, threads: int) -> Iterator[Pool]:
    """Processes of this machine, which end with the block.

    A worker that needs more than its share of the machine's memory is ended by Dask.

    Args:
        workers: number of processes.
        threads: of each, for the linear algebra; a process does one task at a time.

    Raises:
        ConfigurationError: Dask is not installed.
    """
    _require()
    import dask
    from distributed import Client, LocalCluster

    environment = dict.fromkeys(THREAD_VARIABLES, threads)
    settings = {
        **QUIET,
        "distributed.scheduler.allowed-failures": TRIES - 1,
        "distributed.nanny.pre-spawn-environ": environment,
    }
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        stack.enter_context(dask.config.set(settings))
        cluster = stack.enter_context(
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address="localhost:0",
                silence_logs=logging.CRITICAL,
            )
        )
        yield DaskPool(stack.enter_context(Client(cluster)))


@contextmanager
def remote_pool(address: str) -> Iterator[Pool]:
    """The workers of a scheduler, which go on afterwards.

    Args:
        address: such as tcp://10.0.0.1:8786.

    Raises:
        ConfigurationError: Dask is not installed, no scheduler answers there, or it has no worker.
    """
    _require()
    from distributed import Client

    try:
        client = Client(address, timeout=PATIENCE_S)
    except (OSError, ValueError) as error:
        message = f"--scheduler must be the address of a Dask scheduler, got {address}: {error}"
        raise ConfigurationError(message) from error
    with _quiet(), client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE_S)
        except TimeoutError as error:
            message = f"a scheduler needs workers, got none at {address}: start `dask worker`s"
            raise ConfigurationError(message) from error
        yield DaskPool(client)


@contextmanager
def _quiet() -> Iterator[None]:
    """Dask tells of every connection; what concerns a run is told as that run's failure."""
    told = logging.getLogger("distributed")
    level = told.level
    told.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        told.setLevel(level)


def _require() -> None:
    """Dask is an extra, because only those who calibrate many runs need it.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        message = (
            f"calibrating several runs needs Dask, got: {error}; install it with "
            f"`pip install 'kzcal[many]'`, or calibrate one run at a time"
        )
        raise ConfigurationError(message) from error
