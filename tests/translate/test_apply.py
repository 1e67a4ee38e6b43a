"""Files are translated a few hundred events at a time."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from kzcal.errors import ConfigurationError
from kzcal.io.hdf5_writer import event_writer
from kzcal.io.source import open_events
from kzcal.testing import synthetic_run
from kzcal.training.draws import uniform
from kzcal.translate.apply import EVENTS_AT_ONCE, translate_file
from kzcal.translate.model import ModelDirectory, TranslatorManifest


@dataclass
class Silent:
    """Reports nothing, and remembers how many events it was given and a number of each draw."""

    given: list = field(default_factory=list)
    drawn: list = field(default_factory=list)

    def translate(self, events, detector, *, generator):
        self.given.append(len(events))
        self.drawn.append(generator.random())
        return replace(events, hits=events.hits.where(np.zeros(len(events.hits.pmt), bool)))


def silent_model(tmp_path, run, **changes):
    """A model whose translator reports nothing, and a file to translate."""
    empty = run.events.hits.where(np.zeros(len(run.events.hits.pmt), bool))
    with event_writer(tmp_path / "gtq.h5", run.header, run.muons) as append:
        append(replace(run.events, hits=empty))
    directory = ModelDirectory(tmp_path / "model")
    manifest = TranslatorManifest(
        translator="silent",
        ceiling=None,
        paired=False,
        seed=1,
        detector=run.detector.name,
        detector_digest=run.detector.digest,
        inputs=(),
        options={},
        settings={},
        versions={},
    )
    directory.begin(replace(manifest, **changes), run.detector.name)
    (directory.path / "weights.safetensors").write_bytes(b"")
    return directory


def test_no_part_is_large_and_each_has_random_numbers_of_its_own(tmp_path):
    run = synthetic_run(n_events=1200)
    directory = silent_model(tmp_path, run)
    translator = Silent()
    with open_events(tmp_path / "gtq.h5", run.detector) as source:
        written = translate_file(
            directory, translator, source.path, source, run.detector, tmp_path / "fake.h5"
        )
    assert written.n_events == sum(translator.given) == 1200
    assert max(translator.given) == EVENTS_AT_ONCE
    assert len(set(translator.drawn)) == len(translator.given) == 3
    with open_events(tmp_path / "fake.h5", run.detector) as fake:
        assert fake.n_hits == 0
        assert len(fake.muons) == len(run.muons)


def test_events_of_the_training_are_left_out_when_unseen_ones_are_asked_for(tmp_path):
    run = synthetic_run(n_events=300)
    directory = silent_model(tmp_path, run, share=0.6, seed=5)
    with open_events(tmp_path / "gtq.h5", run.detector) as source:
        out = tmp_path / "fake.h5"
        translate_file(directory, Silent(), source.path, source, run.detector, out, unseen=True)
    new = run.events.event[uniform(run.events.event, 5) >= 0.6]
    assert 0 < len(new) < len(run.events)
    with open_events(out, run.detector) as fake:
        assert np.array_equal(fake.table().event, new)


def test_a_training_on_all_events_leaves_no_unseen_ones(tmp_path):
    run = synthetic_run(n_events=20)
    directory = silent_model(tmp_path, run)
    with (
        open_events(tmp_path / "gtq.h5", run.detector) as source,
        pytest.raises(ConfigurationError, match="train again with fewer"),
    ):
        translate_file(
            directory,
            Silent(),
            source.path,
            source,
            run.detector,
            tmp_path / "fake.h5",
            unseen=True,
        )
