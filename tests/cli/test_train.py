"""``kzcal train``, ``score`` and ``export`` as a user meets them, with a quick classifier."""

import csv
import json
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from labelled_events import labelled_run, written
from patience import PATIENCE_S, wait_until
from safetensors.torch import load_file

from kzcal.classify.score import UNSCORED
from kzcal.cli.main import main
from kzcal.conditions.database import Database
from kzcal.io.scores import read_scores
from kzcal.io.toml import read_toml
from kzcal.simulate.constants import Constants

PLUGIN = Path(__file__).parents[1] / "support" / "spreading.py"
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
RUN = labelled_run(900)
CLASSES = ("--signal", "narrow", "--background", "wide")


def kzcal(*words: object) -> Result:
    given = ["--plugin", str(PLUGIN), *map(str, words)]
    return CliRunner().invoke(main, given, env=ENVIRONMENT)


def train(path: Path, out: Path, *words: object) -> Result:
    chosen = () if "--tag" in words else ("--nominal",)
    return kzcal("train", "spreading", path, *CLASSES, "--out", out, *chosen, *words)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("labelled") / "run.h5", RUN)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = tmp_path_factory.mktemp("config") / "train.toml"
    config.write_text("held_out = 0.3\nvalidate_steps = 20\nsteps = 60\n")
    return config


