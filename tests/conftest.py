"""How tests share a machine: what goes first, and no clock that decides."""

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "same everywhere",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("same everywhere")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In several processes files with slow tests go first, so that none is left for the end."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    """A command that sets PyTorch's threads leaves the next test as many as it found.

    With several threads sums come in any order, and what shall be equal to the bit is not.
    """
    yield
    torch, chosen = sys.modules.get("torch"), os.environ.get("OMP_NUM_THREADS", "")
    if torch is not None and chosen.isdigit():
        torch.set_num_threads(int(chosen))
