"""A trained classifier on disk, and one or several of them opened to score events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float64

from kzcal.classify.material import Scorer
from kzcal.components import HITS, Classifier
from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.learning import HitClassifier, Trained
from kzcal.training.directory import MANIFEST, WEIGHTS, TrainedDirectory
from kzcal.training.manifest import ModelManifest
from kzcal.training.tensors import read_tensors

TUPLES = ("signal", "background", "constants")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierManifest(ModelManifest):
    """What a trained classifier is.

    Args:
        classifier: name of its record.
        signal: values of truth/kind that it takes for signal.
        background: those that it takes for background.
        constants: that corrected the hits of each input: digest of a payload, "nominal", or
            "none" of candidates.
        resampled: number of the instance, if its events were drawn anew; None if they were not.
    """

    FORMAT = "kzcal-classifier"
    DECIDING = ("events", "held_out", "most_held_out", "match", "set_aside")

    classifier: str
    signal: tuple[str, ...]
    background: tuple[str, ...]
    constants: tuple[str, ...]
    resampled: int | None = None

    @classmethod
    def parsed(cls, table: dict[str, Any]) -> dict[str, Any]:
        """Lists as tuples."""
        return {**table, **{name: tuple(table.get(name, ())) for name in TUPLES}}


@dataclass(frozen=True, slots=True)
class ClassifierDirectory(TrainedDirectory):
    """The files of a classifier."""

    def manifest(self) -> ClassifierManifest:
        """What the model is."""
        return ClassifierManifest.read(self.path / MANIFEST)

    def trained(self, detector: Detector, device: torch.device) -> Trained:
        """Its best weights, with all that is needed to use them."""
        weights, _ = read_tensors(self.path / WEIGHTS, device)
        return Trained(weights, self.manifest().options, detector, device)

    def scorer(self, record: Classifier, detector: Detector, device: torch.device) -> Scorer:
        """The classifier with its best weights, of events or of candidates."""
        return cast("Scorer", record.build(self.trained(detector, device)))

    def classifier(
        self, record: Classifier, detector: Detector, device: torch.device
    ) -> HitClassifier:
        """The classifier of events with its best weights."""
        return cast("HitClassifier", self.scorer(record, detector, device))


@dataclass(frozen=True, slots=True)
class MeanScorer:
    """The mean of what several classifiers say.

    Args:
        members: that are asked.
    """

    members: tuple[Scorer, ...]

    def score(self, examples: Any, /) -> Float64[np.ndarray, " event"]:  # noqa: ANN401
        """The mean score of each event or candidate."""
        return np.asarray(np.mean([member.score(examples) for member in self.members], axis=0))


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """A model, ready to score events or candidates.

    Args:
        path: of its directory.
        manifest: what it is; of several instances the first one's.
        record: of its classifier.
        detector: that it was trained for.
        scorer: with its best weights.
    """

    path: Path
    manifest: ClassifierManifest
    record: Classifier
    detector: Detector
    scorer: Scorer

    @property
    def classifier(self) -> HitClassifier:
        """The classifier of events.

        Raises:
            ConfigurationError: it takes candidates.
        """
        if self.record.takes != HITS:
            message = (
                f"events are scored by a classifier of their hits, got {self.record.name} in "
                f"{self.path}, which takes candidates for {self.record.takes}"
            )
            raise ConfigurationError(message)
        return cast("HitClassifier", self.scorer)


def opened(path: Path, records: Mapping[str, Classifier], device: torch.device) -> OpenedModel:
    """Open a model, or the instances of a bootstrap, whose mean is then the score.

    Args:
        path: directory of the model, or one with such directories ``00``, ``01`` and so on.
        records: classifiers by name.
        device: where to calculate.

    Raises:
        ConfigurationError: there is no model, no classifier of its name, or the detector has
            changed.
    """
    directories = instances(path)
    first = directories[0].manifest()
    detector = directories[0].open_detector(first)
    members = tuple(d.scorer(record_of(d, records), detector, device) for d in directories)
    scorer = members[0] if len(members) == 1 else MeanScorer(members)
    return OpenedModel(path, first, record_of(directories[0], records), detector, scorer)


def instances(path: Path) -> Sequence[ClassifierDirectory]:
    """The models in a directory: itself, or those of a bootstrap.

    Raises:
        ConfigurationError: there are none.
    """
    whole = ClassifierDirectory(path)
    if whole.exists:
        return [whole]
    found = [ClassifierDirectory(p) for p in sorted(path.glob("[0-9][0-9]*"))]
    trained = [d for d in found if d.exists]
    if not trained:
        message = f"a model is a directory of `kzcal train`, got {path} without {MANIFEST}"
        raise ConfigurationError(message)
    return trained


def record_of(directory: ClassifierDirectory, records: Mapping[str, Classifier]) -> Classifier:
    """The record of a model's classifier.

    Raises:
        ConfigurationError: there is none of that name that learns.
    """
    name = directory.manifest().classifier
    record = records.get(name)
    if record is None or record.learn is None:
        choices = ", ".join(n for n, r in records.items() if r.learn is not None) or "none"
        message = (
            f"a model needs the plugin of its classifier, got {name!r} in {directory.path} "
            f"(choices: {choices}): install it"
        )
        raise ConfigurationError(message)
    return record