@pytest.fixture(scope="module")
def model(path: Path, config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty steps, without a stop."""
    out = tmp_path_factory.mktemp("whole") / "model"
    result = train(path, out, "--config", config)
    assert result.exit_code == 0, result.output
    return out


def same(first: Path, second: Path, name: str) -> bool:
    one, other = (load_file(folder / name) for folder in (first, second))
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_a_model_says_what_it_is_and_how_good(model: Path):
    told = read_toml(model / "model.toml")
    assert (told["classifier"], told["signal"], told["background"]) == (
        "spreading",
        ["narrow"],
        ["wide"],
    )
    assert told["constants"] == ["nominal"]
    assert told["settings"]["match"] == "nhit"
    assert told["training"]["ended"] == "steps"
    assert told["training"]["auc"] > 0.8
    assert told["training"]["rejection"] > 0.4
    assert told["training"]["best"] == pytest.approx(1 - told["training"]["auc"])
    names = {p.name for p in model.iterdir()}
    parts = {"weights.safetensors", "checkpoint.safetensors", "training.csv", "curves.png"}
    assert names == parts | {"model.toml"}
    with (model / "training.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["step"] for row in rows] == ["20", "40", "60"]
    assert all(0 <= float(row["rejection"]) <= 1 for row in rows)


def test_an_interrupted_training_goes_on_to_the_same_bits(
    model: Path, path: Path, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        asked = iter([False] * 30)
        patch.setattr(
            "kzcal.cli.training_session.interrupts_awaited",
            lambda: nullcontext(lambda: next(asked, True)),
        )
        assert train(path, tmp_path / "m", "--config", config).exit_code == 0
    stopped = read_toml(tmp_path / "m" / "model.toml")["training"]
    assert stopped["ended"] == "interrupt"
    assert stopped["step"] < 60
    result = train(path, tmp_path / "m", "--config", config, "--resume")
    assert result.exit_code == 0, result.output
    assert same(model, tmp_path / "m", "weights.safetensors")
    assert same(model, tmp_path / "m", "checkpoint.safetensors")


@pytest.mark.slow
def test_a_killed_training_goes_on_to_the_same_bits(
    model: Path, path: Path, config: Path, tmp_path: Path
):
    """SIGKILL at any moment after the first checkpoint."""
    out = tmp_path / "m"
    program = "import sys; from kzcal.cli.main import main; sys.exit(main())"
    words = ["--quiet", "--plugin", str(PLUGIN), "train", "spreading", str(path), *CLASSES]
    words += ["--nominal", "--out", str(out), "--config", str(config), "--steps", "1000000"]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *words],
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    try:
        wait_until((out / "checkpoint.safetensors").exists, "no checkpoint was written")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (out / "checkpoint.safetensors").exists()
    reached = json.loads(notes(out / "checkpoint.safetensors")["progress"])["step"]
    wanted = max(60, 20 * (reached // 20 + 2))
    steps = ("--steps", wanted)
    whole = tmp_path / "whole"
    assert train(path, whole, "--config", config, *steps).exit_code == 0
    result = train(path, out, "--config", config, *steps, "--resume")
    assert result.exit_code == 0, result.output
    assert same(whole, out, "checkpoint.safetensors")
    assert same(whole, out, "weights.safetensors")


def notes(path: Path) -> dict[str, str]:
    from kzcal.training.tensors import read_tensors

    return read_tensors(path)[1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "begins in a directory without a model"),
        (["--resume", "--batch", "8"], "options: {'batch': 64.0, 'rate': 1.0} before"),
        (["--resume", "--match", "none"], "match: nhit before, none now"),
        (["--resume", "--preset", "fast"], "no preset 'fast' (choices: slow)"),
        (["--resume", "--depth", "8"], "has no option 'depth'"),
        (["--tag", "x", "--nominal"], "by --tag's constants or by --nominal ones, got both"),
        (["--run", "1", "--run", "2"], "once for each file, got 2 for 1"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused(words, told, model: Path, path: Path, config: Path):
    before = (model / "checkpoint.safetensors").read_bytes()
    result = train(path, model, "--config", config, *words)
    assert result.exit_code != 0
    assert told in " ".join(result.output.split())
    assert (model / "checkpoint.safetensors").read_bytes() == before


def test_a_refused_option_leaves_no_directory_behind(path: Path, config: Path, tmp_path: Path):
    refused = train(path, tmp_path / "m", "--config", config, "--batch", 99999)
    assert refused.exit_code == 1
    assert "got 99999" in refused.output
    assert not (tmp_path / "m").exists()


def test_options_are_checked_before_events_are_read(tmp_path: Path):
    refused = train(tmp_path / "none.h5", tmp_path / "m", "--batch", 0)
    assert refused.exit_code == 1
    assert "batch is at least 1, got 0" in refused.output


@pytest.mark.parametrize("words", [(), ("--bootstrap", 2)])
def test_nothing_is_resumed_where_there_is_no_model(path: Path, tmp_path: Path, words):
    refused = train(path, tmp_path / "m", "--resume", *words)
    assert refused.exit_code == 1
    assert "got none in" in refused.output
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("command", ["score", "export"])
def test_what_is_no_model_is_told(command: str, path: Path, tmp_path: Path):
    words = (path, "--nominal", "--out", tmp_path / "s.csv") if command == "score" else ("--onnx",)
    result = kzcal(command, tmp_path / "nowhere", *words)
    assert result.exit_code == 1
    assert "a model is a directory of `kzcal train`, got" in result.output


def test_classifiers_are_listed_with_options_and_presets():
    result = kzcal("train", "--list")
    assert result.exit_code == 0, result.output
    paragraph = result.output.partition("spreading (spreading.py)")[2]
    rows = [line.split() for line in paragraph.splitlines()]
    assert ["option", "default", "slow", "unit"] in rows
    assert ["--rate", "1", "0.1", "1", "Step", "of", "the", "optimiser."] in rows


def test_constants_come_from_somewhere(path: Path, tmp_path: Path):
    result = kzcal("train", "spreading", path, *CLASSES, "--out", tmp_path / "m")
    assert result.exit_code == 1
    assert "got neither" in result.output
    result = kzcal("train", "spreading", *CLASSES, "--nominal", "--out", tmp_path / "m")
    assert result.exit_code == 2
    assert "at least one file" in result.output


def test_a_file_is_scored_in_its_order_whatever_its_events_are(model: Path, path: Path, tmp_path):
    result = kzcal("score", model, path, "--nominal", "--out", tmp_path / "s.csv", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["n_events"], told["n_scored"]) == (900, int(RUN.events.physics.sum()))
    assert (tmp_path / "s.csv").read_text().startswith("event,score\n0,")
    scores = read_scores(tmp_path / "s.csv", RUN.events.event)
    assert (scores[RUN.events.forced] == UNSCORED).all()
    kind = np.arange(900) % 3
    narrow, wide = (scores[RUN.events.physics & (kind == k)] for k in (0, 1))
    assert (narrow[:, None] > wide[None, :]).mean() > 0.8


def test_the_instances_of_a_bootstrap_differ_and_are_scored_by_their_mean(
    path: Path, config: Path, tmp_path: Path
):
    out = tmp_path / "many"
    result = train(path, out, "--config", config, "--bootstrap", 2, "--steps", 20)
    assert result.exit_code == 0, result.output
    assert "2 instances: rejection" in result.output
    assert sorted(p.name for p in out.iterdir()) == ["00", "01"]
    assert not same(out / "00", out / "01", "weights.safetensors")
    assert [read_toml(out / n / "model.toml")["resampled"] for n in ("00", "01")] == [0, 1]
    for name in ("00", "01", ""):
        target = tmp_path / f"s{name}.csv"
        assert kzcal("score", out / name, path, "--nominal", "--out", target).exit_code == 0
    one, two, mean = (
        read_scores(tmp_path / f"s{name}.csv", RUN.events.event) for name in ("00", "01", "")
    )
    np.testing.assert_allclose(mean, (one + two) / 2)
    again = train(
        path, out, "--config", config, "--bootstrap", 3, "--steps", 20, "--resume", "--json"
    )
    assert again.exit_code == 0, again.output
    assert [row["progress"]["step"] for row in json.loads(again.stdout)] == [20, 20, 20]
    refused = kzcal("export", out, "--onnx")
    assert "one network is exported at a time, got 3" in refused.output


def test_files_of_several_runs_teach_one_model(path: Path, config: Path, tmp_path: Path):
    other = written(tmp_path / "other.h5", labelled_run(300, seed=2), number=7)
    out = tmp_path / "m"
    words = (other, "--config", config, "--batch", 32, "--preset", "slow", "--run", 5, "--run", 7)
    result = train(path, out, *words)
    assert result.exit_code == 0, result.output
    told = read_toml(out / "model.toml")
    assert [part["name"] for part in told["inputs"]] == ["run.h5", "other.h5"]
    assert told["options"] == {"batch": 32.0, "rate": 0.1}


def test_one_model_serves_runs_with_other_constants(
    model: Path, path: Path, config: Path, tmp_path: Path
):
    """Run 7 has offsets of many ns; corrected by the tag, it scores as run 5 without."""
    offset = np.random.default_rng(1).normal(0.0, 10.0, RUN.detector.n_pmt)
    hits = RUN.events.hits
    time = (hits.time + offset[hits.pmt]).astype(np.float32)
    order = np.lexsort((time, hits.event_index))
    moved = replace(hits, pmt=hits.pmt[order], time=time[order], charge=hits.charge[order])
    later = written(
        tmp_path / "later.h5", replace(RUN, events=replace(RUN.events, hits=moved)), number=7
    )
    nominal = Constants().payload(RUN.detector)
    column = replace(nominal.columns["time_offset"], values=offset)
    shifted = replace(nominal, columns={**nominal.columns, "time_offset": column})
    with Database.init(tmp_path / "kz.db") as db:
        db.create_tag("mine", "two runs")
        for run, payload in ((5, nominal), (7, shifted)):
            db.store("mine", run, run, [payload], "made up")
    tag = ("--db", tmp_path / "kz.db", "--tag", "mine")
    scores = {}
    for name, file, run in (("5", path, ("--run", 5)), ("7", later, ()), ("no", later, None)):
        words = ("--nominal",) if run is None else (*tag, *run)
        result = kzcal("score", model, file, *words, "--out", tmp_path / "s.csv")
        assert result.exit_code == 0, result.output
        scores[name] = read_scores(tmp_path / "s.csv", RUN.events.event)
    np.testing.assert_allclose(scores["7"], scores["5"], atol=1e-4)
    assert np.abs(scores["no"] - scores["5"]).max() > 0.1
    words = (later, "--config", config, *tag, "--run", 5, "--run", 7)
    assert train(path, tmp_path / "m", *words).exit_code == 0
    constants = read_toml(tmp_path / "m" / "model.toml")["constants"]
    assert len(set(constants)) == 2


def test_a_network_is_exported_by_its_plugin(model: Path, tmp_path: Path):
    result = kzcal("export", model, "--onnx", "--out", tmp_path / "net.onnx")
    assert result.exit_code == 0, result.output
    assert "spread [ns/10] to logit" in result.output
    kept = load_file(model / "weights.safetensors")["slope"]
    assert (tmp_path / "net.onnx").read_bytes() == kept.numpy().tobytes()


@pytest.mark.slow
def test_two_processes_train_one_model(path: Path, config: Path, tmp_path: Path):
    program = tmp_path / "kz.py"
    program.write_text("import sys\nfrom kzcal.cli.main import main\nsys.exit(main())\n")
    words = ["--plugin", str(PLUGIN), "train", "spreading", str(path), *CLASSES, "--nominal"]
    words += ["--out", str(tmp_path / "m"), "--config", str(config), "--device", "cpu"]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    subprocess.run(
        [*command, "--nproc-per-node=2", "--", str(program), *words],
        check=True,
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(Path(__file__).parents[2])},
        timeout=PATIENCE_S,
        capture_output=True,
    )
    told = read_toml(tmp_path / "m" / "model.toml")
    assert told["processes"] == 2
    assert told["training"]["step"] == 60
    first, second = (
        load_file(tmp_path / "m" / name)
        for name in ("checkpoint.safetensors", "checkpoint-1.safetensors")
    )
    assert torch.equal(first["slope"], second["slope"])
    assert not torch.equal(first["random"], second["random"])
