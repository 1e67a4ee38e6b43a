"""A trained translator on disk: a directory that says what it is and holds all that it needs.

    model.toml               what was trained on what, with which settings, and how far it got
    detector.toml            the detector, if a file described it
    weights.safetensors      the best weights
    checkpoint.safetensors   all that a resumed training needs, of each process
    training.csv, curves.png, samples-*.png     how it went

Every file appears whole or not at all.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from kzcal.components import Translator
from kzcal.conditions.payload import InputFile
from kzcal.errors import ConfigurationError, FileFormatError
from kzcal.geometry import Detector, load_detector
from kzcal.io.atomic import replacing
from kzcal.io.toml import read_toml, toml_text
from kzcal.learning import Trained
from kzcal.parts import HitTranslator

FORMAT, VERSION = "kzcal-translator", 1
MANIFEST, DETECTOR = "model.toml", "detector.toml"
DECIDING = ("events", "held_out", "most_held_out")
"""Settings that decide what a training learns from."""
WINDOWS = ("physics_window_ns", "forced_window_ns")
WEIGHTS, CHECKPOINT = "weights.safetensors", "checkpoint.safetensors"


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
        table = read_toml(path)
        found = table.pop("format", None), table.pop("version", None)
        if found != (FORMAT, VERSION):
            message = f"{path}: a model is of format {FORMAT}, version {VERSION}, got {found}"
            raise FileFormatError(message)
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
class ModelDirectory:
    """The files of a model.

    Args:
        path: of the directory.
    """

    path: Path

    @property
    def exists(self) -> bool:
        """Whether there is a model."""
        return (self.path / MANIFEST).exists()

    def begin(self, manifest: Manifest, detector: str) -> None:
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

    def describe(self, manifest: Manifest) -> None:
        """Write the manifest."""
        with replacing(self.path / MANIFEST) as unfinished:
            unfinished.write_text(manifest.text(), encoding="utf-8")

    def manifest(self) -> Manifest:
        """What the model is."""
        return Manifest.read(self.path / MANIFEST)

    def open_detector(self, manifest: Manifest) -> Detector:
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

    def translator(
        self, record: Translator, detector: Detector, device: torch.device
    ) -> HitTranslator:
        """The translator with its best weights."""
        weights, _ = read_tensors(self.path / WEIGHTS, device)
        return record.build(Trained(weights, self.manifest().options, detector, device))

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
