"""One training from two files to a model directory."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from kzcal.components import Translator
from kzcal.conditions.payload import InputFile
from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.io.source import EventSource
from kzcal.training.config import TrainingConfig
from kzcal.training.distributed import world
from kzcal.training.loop import Progress
from kzcal.training.session import Hooks, begun, carried_out, versions_of
from kzcal.translate.keeping import ModelKeeper
from kzcal.translate.model import ModelDirectory, TranslatorManifest
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
    hooks: Hooks,
) -> Outcome:
    """Train a translator on two files, and leave a model in a directory.

    Args:
        trainee: what shall be trained.
        source: file with the hits to translate, and the same, open.
        target: file with the hits to learn, and the same, open.
        detector: of both.
        out: directory of the model.
        hooks: where to calculate, and whom to ask and tell.

    Raises:
        ConfigurationError: the translator does not learn, there is another model already, or
            its processes got unequally far.
        TrainingError: a step tells a number that is not finite.
    """
    if trainee.record.learn is None:
        message = f"translator {trainee.record.name} has nothing to learn: choose another"
        raise ConfigurationError(message)
    config, here = trainee.config, world()
    material = gather(source, target, detector, config, hooks.device)
    manifest = manifest_of(trainee, source, target, material)
    directory = ModelDirectory(out)
    learner = trainee.record.learn(material.task, **trainee.options)
    begun(directory, directory.manifest, manifest, config.detector, resume=trainee.resume)
    title, seed = manifest.translator, config.seed
    keeper = ModelKeeper(directory, title, here, hooks.device, seed=seed, material=material)
    progress, ended = carried_out(learner, keeper, config, hooks, resume=trainee.resume)
    if here.first:
        directory.describe(replace(manifest, training={**asdict(progress), "ended": ended}))
    return Outcome(
        out=out,
        translator=trainee.record.name,
        ended=ended,
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
) -> TranslatorManifest:
    """What a model will be."""
    record, config, header = trainee.record, trainee.config, material.header
    detector = material.task.detector
    return TranslatorManifest(
        translator=record.name,
        ceiling=Origin.of(source[0]).ceiling,
        paired=material.task.paired,
        seed=config.seed,
        detector=Path(config.detector).name,
        detector_digest=detector.digest,
        inputs=tuple(InputFile(path.name, file.digest()) for path, file in (source, target)),
        options=trainee.options,
        settings=config.as_dict(),
        versions=versions_of(record, trainee.version),
        run=header.run,
        physics_window_ns=header.physics_window_ns,
        forced_window_ns=header.forced_window_ns,
        share=material.share,
        processes=world().size,
    )
