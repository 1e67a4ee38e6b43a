"""What a trained model is: the part of its manifest that translators and classifiers share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from kzcal.conditions.payload import InputFile
from kzcal.errors import FileFormatError
from kzcal.io.toml import toml_text
from kzcal.training.directory import manifest_table


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelManifest:
    """What a model is.

    Args:
        seed: of the training.
        detector: name of the detector, or of its file in the directory.
        detector_digest: hash of the detector's description.
        inputs: files that it was trained on.
        options: value of each option.
        settings: of the training.
        versions: of kzcal, PyTorch and the plugin that brings what was trained.
        processes: that trained together.
        training: how far it got.
    """

    FORMAT: ClassVar[str]
    VERSION: ClassVar[int] = 1
    DECIDING: ClassVar[tuple[str, ...]] = ("events", "held_out", "most_held_out")
    """Settings that decide what a training learns from."""

    seed: int
    detector: str
    detector_digest: str
    inputs: tuple[InputFile, ...]
    options: Mapping[str, float]
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    processes: int = 1
    training: Mapping[str, Any] = field(default_factory=dict)

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the weights, however long the training takes."""
        told = asdict(self)
        free = {name: told.pop(name) for name in ("training", "settings", "versions")}
        return told | {name: free["settings"].get(name) for name in self.DECIDING}

    def text(self) -> str:
        """The manifest as TOML."""
        return toml_text({"format": self.FORMAT, "version": self.VERSION, **asdict(self)})

    @classmethod
    def read(cls, path: Path) -> Self:
        """The manifest of a file.

        Raises:
            FileFormatError: it is none, or of another version.
        """
        table = manifest_table(path, cls.FORMAT, cls.VERSION)
        try:
            table["inputs"] = tuple(InputFile(**part) for part in table.get("inputs", ()))
            return cls(**cls.parsed(table))
        except (TypeError, ValueError) as error:
            message = (
                f"{path}: a model's manifest must have the known keys with values of their kind, "
                f"got: {error}"
            )
            raise FileFormatError(message) from error

    @classmethod
    def parsed(cls, table: dict[str, Any]) -> dict[str, Any]:
        """Values as the fields have them, of values as TOML has them.

        Raises:
            TypeError: a value is of another kind.
            ValueError: likewise.
        """
        return table
