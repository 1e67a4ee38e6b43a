"""Events of two files are matched, limited and split by their numbers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kzcal.errors import ConfigurationError, FileFormatError
from kzcal.io.hdf5_writer import event_writer
from kzcal.io.source import open_events
from kzcal.simulate.run import what_the_hits_are
from kzcal.testing import synthetic_run, translator_task
from kzcal.training.config import TrainingConfig
from kzcal.translate.origin import Origin
from kzcal.translate.tasks import gather, read_rows, uniform

RUN = synthetic_run(n_events=400)
TASK = translator_task(RUN)
CPU = torch.device("cpu")
CONFIG = TrainingConfig(held_out=0.3)


def written(path, events, header=RUN.header, **notes):
    with event_writer(path, header, RUN.muons, notes=notes) as append:
        append(events)
    return path


def gathered(source, target, config=CONFIG):
    with open_events(source, RUN.detector) as gtq, open_events(target, RUN.detector) as dtq:
        return gather((source, gtq), (target, dtq), RUN.detector, config, CPU)


@pytest.fixture
def pair(tmp_path):
    note = {"lineage": '{"seed": 1}'}
    source = written(tmp_path / "gtq.h5", TASK.source, hits=what_the_hits_are(1.6), **note)
    return source, written(tmp_path / "dtq.h5", TASK.target, **note)


def test_simulated_pairs_stay_pairs(pair):
    material = gathered(*pair)
    task = material.task
    assert task.paired
    assert task.ceiling == 1.6
    for first, second in ((task.source, task.target), (material.source, material.target)):
        assert np.array_equal(first.event, second.event)
    assert np.isin(task.target.event, material.target.event).sum() == 0
    assert len(task.target) + len(material.target) == 400
    assert 80 < len(material.target) < 160


def test_hits_are_those_of_their_events(pair):
    task = gathered(*pair).task
    rows = np.searchsorted(RUN.events.event, task.target.event)
    assert np.array_equal(task.target.hits.charge, TASK.target.take(rows).hits.charge)


def test_twins_are_held_out_with_their_event(tmp_path):
    twice = TASK.source.take(np.repeat(np.arange(400), 2)[100:700])
    notes = {"hits": what_the_hits_are(1.5), "twin_of": "f" * 64}
    source = written(tmp_path / "gtq.h5", replace(twice, truth={}), **notes)
    target = written(tmp_path / "dtq.h5", TASK.target)
    material = gathered(source, target, replace(CONFIG, events=200, held_out=0.5))
    assert not material.task.paired
    assert set(material.source.event) == set(material.target.event)
    assert set(material.task.source.event) == set(material.task.target.event)
    assert set(material.task.target.event).isdisjoint(material.target.event)
    assert 150 < len(material.task.target) + len(material.target) < 250


def test_another_run_is_matched_by_kinds_of_events(tmp_path):
    header = replace(RUN.header, run=7)
    physics = TASK.source.take(TASK.source.physics)
    source = written(tmp_path / "gtq.h5", physics, header, hits=what_the_hits_are(1.6))
    target = written(tmp_path / "dtq.h5", TASK.target)
    material = gathered(source, target)
    assert not material.task.target.forced.any()
    assert not material.task.paired
    assert not material.same_run


def test_which_events_are_held_out_is_decided_by_number_and_seed(pair):
    first, again = (gathered(*pair).target.event for _ in range(2))
    other = gathered(*pair, replace(CONFIG, seed=2)).target.event
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_numbers_are_drawn_evenly():
    draws = uniform(np.arange(20_000), seed=3)
    counts, _ = np.histogram(draws, np.linspace(0, 1, 21))
    # Chi-square of 19 degrees of freedom exceeds 50 with a chance of 1.3e-4.
    assert ((counts - 1000) ** 2 / 1000).sum() < 50
    assert np.corrcoef(draws[:-1], draws[1:])[0, 1] == pytest.approx(0.0, abs=0.03)


def test_rows_come_in_the_order_asked_for(pair):
    rows = np.array([250, 3, 399, 4])
    with open_events(pair[1], RUN.detector) as file:
        events = read_rows(file, rows)
    assert events.event.tolist() == RUN.events.event[rows].tolist()
    assert np.array_equal(events.hits.time, TASK.target.take(rows).hits.time)


def test_too_few_events_are_refused(pair):
    with pytest.raises(ConfigurationError, match=r"to judge by, got 364 and 24 of"):
        gathered(*pair, replace(CONFIG, held_out=0.1))


def test_a_file_that_does_not_say_the_efficiency_is_refused(tmp_path):
    path = written(tmp_path / "gtq.h5", TASK.source, hits="photons")
    with pytest.raises(FileFormatError, match="ends with the relative efficiency"):
        Origin.of(path)
