"""Tensors in files, with notes beside them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from kzcal.errors import FileFormatError
from kzcal.io.atomic import replacing


def write_tensors(
    path: Path, tensors: Mapping[str, Tensor], notes: Mapping[str, str] | None = None
) -> None:
    """Write tensors and notes beside them, whole or not at all."""
    plain = {name: t.detach().cpu().clone().contiguous() for name, t in tensors.items()}
    with replacing(path) as unfinished:
        save_file(plain, unfinished, dict(notes or {}))


def read_tensors(
    path: Path, device: torch.device | str = "cpu"
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors of a file, and the notes beside them.

    Raises:
        FileFormatError: the file cannot be read.
    """
    try:
        with safe_open(path, "pt", device=str(device)) as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, dict(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        message = f"{path}: weights must be readable as safetensors, got: {error}"
        raise FileFormatError(message) from error
