"""Files are translated a few hundred events at a time."""

from dataclasses import dataclass, field, replace

import numpy as np

from kzcal.io.hdf5_writer import event_writer
from kzcal.io.source import open_events
from kzcal.testing import synthetic_run
from kzcal.translate.apply import EVENTS_AT_ONCE, translate_file
from kzcal.translate.model import Manifest, ModelDirectory


@dataclass
class Silent:
    """Reports nothing, and remembers how many events it was given and a number of each draw."""

    given: list = field(default_factory=list)
    drawn: list = field(default_factory=list)

    def translate(self, events, detector, *, generator):
        self.given.append(len(events))
        self.drawn.append(generator.random())
        return replace(events, hits=events.hits.where(np.zeros(len(events.hits.pmt), bool)))


def test_no_part_is_large_and_each_has_random_numbers_of_its_own(tmp_path):
    run = synthetic_run(n_events=1200)
    empty = run.events.hits.where(np.zeros(len(run.events.hits.pmt), bool))
    with event_writer(tmp_path / "gtq.h5", run.header, run.muons) as append:
        append(replace(run.events, hits=empty))
    directory = ModelDirectory(tmp_path / "model")
    manifest = Manifest(
        "silent", None, False, 1, run.detector.name, run.detector.digest, (), {}, {}, {}
    )
    directory.begin(manifest, run.detector.name)
    (directory.path / "weights.safetensors").write_bytes(b"")
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
