"""A classifier on disk says what it is, comes back whole and scores alone or with others."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch
from spreading import SPREADING

from kzcal.classify.model import ClassifierDirectory, ClassifierManifest, instances, opened
from kzcal.classify.score import UNSCORED, score_file, scores_of
from kzcal.components import Classifier
from kzcal.conditions.payload import InputFile
from kzcal.errors import ConfigurationError, FileFormatError, TrainingError
from kzcal.io.scores import read_scores
from kzcal.io.source import open_events
from kzcal.testing import classifier_events, synthetic_run
from kzcal.training.tensors import write_tensors

from labelled_events import written  # isort: skip

RUN = synthetic_run(n_events=80)
CPU = torch.device("cpu")
RECORDS = {"spreading": SPREADING}
MANIFEST = ClassifierManifest(
    classifier="spreading",
    signal=("bb",),
    background=("bi214", "i132"),
    seed=3,
    detector="kamland-zen-800",
    detector_digest=RUN.detector.digest,
    inputs=(InputFile("run.h5", "0" * 64),),
    constants=("nominal",),
    options={"batch": 16.0},
    settings={"events": 200, "match": "nhit", "minutes": 5.0},
    versions={"kzcal": "0.1.0"},
)


def made(path, slope=(1.0, -2.0), **changes):
    directory = ClassifierDirectory(path)
    directory.begin(replace(MANIFEST, **changes), "kamland-zen-800")
    write_tensors(path / "weights.safetensors", {"slope": torch.tensor(slope)})
    return directory


def test_a_manifest_comes_back(tmp_path):
    directory = made(tmp_path / "m")
    assert directory.manifest() == MANIFEST
    later = replace(MANIFEST, resampled=4, training={"step": 7, "auc": 0.9})
    directory.describe(later)
    assert directory.manifest() == later


def test_what_is_learned_from_decides_what_a_model_is():
    longer = replace(MANIFEST, settings={"events": 200, "match": "nhit", "minutes": 50.0})
    assert replace(longer, versions={}, training={"step": 9}).identity == MANIFEST.identity
    assert (
        replace(MANIFEST, settings={"events": 200, "match": "none"}).identity != MANIFEST.identity
    )
    for other in ({"signal": ("e",)}, {"constants": ("abc",)}, {"resampled": 1}, {"seed": 4}):
        assert replace(MANIFEST, **other).identity != MANIFEST.identity


def test_a_model_is_opened_with_its_detector_and_weights(tmp_path):
    made(tmp_path / "m")
    found = opened(tmp_path / "m", RECORDS, CPU)
    events, _ = classifier_events(RUN)
    assert found.manifest == MANIFEST
    assert found.detector.digest == RUN.detector.digest
    assert np.isfinite(found.classifier.score(events)).all()


def test_instances_are_asked_together(tmp_path):
    for number, slope in enumerate([(1.0, 0.0), (4.0, 0.0)]):
        made(tmp_path / f"{number:02d}", slope, resampled=number)
    (tmp_path / "02").mkdir()
    assert len(instances(tmp_path)) == 2
    events, _ = classifier_events(RUN)
    assert (opened(tmp_path, RECORDS, CPU).classifier.score(events) == 2.5).all()
    assert (opened(tmp_path / "01", RECORDS, CPU).classifier.score(events) == 4.0).all()


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(
        ConfigurationError, match=r"directory of `kzcal train`, got .* without model\.toml"
    ):
        opened(tmp_path, RECORDS, CPU)
    directory = made(tmp_path / "m")
    with pytest.raises(ConfigurationError, match=r"'spreading' in .* \(choices: none\)"):
        opened(directory.path, {"spreading": Classifier("spreading", "Old.", object)}, CPU)
    directory.describe(replace(MANIFEST, detector_digest="0"))
    with pytest.raises(ConfigurationError, match="another description"):
        opened(directory.path, RECORDS, CPU)
    text = (directory.path / "model.toml").read_text()
    for broken, told in (
        (text.replace("kzcal-classifier", "kzcal-translator"), "format kzcal-classifier"),
        (text + "\n[more]\nkey = 1\n", "known keys"),
    ):
        (directory.path / "model.toml").write_text(broken)
        with pytest.raises(FileFormatError, match=told):
            directory.manifest()


class Counted:
    """Scores by the number of hits, and says how many events it saw at once."""

    def __init__(self):
        self.seen = []

    def score(self, events):
        self.seen.append(len(events))
        return events.hits.counts.astype(np.float64)


def test_every_event_has_a_row_and_few_are_scored_at_once(tmp_path):
    from kzcal.classify.corrected import Correction
    from kzcal.classify.score import EVENTS_AT_ONCE
    from kzcal.simulate.constants import Constants

    run = synthetic_run(n_events=1300)
    path = written(tmp_path / "run.h5", run)
    correction = Correction.of(Constants().payload(run.detector), run.detector)
    counted = Counted()
    with open_events(path, run.detector) as source:
        done = score_file(counted, source, correction, run.detector, tmp_path / "s.csv")
    assert (done.n_events, done.n_scored) == (1300, run.events.physics.sum())
    assert len(counted.seen) == 3
    assert max(counted.seen) <= EVENTS_AT_ONCE
    scores = read_scores(tmp_path / "s.csv", run.events.event)
    expected = np.where(run.events.physics, run.events.hits.counts, UNSCORED)
    assert np.array_equal(scores, expected)


def test_hits_that_are_no_numbers_are_counted_and_not_scored(tmp_path):
    from kzcal.classify.corrected import Correction
    from kzcal.simulate.constants import Constants

    run = synthetic_run(n_events=40)
    path = written(tmp_path / "run.h5", run)
    with h5py.File(path, "r+") as file:
        file["hits/time"][:3] = np.nan
    correction = Correction.of(Constants().payload(run.detector), run.detector)
    with open_events(path, run.detector) as source:
        done = score_file(Counted(), source, correction, run.detector, tmp_path / "s.csv")
    assert done.n_dropped == 3


def test_a_score_that_is_no_number_is_refused(tmp_path):
    from kzcal.classify.corrected import Correction
    from kzcal.simulate.constants import Constants

    class Lost:
        def score(self, events):
            return np.full(len(events), np.nan)

    correction = Correction.of(Constants().payload(RUN.detector), RUN.detector)
    first = int(RUN.events.event[RUN.events.physics][0])
    with pytest.raises(TrainingError, match=f"got nan for event {first}"):
        scores_of(Lost(), RUN.events, correction, RUN.detector)
