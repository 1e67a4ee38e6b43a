"""Judges a training by events held out, and keeps weights, checkpoints, curves and pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kzcal.errors import FileFormatError
from kzcal.learning import LearningTranslator
from kzcal.scorecard.quick import quick
from kzcal.translate.curves import draw_curves, write_table
from kzcal.translate.distributed import World, agreed
from kzcal.translate.model import WEIGHTS, Manifest, ModelDirectory, write_tensors
from kzcal.translate.samples import Triptych
from kzcal.translate.tasks import Material
from kzcal.translate.training import Progress, Validation

TABLE, CURVES = "training.csv", "curves.png"
PROGRESS = "progress"
"""Note of a checkpoint that says how far the training was."""


@dataclass(frozen=True, slots=True, eq=False)
class ModelKeeper:
    """Judges a training by events held out, and keeps what it leaves in a directory.

    Args:
        directory: of the model.
        manifest: of the model.
        material: what the training learns from and is judged by.
        world: the processes that train; the first one judges and writes.
        rows: validations so far.
    """

    directory: ModelDirectory
    manifest: Manifest
    material: Material
    world: World
    rows: list[Validation] = field(default_factory=list)

    def judged(self, learner: LearningTranslator, progress: Progress) -> float:
        """Distance of the scorecard between translated and real events that were held out."""
        if not self.world.first:
            return math.inf
        material, detector = self.material, self.material.task.detector
        generator = np.random.default_rng(self.manifest.seed)
        fake = learner.translate(material.source, detector, generator=generator)
        card = quick(fake, material.target, detector, same_run=material.same_run)
        number = len(self.rows) + 1
        if number & (number - 1) == 0:
            picture = Triptych(material.source, material.target, fake, detector)
            title = (
                f"{self.manifest.translator}, step {progress.step}: distance {card.distance:.4g}"
            )
            picture.write(self.directory.path / f"samples-{progress.step:06d}.png", title)
        return float(card.distance) if math.isfinite(card.distance) else math.inf

    def improved(self, learner: LearningTranslator) -> None:
        """Keep the best weights so far."""
        if self.world.first:
            write_tensors(self.directory.path / WEIGHTS, learner.weights())

    def recorded(self, validation: Validation) -> None:
        """Keep the table and the curves."""
        self.rows.append(validation)
        if self.world.first:
            write_table(self.directory.path / TABLE, self.rows)
            draw_curves(self.directory.path / CURVES, self.rows, self.manifest.translator)

    def kept(self, learner: LearningTranslator, progress: Progress) -> None:
        """Keep a checkpoint."""
        checkpoint = self.directory.checkpoint(self.world.rank)
        write_tensors(checkpoint, learner.state(), {PROGRESS: progress.text()})

    def agreed(self, choice: int) -> int:
        """What the first of several processes chose."""
        return agreed(choice, self.material.task.device)


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
