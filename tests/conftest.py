"""How tests share a machine: what goes to one process together, and no clock that decides."""

import os

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
    """In several processes a file stays whole, unless its tests say otherwise; long ones go first.

    Tests that cost much to prepare name their group by the mark ``xdist_group``.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    long = {group(item) for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: group(item) not in long)


def group(item: pytest.Item) -> str:
    """Name of the group that a test goes with."""
    mark = item.get_closest_marker("xdist_group")
    return str(mark.kwargs.get("name", mark.args[0] if mark.args else "default"))
