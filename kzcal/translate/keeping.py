"""Judges the training of a translator by events held out, and draws some of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kzcal.learning import LearningTranslator
from kzcal.scorecard.quick import quick
from kzcal.training.keeping import DirectoryKeeper
from kzcal.training.loop import Progress
from kzcal.translate.samples import Triptych
from kzcal.translate.tasks import Material


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ModelKeeper(DirectoryKeeper):
    """Judges a training by events held out, and keeps what it leaves in a directory.

    Args:
        seed: of the training.
        material: what the training learns from and is judged by.
    """

    seed: int
    material: Material

    def judged(self, learner: LearningTranslator, progress: Progress) -> float:
        """Distance of the scorecard between translated and real events that were held out."""
        if not self.world.first:
            return math.inf
        material, detector = self.material, self.material.task.detector
        generator = np.random.default_rng(self.seed)
        fake = learner.translate(material.source, detector, generator=generator)
        card = quick(fake, material.target, detector, same_run=material.same_run)
        number = len(self.rows) + 1
        if number & (number - 1) == 0:
            picture = Triptych(material.source, material.target, fake, detector)
            title = f"{self.title}, step {progress.step}: distance {card.distance:.4g}"
            picture.write(self.directory.path / f"samples-{progress.step:06d}.png", title)
        return float(card.distance) if math.isfinite(card.distance) else math.inf
