"""One training from files of labelled events to a model directory, or several on resamplings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from kzcal.classify.candidates import LabelledCandidates, gather_candidates
from kzcal.classify.config import ClassifierConfig
from kzcal.classify.judging import DRAWS, Verdict, judge
from kzcal.classify.keeping import JUDGED_BY, ClassifierKeeper
from kzcal.classify.material import LearningScorer, Material, resampled
from kzcal.classify.model import ClassifierDirectory, ClassifierManifest
from kzcal.classify.tasks import LabelledFile, gather
from kzcal.components import HITS, Classifier
from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.training.distributed import world
from kzcal.training.loop import Choice, Progress
from kzcal.training.session import Hooks, begun, carried_out, versions_of


@dataclass(frozen=True, slots=True)
class Trainee:
    """What shall be trained, and where from.

    Args:
        record: of the classifier.
        version: of the plugin that brings it.
        options: value of every option.
        signal: values of truth/kind that are signal.
        background: those that are background.
        config: settings of the training.
        resume: whether it goes on with what is in the directory.
    """

    record: Classifier
    version: str
    options: dict[str, float]
    signal: tuple[str, ...]
    background: tuple[str, ...]
    config: ClassifierConfig
    resume: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a training ended.

    Args:
        out: directory of the model.
        classifier: name of its record.
        ended: why: time, steps, patience or interrupt.
        progress: how far it got.
        n_events: that it learned from.
        verdict: of the best weights, on the events held out.
    """

    out: Path
    classifier: str
    ended: str
    progress: Progress
    n_events: int
    verdict: Verdict


def train_files(
    trainee: Trainee,
    files: Sequence[LabelledFile | LabelledCandidates],
    detector: Detector,
    out: Path,
    hooks: Hooks,
    *,
    bootstrap: int = 0,
) -> list[Outcome]:
    """Train a classifier on labelled events or candidates, and leave a model in a directory.

    Args:
        trainee: what shall be trained.
        files: with the events, or with candidates if it takes these.
        detector: of all of them.
        out: directory of the model, or of the directories ``00``, ``01`` and so on of instances.
        hooks: where to calculate, and whom to ask and tell.
        bootstrap: instances, each trained on events drawn anew from those to learn from, with
            replacement; 0 for one on the events themselves. All are judged by the same events.

    Returns:
        How each training ended; after an interruption no other begins.

    Raises:
        ConfigurationError: the classifier does not learn, there is another model already, none
            to go on with (later instances begin then), or its processes got unequally far.
        TrainingError: a step tells a number that is not finite.
    """
    if trainee.record.learn is None:
        message = f"classifier {trainee.record.name} has nothing to learn: choose another"
        raise ConfigurationError(message)
    first = ClassifierDirectory(out / "00" if bootstrap else out)
    if trainee.resume and world().first and not first.exists:
        message = f"a training goes on from a model, got none in {first.path}: leave out --resume"
        raise ConfigurationError(message)
    material = gathered(trainee, files, detector, hooks.device)
    if not bootstrap:
        manifest = manifest_of(trainee, files, material, None)
        return [train_material(trainee, material, manifest, out, hooks)]
    done: list[Outcome] = []
    for number in range(bootstrap):
        words = np.random.SeedSequence((trainee.config.seed, number)).generate_state(1)
        mine = resampled(material, int(words[0]), trainee.config.match)
        manifest = manifest_of(trainee, files, mine, number)
        done.append(train_material(trainee, mine, manifest, out / f"{number:02d}", hooks))
        if done[-1].ended == Choice.INTERRUPT.name.lower():
            break
    return done


def gathered(
    trainee: Trainee,
    files: Sequence[LabelledFile | LabelledCandidates],
    detector: Detector,
    device: torch.device,
) -> Material:
    """What a classifier is trained and judged on: events or candidates, as it takes them.

    Raises:
        ConfigurationError: they cannot teach it.
    """
    classes, config = (trainee.signal, trainee.background), trainee.config
    if trainee.record.takes == HITS:
        events = [file for file in files if isinstance(file, LabelledFile)]
        return gather(events, *classes, detector, config, device)
    candidates = [file for file in files if isinstance(file, LabelledCandidates)]
    return gather_candidates(candidates, *classes, detector, config, device)


def train_material(
    trainee: Trainee, material: Material, manifest: ClassifierManifest, out: Path, hooks: Hooks
) -> Outcome:
    """Train on events that are gathered already."""
    assert trainee.record.learn is not None
    directory, config, here = ClassifierDirectory(out), trainee.config, world()
    # It refuses options before there is a directory, which a second try would stumble over.
    learner: LearningScorer = trainee.record.learn(material.task, **trainee.options)
    begun(directory, directory.manifest, manifest, config.detector, resume=trainee.resume)
    title = manifest.classifier
    keeper = ClassifierKeeper(directory, title, here, hooks.device, JUDGED_BY, material=material)
    progress, ended = carried_out(learner, keeper, config, hooks, resume=trainee.resume)
    verdict = verdict_of(trainee, directory, material, hooks.device)
    if here.first:
        told = {**asdict(progress), "ended": ended, **asdict(verdict)}
        directory.describe(replace(manifest, training=told))
    n_events = len(material.task.signal)
    return Outcome(out, manifest.classifier, ended, progress, n_events, verdict)


def verdict_of(
    trainee: Trainee, directory: ClassifierDirectory, material: Material, device: torch.device
) -> Verdict:
    """How well the best weights tell the events held out; the same in every process."""
    if world().size > 1:
        torch.distributed.barrier()
    best = directory.scorer(trainee.record, material.task.detector, device)
    return judge(best.score(material.events), material.signal, material.weight, draws=DRAWS)


def manifest_of(
    trainee: Trainee,
    files: Sequence[LabelledFile | LabelledCandidates],
    material: Material,
    resampling: int | None,
) -> ClassifierManifest:
    """What a model will be."""
    record, config = trainee.record, trainee.config
    return ClassifierManifest(
        classifier=record.name,
        signal=trainee.signal,
        background=trainee.background,
        seed=material.task.seed,
        detector=Path(config.detector).name,
        detector_digest=material.task.detector.digest,
        inputs=tuple(file.input_file for file in files),
        constants=tuple(file.constants for file in files),
        options=trainee.options,
        settings=config.as_dict(),
        versions=versions_of(record, trainee.version),
        resampled=resampling,
        processes=world().size,
    )
