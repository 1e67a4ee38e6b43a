"""Keeps weights, checkpoints and curves of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from kzcal.errors import FileFormatError
from kzcal.training.curves import DISTANCE, draw_curves, write_table
from kzcal.training.directory import WEIGHTS, TrainedDirectory
from kzcal.training.distributed import World, agreed
from kzcal.training.loop import Learner, Progress, Validation
from kzcal.training.tensors import write_tensors

TABLE, CURVES = "training.csv", "curves.png"
PROGRESS = "progress"
"""Note of a checkpoint that says how far the training was."""


@dataclass(frozen=True, slots=True, eq=False)
class DirectoryKeeper:
    """Keeps what a training leaves in a directory.

    Args:
        directory: of the model.
        title: of the curves.
        world: the processes that train; the first one judges and writes.
        device: where they calculate.
        judged_by: what a validation finds, in words; the smaller, the better.
        rows: validations so far.
    """

    directory: TrainedDirectory
    title: str
    world: World
    device: torch.device
    judged_by: str = DISTANCE
    rows: list[Validation] = field(default_factory=list)

    def improved(self, learner: Learner) -> None:
        """Keep the best weights so far."""
        if self.world.first:
            write_tensors(self.directory.path / WEIGHTS, learner.weights())

    def recorded(self, validation: Validation) -> None:
        """Keep the table and the curves."""
        self.rows.append(validation)
        if self.world.first:
            path = self.directory.path
            write_table(path / TABLE, self.rows)
            draw_curves(path / CURVES, self.rows, self.title, self.judged_by)

    def kept(self, learner: Learner, progress: Progress) -> None:
        """Keep a checkpoint."""
        checkpoint = self.directory.checkpoint(self.world.rank)
        write_tensors(checkpoint, learner.state(), {PROGRESS: progress.text()})

    def agreed(self, choice: int) -> int:
        """What the first of several processes chose."""
        return agreed(choice, self.device)


def progress_of(checkpoint: Path, notes: Mapping[str, str]) -> Progress:
    """How far a training was when a checkpoint was taken.

    Args:
        checkpoint: the file.
        notes: beside its tensors.

    Raises:
        FileFormatError: they do not say it.
    """
    try:
        return Progress.from_text(notes[PROGRESS])
    except (KeyError, TypeError, ValueError) as error:
        message = (
            f"{checkpoint}: a checkpoint must note under {PROGRESS!r} how far the training was, "
            f"got {notes.get(PROGRESS)!r}: choose another --out"
        )
        raise FileFormatError(message) from error
