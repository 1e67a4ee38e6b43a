"""Columns of HDF5 files that grow chunk by chunk, and failures of writing in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Shaped

from kzcal.errors import ConfigurationError
from kzcal.io.schema import Dataset as Spec


@contextmanager
def new_file(beside: Path, path: Path) -> Iterator[h5py.File]:
    """A new HDF5 file, closed in any case; failures name the file that it is to become."""
    with failure_named(path):
        file = h5py.File(beside, "w", libver="v110")
    try:
        yield file
    finally:
        with failure_named(path):
            file.close()


@contextmanager
def failure_named(path: Path) -> Iterator[None]:
    """Turn what h5py raises when a disk is full or fails into one sentence."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        message = f"{path} must have room and a disk that takes it, but writing failed: {reason}"
        raise ConfigurationError(message) from error


def create_column(file: h5py.File, spec: Spec, rows_per_chunk: int) -> h5py.Dataset:
    """An empty, compressed dataset that can grow, with its unit."""
    created = file.create_dataset(
        spec.name,
        shape=(0,),
        maxshape=(None,),
        dtype=spec.dtype,
        chunks=(rows_per_chunk,),
        compression="gzip",
        compression_opts=1,
        shuffle=True,
    )
    if spec.units is not None:
        created.attrs["units"] = spec.units
    return created


def append_rows(dataset: h5py.Dataset, values: Shaped[np.ndarray, " row"]) -> None:
    """Make a dataset longer by some rows."""
    start = len(dataset)
    dataset.resize(start + len(values), axis=0)
    dataset[start:] = values
