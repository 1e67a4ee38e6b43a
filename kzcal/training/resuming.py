"""A training that goes on with what a directory holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kzcal.errors import ConfigurationError
from kzcal.training.directory import TrainedDirectory
from kzcal.training.distributed import everyones, world
from kzcal.training.keeping import progress_of
from kzcal.training.loop import Learner, Progress
from kzcal.training.tensors import read_tensors


def check_same(
    directory: TrainedDirectory, before: Mapping[str, Any], now: Mapping[str, Any]
) -> None:
    """Refuse to resume a training of something else.

    Args:
        directory: of the model.
        before: identity of the model in it.
        now: identity of what is asked for.

    Raises:
        ConfigurationError: what is trained, options, seed, events, detector or the number of
            processes differ.
    """
    other = [name for name in now if before.get(name) != now[name]]
    if other:
        told = "; ".join(f"{name}: {before.get(name)} before, {now[name]} now" for name in other)
        message = (
            f"a training is resumed with what it began with, got {directory.path} with another "
            f"{told}: ask for the same, or choose another --out"
        )
        raise ConfigurationError(message)


def restored(learner: Learner, directory: TrainedDirectory, device: torch.device) -> Progress:
    """Let a learner go on where its checkpoint was taken, if there is one; how far that was.

    Raises:
        FileFormatError: the checkpoint does not say how far the training was.
        ConfigurationError: an older version wrote the checkpoint, or those of several processes
            are not of one step.
    """
    checkpoint, progress = directory.checkpoint(world().rank), Progress()
    if checkpoint.exists():
        state, notes = read_tensors(checkpoint, device)
        progress = progress_of(checkpoint, notes)
        _restore(learner, state, checkpoint)
    steps = everyones(progress.step, device)
    if len(set(steps)) > 1:
        message = (
            f"processes go on from checkpoints of one step, got steps "
            f"{', '.join(map(str, steps))} by rank in {directory.path}: choose another --out"
        )
        raise ConfigurationError(message)
    return progress


def _restore(learner: Learner, state: Mapping[str, Tensor], checkpoint: Path) -> None:
    """Let a learner take a state back that it should know: options and detector are the same.

    Raises:
        ConfigurationError: it does not.
    """
    try:
        learner.restore(state)
    except (ConfigurationError, KeyError) as error:
        message = (
            f"a training goes on from what its own version wrote, got {checkpoint} written by an "
            f"older kzcal or plugin: train anew, with another --out"
        )
        raise ConfigurationError(message) from error
