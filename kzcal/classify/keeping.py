"""Judges the training of a classifier by events held out."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from kzcal.classify.judging import Verdict, judge
from kzcal.classify.material import LearningScorer, Material
from kzcal.training.keeping import DirectoryKeeper
from kzcal.training.loop import Progress, Validation

JUDGED_BY = "pairs in the wrong order"
"""One less the area under the curve: pairs of signal and background that the score exchanges."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ClassifierKeeper(DirectoryKeeper):
    """Judges a training by events held out, and keeps what it leaves in a directory.

    Args:
        material: what the training learns from and is judged by.
        verdicts: of the validations of this process.
    """

    material: Material
    verdicts: list[Verdict] = field(default_factory=list)

    def judged(self, learner: LearningScorer, _progress: Progress) -> float:
        """Share of pairs of signal and background held out that the score has exchanged."""
        if not self.world.first:
            return math.inf
        events = self.material.events
        verdict = judge(learner.score(events), self.material.signal, self.material.weight)
        self.verdicts.append(verdict)
        return 1.0 - verdict.auc

    def recorded(self, validation: Validation) -> None:
        """Keep the table and the curves, with the rejection beside the losses."""
        if self.verdicts:
            rejection = {"rejection": self.verdicts[-1].rejection}
            validation = replace(validation, losses={**validation.losses, **rejection})
        DirectoryKeeper.recorded(self, validation)
