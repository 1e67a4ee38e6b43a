"""What a training learns from, and what it is judged by."""

from contextlib import ExitStack, contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch
from labelled_events import labelled_run, written

from kzcal.classify.config import ClassifierConfig, chosen_options
from kzcal.classify.corrected import Correction
from kzcal.classify.judging import judge
from kzcal.classify.material import resampled, thinned
from kzcal.classify.tasks import LabelledFile, gather
from kzcal.components import Classifier, Option
from kzcal.errors import ConfigurationError, TrainingError
from kzcal.io.source import open_events
from kzcal.simulate.constants import Constants

RUN = labelled_run(900)
CPU = torch.device("cpu")
CORRECTION = Correction.of(Constants().payload(RUN.detector), RUN.detector)
USABLE = RUN.events.physics & (np.arange(900) % 3 < 2)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return written(tmp_path_factory.mktemp("labelled") / "run.h5", RUN)


@contextmanager
def opened(*paths):
    with ExitStack() as stack:
        yield [
            LabelledFile(p, stack.enter_context(open_events(p, RUN.detector)), CORRECTION, "x")
            for p in paths
        ]


def gathered(*paths, **settings):
    config = ClassifierConfig(**{"held_out": 0.25, "match": "none", **settings})
    with opened(*paths) as files:
        return gather(files, ["narrow"], ["wide"], RUN.detector, config, CPU)


def test_events_of_other_kinds_and_without_a_vertex_take_no_part(path):
    material = gathered(path)
    assert len(material.signal) + len(material.task.signal) == USABLE.sum()
    n_signal = material.signal.sum() + material.task.signal.sum()
    assert n_signal == (RUN.events.physics & (np.arange(900) % 3 == 0)).sum()
    # About a quarter is held out: binomial, five standard deviations allowed.
    n = USABLE.sum()
    assert abs(len(material.signal) - n / 4) < 5 * np.sqrt(n * 3 / 16)
    assert (material.task.weight == 1).all()


def test_the_seed_decides_who_is_held_out(path):
    first, second, other = (gathered(path, seed=seed).events.energy for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_the_end_of_each_class_can_be_set_aside(path):
    material = gathered(path, set_aside=0.5, held_out=0.4)
    seen = np.concatenate([material.task.events.energy, material.events.energy])
    for kind in (0, 1):
        rows = np.flatnonzero(RUN.events.physics & (np.arange(900) % 3 == kind))
        energy = RUN.events.energy[rows]
        middle = len(rows) - round(0.5 * len(rows))
        assert np.isin(energy[:middle], seen).all()
        assert not np.isin(energy[middle:], seen).any()


def test_several_files_make_one_training(path, tmp_path):
    other = written(tmp_path / "other.h5", labelled_run(300, seed=2), number=7)
    both = gathered(path, other)
    alone = gathered(path)
    assert len(both.task.signal) > len(alone.task.signal) + 50
    assert both.task.events.live.shape[0] == 1


def test_a_limit_on_events_and_on_those_held_out_holds(path):
    fewer = gathered(path, events=200, held_out=0.4)
    total = len(fewer.signal) + len(fewer.task.signal)
    assert abs(total - 200) < 5 * np.sqrt(200)
    mask = np.arange(1000) % 2 == 0
    assert thinned(mask, 100).sum() == 100
    assert not (thinned(mask, 100) & ~mask).any()
    assert np.array_equal(thinned(mask, 1000), mask)


def test_resamplings_draw_from_the_events_to_learn_from(path):
    material = gathered(path)
    first, again, other = (resampled(material, seed, "nhit") for seed in (5, 5, 6))
    assert len(first.task.signal) == len(material.task.signal)
    assert np.isin(first.task.events.energy, material.task.events.energy).all()
    assert len(np.unique(first.task.events.energy)) < 0.8 * len(material.task.signal)
    assert np.array_equal(first.task.events.energy, again.task.events.energy)
    assert not np.array_equal(first.task.events.energy, other.task.events.energy)
    assert first.events is material.events
    assert first.task.seed == 5


def test_a_file_without_any_of_the_kinds_is_refused(path, tmp_path):
    """Though another file has them."""
    others = replace(RUN.events, truth={"kind": np.full(900, b"other")})
    foreign = written(tmp_path / "others.h5", replace(RUN, events=others))
    with pytest.raises(ConfigurationError, match=r"others\.h5: .* got only events of other"):
        gathered(path, foreign)


def test_files_that_cannot_teach_are_refused(path, tmp_path):
    with (
        opened(path) as files,
        pytest.raises(ConfigurationError, match="got b: choose from narrow, other, wide"),
    ):
        gather(files, ["narrow"], ["wide", "b"], RUN.detector, ClassifierConfig(), CPU)
    with opened(path) as files, pytest.raises(ConfigurationError, match="got wide as both"):
        gather(files, ["wide"], ["narrow", "wide"], RUN.detector, ClassifierConfig(), CPU)
    with pytest.raises(ConfigurationError, match="20 to judge by"):
        gathered(path, held_out=0.01)
    with pytest.raises(ConfigurationError, match="and 0 of narrow: give more"):
        gathered(path, held_out=1e-9, match="nhit")
    silent = written(tmp_path / "data.h5", replace(RUN, events=replace(RUN.events, truth={})))
    with pytest.raises(ConfigurationError, match=r"no truth/kind in .*data\.h5"):
        gathered(silent)


def test_settings_and_presets_are_checked():
    record = Classifier(
        "some",
        "Some.",
        object,
        learn=object,
        options=(Option("width", 8, "1", "Width."), Option("depth", 2, "1", "Depth.")),
        presets={"wide": {"width": 99.0}},
    )
    assert chosen_options(record, None, {}) == {"width": 8.0, "depth": 2.0}
    assert chosen_options(record, "wide", {"depth": 3}) == {"width": 99.0, "depth": 3.0}
    assert chosen_options(record, "wide", {"width": 3})["width"] == 3.0
    with pytest.raises(ConfigurationError, match=r"no preset 'deep' \(choices: wide\)"):
        chosen_options(record, "deep", {})
    with pytest.raises(ConfigurationError, match="match must be one of nhit, energy, none"):
        ClassifierConfig(match="charge")
    with pytest.raises(ConfigurationError, match="set_aside must be a share"):
        ClassifierConfig(set_aside=1.0)


def test_a_verdict_is_that_of_the_law_of_the_scores():
    generator = np.random.default_rng(1)
    signal = np.arange(40_000) % 2 == 0
    score = generator.normal(np.where(signal, 2.0, 0.0))
    found = judge(score, signal, np.ones(40_000, np.float32), draws=50)
    # Two Gaussians two widths apart: the area is 0.9214, and 76.4 % lie below 2 - 1.2816.
    assert found.auc == pytest.approx(0.92135, abs=0.005)
    assert found.rejection == pytest.approx(0.76370, abs=5 * found.rejection_error)
    assert 0.002 < found.rejection_error < 0.006
    assert (found.n_signal, found.n_background) == (20_000, 20_000)
    twice = np.where(signal, 1.0, 2.0).astype(np.float32)
    assert judge(score, signal, twice).auc == pytest.approx(found.auc)
    with pytest.raises(TrainingError, match="got nan"):
        judge(np.array([np.nan, 1.0]), np.array([True, False]), np.ones(2, np.float32))
