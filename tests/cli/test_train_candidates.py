"""``kzcal train``, ``score`` and ``evaluate`` with candidates, by a quick classifier of them."""

import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from labelled_events import labelled_run, written
from patience import PATIENCE_S
from safetensors.torch import load_file

from kzcal.candidates import IBD, SPALLATION
from kzcal.cli.main import main
from kzcal.io.candidates import CandidateHeader, read_candidates
from kzcal.io.candidates_writer import write_candidates
from kzcal.io.scores import read_scores
from kzcal.io.toml import read_toml
from kzcal.testing.candidates import synthetic_candidates

PLUGIN = Path(__file__).parents[1] / "support" / "tallying.py"
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
CLASSES = ("--signal", "xe136", "--background", "long-lived")
DETECTOR = "kamland-zen-800"


def kzcal(*words: object) -> Result:
    given = ["--plugin", str(PLUGIN), *map(str, words)]
    return CliRunner().invoke(main, given, env=ENVIRONMENT)


def made(path: Path, purpose: str = SPALLATION, n: int = 600, seed: int = 1) -> Path:
    candidates, _ = synthetic_candidates(purpose, n, seed=seed)
    write_candidates(path, candidates, CandidateHeader(purpose, DETECTOR))
    return path


def train(path: Path, out: Path, *words: object) -> Result:
    return kzcal("train", "tallying", path, *CLASSES, "--out", out, *words)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("pairs") / "pairs.h5")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = tmp_path_factory.mktemp("config") / "train.toml"
    config.write_text("held_out = 0.3\nvalidate_steps = 60\nsteps = 60\n")
    return config


