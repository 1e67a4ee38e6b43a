"""One training from two files to a model directory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from kzcal import __version__
from kzcal.components import Translator
from kzcal.conditions.payload import InputFile
from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.io.source import EventSource
from kzcal.training.config import TrainingConfig
from kzcal.training.curves import read_table
from kzcal.training.distributed import world
from kzcal.training.keeping import TABLE
from kzcal.training.loop import Progress, train
from kzcal.training.resuming import check_same, restored
from kzcal.translate.keeping import ModelKeeper
from kzcal.translate.model import Manifest, ModelDirectory
from kzcal.translate.origin import Origin
from kzcal.translate.tasks import Material, gather


@dataclass(frozen=True, slots=True)
class Trainee:
    """What shall be trained, and where from.

    Args:
        record: of the translator.
        version: of the plugin that brings it.
        options: value of every option.
        config: settings of the training.
        resume: whether it goes on with what is in the directory.
    """

    record: Translator
    version: str
    options: dict[str, float]
    config: TrainingConfig
    resume: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a training ended.

    Args:
        out: directory of the model.
        translator: name of its record.
        ended: why: time, steps, patience or interrupt.
        progress: how far it got.
        n_events: of the target that it learned from.
        n_held_out: that it was judged by.
        paired: whether it learned from pairs.
    """

    out: Path
    translator: str
    ended: str
    progress: Progress
    n_events: int
    n_held_out: int
    paired: bool


def train_files(
    trainee: Trainee,
    source: tuple[Path, EventSource],
    target: tuple[Path, EventSource],
    detector: Detector,
    out: Path,
    *,
    device: torch.device,
    interrupted: Callable[[], bool] = lambda: False,
    advance: Callable[[float], None] = lambda _seconds: None,
) -> Outcome:
    """Train a translator on two files, and leave a model in a directory.

    Args:
        trainee: what shall be trained.
        source: file with the hits to translate, and the same, open.
        target: file with the hits to learn, and the same, open.
        detector: of both.
        out: directory of the model.
        device: where to calculate.
        interrupted: whether somebody wants the training to end.
        advance: told how many seconds have passed.

    Raises:
        ConfigurationError: the translator does not learn, there is another model already, or
            its processes got unequally far.
        TrainingError: a step tells a number that is not finite.
    """
    if trainee.record.learn is None:
        message = f"translator {trainee.record.name} has nothing to learn: choose another"
        raise ConfigurationError(message)
    config = trainee.config
    material = gather(source, target, detector, config, device)
    manifest = manifest_of(trainee, source, target, material)
    directory = ModelDirectory(out)
    if trainee.resume and directory.exists:
        check_same(directory, directory.manifest().identity, manifest.identity)
    elif world().first:
        directory.begin(manifest, config.detector)
    learner = trainee.record.learn(material.task, **trainee.options)
    progress = restored(learner, directory, device) if trainee.resume else Progress()
    keeper = ModelKeeper(
        directory, manifest.translator, world(), device, seed=config.seed, material=material
    )
    if trainee.resume:
        keeper.rows.extend(r for r in read_table(out / TABLE) if r.step <= progress.step)
    advance(progress.seconds)
    progress, ended = train(
        learner, keeper, config, progress, interrupted=interrupted, advance=advance
    )
    told = {**asdict(progress), "ended": ended.name.lower()}
    if world().first:
        directory.describe(replace(manifest, training=told))
    return Outcome(
        out=out,
        translator=trainee.record.name,
        ended=ended.name.lower(),
        progress=progress,
        n_events=len(material.task.target),
        n_held_out=len(material.target),
        paired=material.task.paired,
    )


def manifest_of(
    trainee: Trainee,
    source: tuple[Path, EventSource],
    target: tuple[Path, EventSource],
    material: Material,
) -> Manifest:
    """What a model will be."""
    record, config, header = trainee.record, trainee.config, material.header
    detector = material.task.detector
    return Manifest(
        translator=record.name,
        ceiling=Origin.of(source[0]).ceiling,
        paired=material.task.paired,
        seed=config.seed,
        detector=Path(config.detector).name,
        detector_digest=detector.digest,
        inputs=tuple(InputFile(path.name, file.digest()) for path, file in (source, target)),
        options=trainee.options,
        settings=config.as_dict(),
        versions={
            "kzcal": __version__,
            "torch": torch.__version__,
            record.provider: trainee.version,
        },
        run=header.run,
        physics_window_ns=header.physics_window_ns,
        forced_window_ns=header.forced_window_ns,
        share=material.share,
        processes=world().size,
    )
