"""Hits put down on disk between passes, so that memory stays flat however long the run is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO

import numpy as np
import torch
from torch import Tensor

from kzcal.closing import Closing


@dataclass(frozen=True, slots=True, eq=False)
class Spool(Closing):
    """Chunks of equally long columns in a temporary file, read back in the order written.

    Use it in a ``with`` statement: the file is gone afterwards, also when the process dies.

    Args:
        device: where the columns are put when they are read back.
    """

    device: torch.device
    file: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    chunks: list[dict[str, tuple[np.dtype, int]]] = field(default_factory=list)

    def close(self) -> None:
        """Delete the file."""
        self.file.close()

    def append(self, columns: Mapping[str, Tensor]) -> None:
        """Write the next chunk."""
        self.file.seek(0, os.SEEK_END)
        layout = {}
        for name, column in columns.items():
            array = column.cpu().numpy()
            layout[name] = (array.dtype, len(array))
            self.file.write(array.tobytes())
        self.chunks.append(layout)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        """All chunks from the start."""
        self.file.flush()
        self.file.seek(0)
        for layout in list(self.chunks):
            chunk = {}
            for name, (dtype, length) in layout.items():
                data = bytearray(self.file.read(dtype.itemsize * length))
                array = np.frombuffer(data, dtype=dtype)
                chunk[name] = torch.from_numpy(array).to(self.device)
            yield chunk
