"""A training in a directory, from the first step or from a checkpoint to its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch

from kzcal import __version__
from kzcal.components import Classifier, Translator
from kzcal.training.config import TrainingConfig
from kzcal.training.curves import read_table
from kzcal.training.directory import TrainedDirectory
from kzcal.training.distributed import world
from kzcal.training.keeping import TABLE
from kzcal.training.loop import Keeper, Learner, Progress, Validation, train
from kzcal.training.manifest import ModelManifest
from kzcal.training.resuming import check_same, restored

L = TypeVar("L", bound=Learner)
L_contra = TypeVar("L_contra", bound=Learner, contravariant=True)


class RecordingKeeper(Keeper[L_contra], Protocol[L_contra]):
    """A keeper that records validations in a directory."""

    @property
    def directory(self) -> TrainedDirectory:
        """Of the model."""

    @property
    def rows(self) -> list[Validation]:
        """Validations so far."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """Where a training calculates, and whom it asks and tells.

    Args:
        device: where to calculate.
        interrupted: whether somebody wants the training to end.
        advance: told how many seconds have passed.
    """

    device: torch.device
    interrupted: Callable[[], bool] = lambda: False
    advance: Callable[[float], None] = lambda _seconds: None


def begun(
    directory: TrainedDirectory,
    before: Callable[[], ModelManifest],
    manifest: ModelManifest,
    detector: str,
    *,
    resume: bool,
) -> None:
    """Make the directory of a training, or see to it that it is the one to go on with.

    Args:
        directory: of the model.
        before: reads what the model in it is.
        manifest: of the model that is asked for.
        detector: name or TOML file of the detector.
        resume: whether the training goes on with what is in the directory.

    Raises:
        ConfigurationError: there is another model already.
    """
    if resume and directory.exists:
        check_same(directory, before().identity, manifest.identity)
    elif world().first:
        directory.begin(manifest, detector)


def carried_out(
    learner: L,
    keeper: RecordingKeeper[L],
    config: TrainingConfig,
    hooks: Hooks,
    *,
    resume: bool,
) -> tuple[Progress, str]:
    """Train until time, steps or patience are used up, or somebody interrupts.

    Args:
        learner: that learns.
        keeper: judges it and keeps what it leaves in a directory.
        config: the settings.
        hooks: where to calculate, and whom to ask and tell.
        resume: whether it goes on with the checkpoint in that directory.

    Returns:
        How far it has got, and why it ended.

    Raises:
        ConfigurationError: processes got unequally far before.
        TrainingError: a step tells a number that is not finite.
    """
    progress = Progress()
    if resume:
        progress = restored(learner, keeper.directory, hooks.device)
        rows = read_table(keeper.directory.path / TABLE)
        keeper.rows.extend(row for row in rows if row.step <= progress.step)
    hooks.advance(progress.seconds)
    progress, choice = train(
        learner,
        keeper,
        config,
        progress,
        interrupted=hooks.interrupted,
        advance=hooks.advance,
    )
    return progress, choice.name.lower()


def versions_of(record: Translator | Classifier, version: str) -> dict[str, str]:
    """What made a model: kzcal, PyTorch and the plugin of that version."""
    return {"kzcal": __version__, "torch": torch.__version__, record.provider: version}
