"""Event files to read, alter and break."""

from collections.abc import Callable
from pathlib import Path

import h5py
import pytest
from event_files import HEADER, plain_events, plain_muons

from kzcal.io.events import write_events


@pytest.fixture
def run_file(tmp_path: Path) -> Path:
    """A run with muons, as kzcal writes it."""
    path = tmp_path / "run.h5"
    write_events(path, HEADER, [plain_events()], plain_muons())
    return path


@pytest.fixture(scope="session")
def foreign_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The same run in a file as h5py makes it by default: the oldest HDF5 layout, no checksums."""
    directory = tmp_path_factory.mktemp("foreign")
    write_events(directory / "new.h5", HEADER, [plain_events()], plain_muons())
    old = directory / "old.h5"
    with h5py.File(directory / "new.h5") as source, h5py.File(old, "w") as copy:
        copy.attrs.update(source.attrs)
        for group in source:
            source.copy(group, copy)
    return old.read_bytes()


@pytest.fixture
def altered(run_file: Path) -> Callable[[Callable[[h5py.File], None]], Path]:
    """The run after a change made through h5py."""

    def apply(change: Callable[[h5py.File], None]) -> Path:
        with h5py.File(run_file, "r+") as file:
            change(file)
        return run_file

    return apply