@pytest.fixture(scope="module")
def model(pairs: Path, config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty steps, without a stop."""
    out = tmp_path_factory.mktemp("whole") / "model"
    result = train(pairs, out, "--config", config)
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture(scope="module")
def scores(model: Path, pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scores") / "s.csv"
    result = kzcal("score", model, pairs, "--out", out)
    assert result.exit_code == 0, result.output
    assert "600 candidates scored" in result.output
    return out


def same(first: Path, second: Path, name: str) -> bool:
    one, other = (load_file(folder / name) for folder in (first, second))
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_a_model_needs_no_constants_and_says_how_good_it_is(model: Path):
    told = read_toml(model / "model.toml")
    assert (told["constants"], told["settings"]["match"]) == (["none"], "none")
    assert told["training"]["auc"] > 0.75
    names = {"weights.safetensors", "checkpoint.safetensors", "training.csv", "curves.png"}
    assert {p.name for p in model.iterdir()} == names | {"model.toml"}


def test_an_interrupted_training_goes_on_to_the_same_bits(
    model: Path, pairs: Path, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        asked = iter([False] * 30)
        patch.setattr(
            "kzcal.cli.training_session.interrupts_awaited",
            lambda: nullcontext(lambda: next(asked, True)),
        )
        assert train(pairs, tmp_path / "m", "--config", config).exit_code == 0
    assert read_toml(tmp_path / "m" / "model.toml")["training"]["step"] < 60
    result = train(pairs, tmp_path / "m", "--config", config, "--resume")
    assert result.exit_code == 0, result.output
    assert same(model, tmp_path / "m", "weights.safetensors")
    assert same(model, tmp_path / "m", "checkpoint.safetensors")


def test_every_candidate_has_a_row_in_the_order_of_the_file(scores: Path, pairs: Path):
    candidates = read_candidates(pairs)
    found = read_scores(scores, candidates.event)
    fewest, most = (found[candidates.counts == n] for n in (0, candidates.counts.max()))
    assert np.ptp(fewest) == 0, "the number of captures is all that it sees"
    assert fewest[0] > most[0], "long-lived decays have more of them"


def test_the_mean_of_several_instances_is_scored(pairs: Path, config: Path, tmp_path: Path):
    out = tmp_path / "m"
    assert train(pairs, out, "--config", config, "--bootstrap", 2).exit_code == 0
    event = read_candidates(pairs).event
    found = []
    for model in (out, out / "00", out / "01"):
        assert kzcal("score", model, pairs, "--out", tmp_path / "s.csv").exit_code == 0
        found.append(read_scores(tmp_path / "s.csv", event))
    np.testing.assert_allclose(found[0], (found[1] + found[2]) / 2)
    assert np.ptp(found[1] - found[2]) > 0


def test_an_evaluation_knows_the_classes_and_looks_at_every_column(
    scores: Path, pairs: Path, tmp_path: Path
):
    (tmp_path / "quick.toml").write_text("draws = 50\n")
    words = ("--events", pairs, "--out", tmp_path / "page", "--config", tmp_path / "quick.toml")
    result = kzcal("evaluate", f"tally={scores}", *words)
    assert result.exit_code == 0, result.output
    told = json.loads((tmp_path / "page" / "evaluation.json").read_text())
    assert (told["signal"], told["background"]) == (300, 300)
    assert told["inputs"]["signal"] == ["xe136"]
    assert told["classifiers"][0]["area"] > 0.75
    found = {one["name"]: one for one in told["dependence"]}
    assert found.keys() == {*read_candidates(pairs).columns, "run"}
    # Thirty candidates have no muon before them.
    assert sum(b["signal"] + b["background"] for b in found["dt_muon"]["bins"]) == 600 - 30
    # The score is a falling function of this very number: within a bin little is left.
    assert found["n_captures"]["correlation"][0]["value"] == pytest.approx(-1.0)
    assert found["energy"]["alone"]["value"] == pytest.approx(0.5, abs=0.1)
    assert (tmp_path / "page" / "index.html").exists()


def test_the_energy_can_be_matched_and_nothing_that_candidates_lack(
    pairs: Path, tmp_path: Path, config: Path
):
    done = train(pairs, tmp_path / "m", "--match", "energy", "--config", config)
    assert done.exit_code == 0, done.output
    result = train(pairs, tmp_path / "n", "--match", "nhit", "--config", config)
    assert result.exit_code == 1
    assert "matched by a column energy or not at all" in result.output


@pytest.mark.parametrize(
    ("words", "told"),
    [(("--nominal",), "got --nominal: leave out"), (("--run", 3), "got --run: leave out")],
)
def test_constants_are_refused(pairs: Path, tmp_path: Path, words: tuple[str, ...], told: str):
    result = train(pairs, tmp_path / "m", *words)
    assert result.exit_code == 1
    assert told in result.output


def test_other_files_than_it_takes_are_refused(model: Path, pairs: Path, tmp_path: Path):
    events = written(tmp_path / "run.h5", labelled_run(60))
    ibd = made(tmp_path / "ibd.h5", IBD)
    for path, told in (
        (events, "tallying takes candidates for spallation, got"),
        (ibd, "for ibd: build others by"),
    ):
        for result in (
            train(path, tmp_path / "m"),
            kzcal("score", model, path, "--out", tmp_path / "s.csv"),
        ):
            assert result.exit_code == 1
            assert told in result.output
    spreading = PLUGIN.with_name("spreading.py")
    words = ("train", "spreading", pairs, *CLASSES, "--nominal", "--out", tmp_path / "m")
    result = kzcal("--plugin", spreading, *words)
    assert result.exit_code == 1
    assert "spreading takes events with their hits, got the candidates" in result.output
    words = ("evaluate", tmp_path / "s.csv,s.csv", "--events", pairs, "--events", events)
    result = kzcal(*words, "--out", tmp_path / "page")
    assert "either candidates are judged or events" in result.output


def test_looks_at_hits_are_refused(scores: Path, pairs: Path, model: Path, tmp_path: Path):
    words = ("evaluate", scores, "--events", pairs, "--out", tmp_path / "page")
    result = kzcal(*words, "--model", model, "--nominal")
    assert result.exit_code == 1
    assert "got --model, --nominal" in result.output


def test_candidates_for_two_purposes_are_not_judged_together(scores: Path, pairs: Path, tmp_path):
    ibd = made(tmp_path / "ibd.h5", IBD)
    words = ("--events", pairs, "--events", ibd, "--out", tmp_path / "page")
    result = kzcal("evaluate", f"{scores},{scores}", *words)
    assert result.exit_code == 1
    assert "for one purpose and of one detector" in result.output


def test_the_list_says_what_a_classifier_takes():
    result = kzcal("train", "--list")
    assert "tallying (tallying.py), takes candidates for spallation" in result.output
    assert "kamnet (kzcal-kamnet), takes hits" in result.output


@pytest.mark.slow
def test_two_processes_train_one_model_of_candidates(pairs: Path, config: Path, tmp_path: Path):
    program = tmp_path / "kz.py"
    program.write_text("import sys\nfrom kzcal.cli.main import main\nsys.exit(main())\n")
    words = ["--plugin", str(PLUGIN), "train", "tallying", str(pairs), *CLASSES]
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
    assert (told["processes"], told["training"]["step"]) == (2, 60)
    assert told["training"]["auc"] > 0.75
    first, second = (
        load_file(tmp_path / "m" / name)
        for name in ("checkpoint.safetensors", "checkpoint-1.safetensors")
    )
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    alone = tmp_path / "alone"
    assert train(pairs, alone, "--config", config).exit_code == 0
    assert not same(alone, tmp_path / "m", "weights.safetensors"), "each draws batches of its own"
