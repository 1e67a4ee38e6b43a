"""A trained translator on disk, with ``samples-*.png`` beside what every model has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from kzcal.components import Translator
from kzcal.geometry import Detector
from kzcal.learning import Trained
from kzcal.parts import HitTranslator
from kzcal.training.directory import MANIFEST, WEIGHTS, TrainedDirectory
from kzcal.training.manifest import ModelManifest
from kzcal.training.tensors import read_tensors

WINDOWS = ("physics_window_ns", "forced_window_ns")


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslatorManifest(ModelManifest):
    """What a trained translator is.

    Args:
        translator: name of its record.
        ceiling: relative efficiency that its photoelectrons are drawn for; None if it translates
            hits.
        paired: whether it was trained on pairs.
        run: of the target.
        physics_window_ns: when the target's physics triggers were recorded; None if not known.
        forced_window_ns: the same for forced triggers.
        share: of the run's events that took part in the training; 1 for files of two runs.
    """

    FORMAT = "kzcal-translator"

    translator: str
    ceiling: float | None
    paired: bool
    run: int = 0
    physics_window_ns: tuple[float, float] | None = None
    forced_window_ns: tuple[float, float] | None = None
    share: float = 1.0

    @classmethod
    def parsed(cls, table: dict[str, Any]) -> dict[str, Any]:
        """Windows as tuples."""
        read = {"ceiling": None, **table}
        for name in WINDOWS:
            if name in table:
                begin, end = table[name]
                read[name] = (float(begin), float(end))
        return read


@dataclass(frozen=True, slots=True)
class ModelDirectory(TrainedDirectory):
    """The files of a translator."""

    def manifest(self) -> TranslatorManifest:
        """What the model is."""
        return TranslatorManifest.read(self.path / MANIFEST)

    def translator(
        self, record: Translator, detector: Detector, device: torch.device
    ) -> HitTranslator:
        """The translator with its best weights."""
        weights, _ = read_tensors(self.path / WEIGHTS, device)
        return record.build(Trained(weights, self.manifest().options, detector, device))
