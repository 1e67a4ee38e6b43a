"""A trained model on disk: a directory that says what it is and holds all that it needs.

    model.toml               what was trained on what, with which settings, and how far it got
    detector.toml            the detector, if a file described it
    weights.safetensors      the best weights
    checkpoint.safetensors   all that a resumed training needs, of each process
    training.csv, curves.png how it went

Every file appears whole or not at all.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kzcal.conditions.payload import InputFile
from kzcal.errors import ConfigurationError, FileFormatError
from kzcal.geometry import Detector, load_detector
from kzcal.io.atomic import replacing
from kzcal.io.toml import read_toml

MANIFEST, DETECTOR = "model.toml", "detector.toml"
WEIGHTS, CHECKPOINT = "weights.safetensors", "checkpoint.safetensors"


class TrainedManifest(Protocol):
    """What a model is."""

    @property
    def detector(self) -> str:
        """Name of the detector, or of its file in the directory."""

    @property
    def detector_digest(self) -> str:
        """Hash of the detector's description."""

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the weights, however long the training takes."""

    def text(self) -> str:
        """The manifest as TOML."""


def manifest_table(path: Path, form: str, version: int) -> dict[str, Any]:
    """Keys of a manifest.

    Args:
        path: of its file.
        form: format that it must have.
        version: of that.

    Raises:
        FileFormatError: it is of another format or version.
    """
    table = read_toml(path)
    found = table.pop("format", None), table.pop("version", None)
    if found != (form, version):
        message = f"{path}: a model is of format {form}, version {version}, got {found}"
        raise FileFormatError(message)
    return dict(table)


@dataclass(frozen=True, slots=True)
class TrainedDirectory:
    """The files of a model.

    Args:
        path: of the directory.
    """

    path: Path

    @property
    def exists(self) -> bool:
        """Whether there is a model."""
        return (self.path / MANIFEST).exists()

    def begin(self, manifest: TrainedManifest, detector: str) -> None:
        """Make the directory of a new training.

        Args:
            manifest: of the model.
            detector: name or TOML file of the detector; a file is copied.

        Raises:
            ConfigurationError: there is a model already, or the directory cannot be made.
        """
        if self.exists:
            message = (
                f"a training begins in a directory without a model, got {self.path}: go on with "
                f"--resume, or choose another --out"
            )
            raise ConfigurationError(message)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if Path(detector).suffix == ".toml":
                shutil.copyfile(detector, self.path / DETECTOR)
        except OSError as error:
            message = f"a model needs a directory to lie in, got {self.path}: {error.strerror}"
            raise ConfigurationError(message) from error
        self.describe(manifest)

    def describe(self, manifest: TrainedManifest) -> None:
        """Write the manifest."""
        with replacing(self.path / MANIFEST) as unfinished:
            unfinished.write_text(manifest.text(), encoding="utf-8")

    def open_detector(self, manifest: TrainedManifest) -> Detector:
        """The detector that the model was trained for.

        Raises:
            ConfigurationError: its description has changed since.
        """
        inside = Path(manifest.detector).suffix == ".toml"
        detector = load_detector(self.path / DETECTOR if inside else manifest.detector)
        if detector.digest != manifest.detector_digest:
            message = (
                f"a model is used with the detector that it was trained for, got another "
                f"description of {detector.name} for {self.path}: train again"
            )
            raise ConfigurationError(message)
        return detector

    def weights_file(self) -> InputFile:
        """The best weights, by name and hash.

        Raises:
            FileFormatError: there are none yet.
        """
        path = self.path / WEIGHTS
        try:
            with path.open("rb") as stream:
                return InputFile(WEIGHTS, hashlib.file_digest(stream, "sha256").hexdigest())
        except OSError as error:
            message = f"{path}: a model has weights once a validation has ended, got: {error}"
            raise FileFormatError(message) from error

    def checkpoint(self, rank: int = 0) -> Path:
        """File of a process with all that a resumed training needs."""
        name = Path(CHECKPOINT)
        return self.path / (f"{name.stem}-{rank}{name.suffix}" if rank else name)
