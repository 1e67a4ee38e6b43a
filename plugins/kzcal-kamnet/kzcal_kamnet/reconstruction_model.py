"""A fitted reconstruction on disk: model.toml, weights.safetensors and the detector's file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from kzcal.conditions.payload import InputFile
from kzcal.errors import FileFormatError
from kzcal.io.toml import toml_text
from kzcal.training.directory import MANIFEST, WEIGHTS, TrainedDirectory, manifest_table
from kzcal.training.tensors import read_tensors, write_tensors
from kzcal_kamnet.reconstruction import ReconstructionNetwork

FORMAT, VERSION = "kzcal-kamnet-reconstruction", 1


@dataclass(frozen=True, slots=True)
class ReconstructionManifest:
    """What a reconstruction is.

    Args:
        seed: of the fit.
        epochs: times that it saw every event.
        detector: name of the detector, or of its file in the directory.
        detector_digest: hash of the detector's description.
        inputs: files that it was fitted to.
        constants: that corrected the hits of each: digest of a payload, or "nominal".
        n_events: in them that it was fitted to.
        versions: of kzcal, PyTorch and the plugin.
    """

    seed: int
    epochs: int
    detector: str
    detector_digest: str
    inputs: tuple[InputFile, ...]
    constants: tuple[str, ...]
    n_events: int
    versions: Mapping[str, str]

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the weights."""
        return {name: value for name, value in asdict(self).items() if name != "versions"}

    def text(self) -> str:
        """The manifest as TOML."""
        return toml_text({"format": FORMAT, "version": VERSION, **asdict(self)})

    @classmethod
    def read(cls, path: Path) -> ReconstructionManifest:
        """The manifest of a file.

        Raises:
            FileFormatError: it is none, or of another version.
        """
        table = manifest_table(path, FORMAT, VERSION)
        try:
            table["inputs"] = tuple(InputFile(**part) for part in table["inputs"])
            table["constants"] = tuple(table["constants"])
            return cls(**table)
        except (KeyError, TypeError) as error:
            message = (
                f"{path}: the manifest of a reconstruction must have the known keys, got: {error}"
            )
            raise FileFormatError(message) from error


def write_model(
    directory: TrainedDirectory,
    manifest: ReconstructionManifest,
    network: ReconstructionNetwork,
    detector: str,
) -> None:
    """Make the directory of a new reconstruction.

    Args:
        directory: to make.
        manifest: of the model.
        network: fitted.
        detector: name or TOML file of the detector; a file is copied.

    Raises:
        ConfigurationError: there is a model already, or the directory cannot be made.
    """
    directory.begin(manifest, detector)
    write_tensors(directory.path / WEIGHTS, network.state_dict())


def read_model(
    directory: TrainedDirectory, device: torch.device
) -> tuple[ReconstructionManifest, ReconstructionNetwork]:
    """A reconstruction and what it is.

    Raises:
        FileFormatError: a file is missing or of another format.
    """
    manifest = ReconstructionManifest.read(directory.path / MANIFEST)
    weights, _ = read_tensors(directory.path / WEIGHTS, device)
    network = ReconstructionNetwork().to(device)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        message = f"{directory.path / WEIGHTS}: weights must be those of the network, got: {error}"
        raise FileFormatError(message) from error
    return manifest, network.eval()
