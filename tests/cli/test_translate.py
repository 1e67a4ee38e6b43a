"""``kzcal translate`` as a user meets it, with a translator that learns by counting."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from patience import PATIENCE_S, wait_until
from safetensors.torch import load_file

from kzcal.cli.main import main
from kzcal.hits import Events
from kzcal.io.hdf5_writer import event_writer
from kzcal.io.toml import read_toml
from kzcal.simulate.run import what_the_hits_are
from kzcal.testing import synthetic_run, translator_task
from kzcal.translate import keeping

PLUGIN = Path(__file__).parents[1] / "support" / "thinning.py"
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
CEILING = 1.6


@pytest.fixture(autouse=True, scope="module")
def quick_scorecard() -> Iterator[None]:
    """The difference in hits per event; one test below has the scorecard itself."""

    def difference(fake: Events, data: Events, *_: object, **__: object) -> SimpleNamespace:
        return SimpleNamespace(distance=abs(len(fake.hits.pmt) - len(data.hits.pmt)) / len(data))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keeping, "quick", difference)
        yield


def translate(*words: object) -> Result:
    given = ["--plugin", str(PLUGIN), "translate", *map(str, words)]
    return CliRunner().invoke(main, given, env=ENVIRONMENT)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Photoelectrons, and what nominal PMTs report of them."""
    folder = tmp_path_factory.mktemp("pair")
    run = synthetic_run(n_events=1000)
    task = translator_task(run)
    paths = folder / "gtq.h5", folder / "dtq.h5"
    notes = {"lineage": '{"seed": 1}'}
    told = ({**notes, "hits": what_the_hits_are(CEILING)}, notes)
    for path, events, note in zip(paths, (task.source, task.target), told, strict=True):
        with event_writer(path, run.header, run.muons, notes=note) as append:
            append(events)
    return paths


def train(files: tuple[Path, Path], out: Path, *words: object) -> Result:
    source, target = files
    return translate(
        "train", "thinning", "--source", source, "--target", target, "--out", out, *words
    )


