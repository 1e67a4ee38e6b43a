"""A training in a directory: begun once, gone on with to the bit, refused to another."""

from dataclasses import dataclass, replace

import pytest
import torch
from tallying import TALLYING, LearningTally

from kzcal.errors import ConfigurationError
from kzcal.testing import candidate_task
from kzcal.training.config import TrainingConfig
from kzcal.training.directory import MANIFEST, TrainedDirectory
from kzcal.training.distributed import World
from kzcal.training.keeping import DirectoryKeeper
from kzcal.training.manifest import ModelManifest
from kzcal.training.session import Hooks, begun, carried_out, versions_of
from kzcal.training.tensors import read_tensors, write_tensors

CPU = torch.device("cpu")
TASK = candidate_task("spallation", 200)
CONFIG = TrainingConfig(steps=30, validate_steps=10)


class PlainManifest(ModelManifest):
    """A manifest with nothing of its own."""

    FORMAT = "kzcal-plain"


PLAIN = PlainManifest(
    seed=1,
    detector="kamland-zen-800",
    detector_digest=TASK.detector.digest,
    inputs=(),
    options={},
    settings={},
    versions={},
)


@dataclass(frozen=True, slots=True, eq=False)
class Bias(DirectoryKeeper):
    """Judges by how far the slope is from where it will not be."""

    def judged(self, learner, _progress):
        return 100.0 + float(learner.weights()["line.weight"])


def run(path, *, resume=False, asked=lambda: False):
    directory = TrainedDirectory(path)
    learner = LearningTally(TASK, batch=16.0, rate=0.05)
    begun(directory, lambda: PLAIN, PLAIN, "kamland-zen-800", resume=resume)
    keeper = Bias(directory, "tally", World(), CPU)
    passed = []
    hooks = Hooks(CPU, asked, passed.append)
    progress, ended = carried_out(learner, keeper, CONFIG, hooks, resume=resume)
    return progress, ended, [row.step for row in keeper.rows], passed


def test_an_interruption_and_a_resumption_leave_what_no_interruption_leaves(tmp_path):
    progress, ended, rows, _ = run(tmp_path / "whole")
    assert (progress.step, ended, rows) == (30, "steps", [10, 20, 30])
    answers = iter([False] * 14 + [True])
    stopped, why, before, _ = run(tmp_path / "m", asked=lambda: next(answers))
    assert (why, before) == ("interrupt", [10])
    assert 10 < stopped.step < 20
    after, ended, rows, passed = run(tmp_path / "m", resume=True)
    assert (after.step, ended, rows) == (30, "steps", [10, 20, 30])
    assert passed[0] == pytest.approx(stopped.seconds), "time that has passed is told first"
    for name in ("weights.safetensors", "checkpoint.safetensors"):
        first, second = (read_tensors(tmp_path / m / name)[0] for m in ("whole", "m"))
        assert first.keys() == second.keys()
        assert all(torch.equal(first[key], second[key]) for key in first), name


def test_a_checkpoint_of_an_older_version_is_refused_in_a_sentence(tmp_path):
    """Of a learner whose networks had other names."""
    run(tmp_path / "m")
    path = tmp_path / "m" / "checkpoint.safetensors"
    state, notes = read_tensors(path)
    write_tensors(path, {f"old.{name}": value for name, value in state.items()}, notes)
    told = r"checkpoint\.safetensors written by an older kzcal or plugin: train anew"
    with pytest.raises(ConfigurationError, match=told) as refused:
        run(tmp_path / "m", resume=True)
    assert "\n" not in str(refused.value)


def test_a_directory_begins_once_and_goes_on_as_what_it_is(tmp_path):
    directory = TrainedDirectory(tmp_path / "m")
    begun(directory, lambda: PLAIN, PLAIN, "kamland-zen-800", resume=False)
    assert (tmp_path / "m" / MANIFEST).exists()
    with pytest.raises(ConfigurationError, match="--resume"):
        begun(directory, lambda: PLAIN, PLAIN, "kamland-zen-800", resume=False)
    begun(directory, lambda: PLAIN, PLAIN, "kamland-zen-800", resume=True)
    other = replace(PLAIN, seed=2)
    with pytest.raises(ConfigurationError, match="seed: 1 before, 2 now"):
        begun(directory, lambda: PLAIN, other, "kamland-zen-800", resume=True)


def test_versions_name_the_plugin():
    found = versions_of(replace(TALLYING, provider="kzcal-tally"), "7.1")
    assert found["kzcal-tally"] == "7.1"
    assert {"kzcal", "torch"} < found.keys()
