"""A trained translator on disk, with ``samples-*.png`` beside what every model has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from kzcal.components import Translator
from kzcal.conditions.payload import InputFile
from kzcal.errors import FileFormatError
from kzcal.geometry import Detector
from kzcal.io.toml import toml_text
from kzcal.learning import Trained
from kzcal.parts import HitTranslator
from kzcal.training.directory import MANIFEST, WEIGHTS, TrainedDirectory, manifest_table
from kzcal.training.tensors import read_tensors

FORMAT, VERSION = "kzcal-translator", 1
DECIDING = ("events", "held_out", "most_held_out")
"""Settings that decide what a training learns from."""
WINDOWS = ("physics_window_ns", "forced_window_ns")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a model is.

    Args:
        translator: name of its record.
        ceiling: relative efficiency that its photoelectrons are drawn for; None if it translates
            hits.
        paired: whether it was trained on pairs.
        seed: of the training.
        detector: name of the detector, or of its file in the directory.
        detector_digest: hash of the detector's description.
        inputs: files that it was trained on, source and target.
        options: value of each option.
        settings: of the training.
        versions: of kzcal, PyTorch and the plugin that brings the translator.
        run: of the target.
        physics_window_ns: when the target's physics triggers were recorded; None if not known.
        forced_window_ns: the same for forced triggers.
        share: of the run's events that took part in the training; 1 for files of two runs.
        processes: that trained together.
        training: how far it got.
    """

    translator: str
    ceiling: float | None
    paired: bool
    seed: int
    detector: str
    detector_digest: str
    inputs: tuple[InputFile, ...]
    options: Mapping[str, float]
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    run: int = 0
    physics_window_ns: tuple[float, float] | None = None
    forced_window_ns: tuple[float, float] | None = None
    share: float = 1.0
    processes: int = 1
    training: Mapping[str, Any] = field(default_factory=dict)

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the weights, however long the training takes."""
        told = asdict(self)
        free = {name: told.pop(name) for name in ("training", "settings", "versions")}
        return told | {name: free["settings"].get(name) for name in DECIDING}

    def text(self) -> str:
        """The manifest as TOML."""
        return toml_text({"format": FORMAT, "version": VERSION, **asdict(self)})

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """The manifest of a file.

        Raises:
            FileFormatError: it is none, or of another version.
        """
        table = manifest_table(path, FORMAT, VERSION)
        try:
            table["inputs"] = tuple(InputFile(**part) for part in table.get("inputs", ()))
            for name in WINDOWS:
                if name in table:
                    begin, end = table[name]
                    table[name] = (float(begin), float(end))
            return cls(**{"ceiling": None, **table})
        except (TypeError, ValueError) as error:
            message = (
                f"{path}: a model's manifest must have the known keys with values of their kind, "
                f"got: {error}"
            )
            raise FileFormatError(message) from error


@dataclass(frozen=True, slots=True)
class ModelDirectory(TrainedDirectory):
    """The files of a translator."""

    def manifest(self) -> Manifest:
        """What the model is."""
        return Manifest.read(self.path / MANIFEST)

    def translator(
        self, record: Translator, detector: Detector, device: torch.device
    ) -> HitTranslator:
        """The translator with its best weights."""
        weights, _ = read_tensors(self.path / WEIGHTS, device)
        return record.build(Trained(weights, self.manifest().options, detector, device))