@pytest.fixture(scope="module")
def model(files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six steps, without a stop."""
    out = tmp_path_factory.mktemp("whole") / "model"
    result = train(files, out, "--steps", 6, "--batch", 8)
    assert result.exit_code == 0, result.output
    return out


def test_a_model_says_what_it_is(model: Path, files: tuple[Path, Path]):
    told = read_toml(model / "model.toml")
    assert told["translator"] == "thinning"
    assert told["ceiling"] == CEILING
    assert told["paired"]
    assert told["options"] == {"batch": 8.0}
    assert told["settings"]["steps"] == 6
    assert [part["name"] for part in told["inputs"]] == ["gtq.h5", "dtq.h5"]
    assert told["training"]["ended"] == "steps"
    assert told["versions"]["thinning.py"].startswith("sha256:")
    names = {path.name for path in model.iterdir()}
    parts = {"weights.safetensors", "checkpoint.safetensors", "training.csv", "curves.png"}
    assert names == parts | {"model.toml", "samples-000006.png"}


def test_a_resumed_training_ends_with_the_same_bits(
    model: Path, files: tuple[Path, Path], tmp_path: Path
):
    for words in (["--steps", 2], ["--steps", 6, "--resume"]):
        result = train(files, tmp_path / "model", "--batch", 8, *words)
        assert result.exit_code == 0, result.output
    whole, resumed = (
        load_file(folder / "checkpoint.safetensors") for folder in (model, tmp_path / "model")
    )
    assert whole.keys() == resumed.keys()
    for key, tensor in whole.items():
        assert torch.equal(tensor, resumed[key]), key
    rows = (tmp_path / "model" / "training.csv").read_text().splitlines()
    assert [row.partition(",")[0] for row in rows] == ["step", "2", "6"]


def test_an_interruption_changes_neither_weights_nor_validations(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    config = tmp_path / "train.toml"
    config.write_text("steps = 6\nvalidate_steps = 2\n")
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    words = ("--config", config, "--batch", 8)
    assert train(files, whole, *words).exit_code == 0
    with monkeypatch.context() as patch:
        asked = iter([False] * 4)
        patch.setattr(
            "kzcal.cli.training_session.interrupts_awaited",
            lambda: nullcontext(lambda: next(asked, True)),
        )
        assert train(files, resumed, *words).exit_code == 0
    stopped = read_toml(resumed / "model.toml")["training"]
    assert (stopped["ended"], stopped["step"]) == ("interrupt", 3)
    assert train(files, resumed, *words, "--resume").exit_code == 0
    told = [read_toml(out / "model.toml")["training"] for out in (whole, resumed)]
    for name in ("step", "best", "best_step", "waited", "ended"):
        assert told[0][name] == told[1][name], name
    for name in ("weights.safetensors", "checkpoint.safetensors"):
        first, second = (load_file(out / name) for out in (whole, resumed))
        assert first.keys() == second.keys()
        assert all(torch.equal(first[key], second[key]) for key in first), name
    rows = (resumed / "training.csv").read_text().splitlines()
    assert [row.partition(",")[0] for row in rows] == ["step", "2", "4", "6"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--steps", 6, "--batch", 8], "begins in a directory without a model"),
        (["--steps", 9, "--batch", 4, "--resume"], "options: {'batch': 8.0} before"),
        (["--steps", 9, "--batch", 8, "--seed", 2, "--resume"], "seed: 1 before, 2 now"),
        (["--steps", 9, "--depth", 8, "--resume"], "has no option 'depth'"),
        (["--steps", 9, "--batch", "eight"], "takes numbers, got 'eight'"),
    ],
    ids=str,
)
def test_another_training_is_refused(words, told, model: Path, files: tuple[Path, Path]):
    before = (model / "checkpoint.safetensors").read_bytes()
    result = train(files, model, *words)
    assert result.exit_code != 0
    assert told in result.output
    assert (model / "checkpoint.safetensors").read_bytes() == before


def test_a_translator_with_nothing_to_learn_is_refused(files: tuple[Path, Path], tmp_path: Path):
    source, target = files
    words = ("--source", source, "--target", target, "--out", tmp_path / "model")
    result = translate("train", "detector-response", *words)
    assert result.exit_code == 1
    assert "has nothing to learn" in result.output


def test_a_configuration_is_read(files: tuple[Path, Path], tmp_path: Path):
    config = tmp_path / "train.toml"
    config.write_text("steps = 4\nvalidate_steps = 2\nseed = 5\n[options]\nbatch = 3\n")
    result = train(files, tmp_path / "model", "--config", config, "--seed", 6, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["progress"]["step"], told["ended"]) == (4, "steps")
    assert told["n_events"] + told["n_held_out"] == 1000
    found = read_toml(tmp_path / "model" / "model.toml")
    assert (found["seed"], found["options"]["batch"]) == (6, 3.0)
    assert len((tmp_path / "model" / "training.csv").read_text().splitlines()) == 3


def test_a_training_that_left_no_checkpoint_is_resumed_from_its_begin(
    model: Path, files: tuple[Path, Path], tmp_path: Path
):
    words = ("--steps", 6, "--batch", 8, "--resume")
    for out in (tmp_path / "none", tmp_path / "killed"):
        if out.name == "killed":
            shutil.copytree(tmp_path / "none", out)
            (out / "checkpoint.safetensors").unlink()
        result = train(files, out, *words)
        assert result.exit_code == 0, result.output
        whole, again = (load_file(f / "weights.safetensors") for f in (model, out))
        assert torch.equal(whole["share"], again["share"])
        assert len((out / "training.csv").read_text().splitlines()) == 2


def test_learners_are_listed_with_their_options():
    result = translate("list")
    assert result.exit_code == 0
    assert "thinning (thinning.py)" in result.stdout
    assert "--batch" in result.stdout
    listed = json.loads(translate("list", "--json").stdout)
    assert "detector-response" not in [learner["name"] for learner in listed]


def test_a_file_is_translated(model: Path, files: tuple[Path, Path], tmp_path: Path):
    outs = [tmp_path / f"{name}.h5" for name in "abc"]
    for out, seed in zip(outs, (1, 1, 2), strict=True):
        result = translate("apply", model, files[0], "--out", out, "--seed", seed)
        assert result.exit_code == 0, result.output
    with h5py.File(files[0]) as source, h5py.File(outs[0]) as fake:
        for name in ("event", "timestamp", "trigger", "t0"):
            assert np.array_equal(source[f"events/{name}"], fake[f"events/{name}"], True), name
        assert 0.5 < len(fake["hits/pmt"]) / len(source["hits/pmt"]) < 1.0
        assert fake.attrs["physics_window_ns"].tolist() == [-150.0, 350.0]
        lineage = json.loads(fake.attrs["lineage"])
    assert lineage["configuration"]["translator"] == "thinning"
    names = [part["name"] for part in lineage["inputs"]]
    assert names == ["gtq.h5", "weights.safetensors", "gtq.h5", "dtq.h5"]
    kept = [h5py.File(out)["hits/pmt"][:].tobytes() for out in outs]
    assert kept[0] == kept[1]
    assert kept[0] != kept[2]


def test_hits_are_not_translated_by_what_learned_from_photoelectrons(
    model: Path, files: tuple[Path, Path], tmp_path: Path
):
    result = translate("apply", model, files[1], "--out", tmp_path / "a.h5")
    assert result.exit_code == 1
    assert "drawn for a relative efficiency of 1.6, got None" in result.output
    assert not (tmp_path / "a.h5").exists()


def test_a_translation_does_not_replace_its_source(model: Path, files: tuple[Path, Path]):
    before = files[0].read_bytes()
    result = translate("apply", model, files[0], "--out", files[0])
    assert result.exit_code == 1
    assert "GTQ and --out must be different files" in result.output
    assert files[0].read_bytes() == before


@pytest.mark.slow
def test_an_interrupted_training_can_be_resumed(files: tuple[Path, Path], tmp_path: Path):
    out = tmp_path / "model"
    source, target = files
    words = ["train", "thinning", "--source", source, "--target", target, "--out", out]
    program = "import sys; from kzcal.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "--plugin", PLUGIN, "translate", *words, "--json"]
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        list(map(str, command)), env=environment, stdout=subprocess.PIPE, text=True
    )
    wait_until((out / "model.toml").exists, "the training never began")
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    told = json.loads(process.communicate(timeout=PATIENCE_S)[0])
    assert process.returncode == 0
    assert told["ended"] == "interrupt"
    steps = told["progress"]["step"] + 5
    result = train(files, out, "--resume", "--steps", steps)
    assert result.exit_code == 0, result.output
    assert f"thinning: {steps} steps" in result.output
