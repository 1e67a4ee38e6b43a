"""``kzcal evaluate``: from training and scores to the page."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner, Result
from labelled_events import labelled_run, written

from kzcal.classify.corrected import Correction
from kzcal.classify.material import labels
from kzcal.classify.tasks import LabelledFile, free_rows
from kzcal.cli.main import main
from kzcal.evaluate.scored import Labelled
from kzcal.io.source import open_events
from kzcal.simulate.constants import Constants

PLUGIN = Path(__file__).parents[1] / "support" / "spreading.py"
KINDS = ("--signal", "narrow", "--background", "wide")


def kzcal(*words: object) -> Result:
    given = ["--plugin", PLUGIN, *words]
    return CliRunner().invoke(main, [str(word) for word in given])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Two runs of labelled events, a model, and scores of both."""
    root = tmp_path_factory.mktemp("evaluate")
    files = [
        written(root / f"run{number}.h5", labelled_run(n_events, number), number)
        for number, n_events in ((1, 1500), (2, 900))
    ]
    model, words = root / "model", ("--nominal", "--steps", 30, "--set-aside", 0.2)
    trained = kzcal("train", "spreading", files[0], *KINDS, *words, "--out", model)
    assert trained.exit_code == 0, trained.output
    scores = []
    for path in files:
        scores.append(path.with_suffix(".csv"))
        scored = kzcal("score", model, path, "--nominal", "--out", scores[-1])
        assert scored.exit_code == 0, scored.output
    (root / "quick.toml").write_text(
        "draws = 40\nsplits = 20\ndeals = 199\nprobed = 60\nprobed_dead = 90\n"
    )
    return SimpleNamespace(root=root, files=files, scores=scores, model=model)


def evaluate(place: SimpleNamespace, *words: object, out: str = "out") -> Result:
    given = ("--config", place.root / "quick.toml", "--out", place.root / out)
    return kzcal("evaluate", *given, *KINDS, *words)


def test_everything_that_can_be_asked_is_on_one_page(place):
    result = evaluate(
        place,
        f"spread={place.scores[0]},{place.scores[1]}",
        *("--events", place.files[0], "--events", place.files[1]),
        *("--model", place.model, "--nominal"),
        *("--data", place.files[1], place.scores[1], "--sample", "physics"),
        *("--simulated", place.files[0], place.scores[0]),
    )
    assert result.exit_code == 0, result.output
    assert "data and simulation: distance" in result.stdout
    found = json.loads((place.root / "out" / "evaluation.json").read_text())
    (one,) = found["classifiers"]
    assert one["name"] == "spread"
    assert [cut["acceptance"] for cut in one["rejections"]] == [0.8, 0.9, 0.95]
    assert one["area"] > 0.8, "times of wide events have more spread"
    assert {c["name"] for c in found["dependence"]} >= {"energy", "radius", "nhit", "run"}
    runs = next(c for c in found["dependence"] if c["name"] == "run")
    assert [b["middle"] for b in runs["bins"]] == [1, 2]
    live = next(c for c in found["dependence"] if c["name"] == "live_pmts")
    assert [b["middle"] for b in live["bins"]] == [1879]
    assert (found["model"]["probed"], found["model"]["probed_dead"]) == (60, 90)
    assert all(b["traded"]["shift"] == 0 for b in found["model"]["times"]), "it sees times alone"
    assert max(b["removed"]["shift"] for b in found["model"]["times"]) > 0
    assert [d["share"] for d in found["model"]["dead"]] == [0.02, 0.05, 0.1]
    assert found["agreement"]["probability"] > 0.005, "both are of one law"
    assert len(found["agreement"]["alarms"]) == 4
    assert [len(part["sha256"]) for part in found["inputs"]["events"]] == [64, 64]
    page = (place.root / "out" / "index.html").read_text()
    for title in ("Separation", "Dependence", "Calibration", "Data and simulation", "Sphere"):
        assert f"<h2>{title}</h2>" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")


def test_classifiers_are_compared_on_the_same_events(place):
    worse = place.root / "worse.csv"
    rows = place.scores[0].read_text().splitlines()
    generator = np.random.default_rng(1)
    noisy = (
        f"{event},{float(score) + 3 * generator.normal()!r}"
        for event, score in (row.split(",") for row in rows[1:])
    )
    worse.write_text("\n".join([rows[0], *noisy]))
    words = (place.scores[0], worse, "--events", place.files[0], "--last", 0.2, "--json")
    result = evaluate(place, *words, out="pair")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found == json.loads((place.root / "pair" / "evaluation.json").read_text())
    (pair,) = found["contrasts"]
    assert (pair["first"], pair["second"]) == ("run1", "worse")
    assert pair["area"] > 3 * pair["area_error"]
    assert pair["area_probability"] < 0.01
    assert found["signal"] == pytest.approx(75, abs=12), "a fifth of those with a vertex"
    again = evaluate(place, *words, out="again")
    assert json.loads(again.stdout) == found, "the same seed gives the same numbers"


def test_what_is_judged_is_what_the_training_set_aside(tmp_path):
    """Even where the training knew a second background, elsewhere in the file."""
    run = labelled_run(900)
    kind = np.sort(run.events.truth["kind"])[::-1]
    events = replace(run.events, truth={"kind": kind})
    path = written(tmp_path / "run.h5", replace(run, events=events))
    correction = Correction.of(Constants().payload(run.detector), run.detector)
    with open_events(path, run.detector) as source:
        labelled = LabelledFile(path, source, correction, "nominal")
        truth = source.table().truth
        known, _ = labels(path, truth, ["narrow"], ["wide", "other"])
        free = free_rows(labelled, known, 0.3)
        judged = Labelled.of(source, ["narrow"], ["wide"], last=0.3).rows
    asked = np.isin(kind, [b"narrow", b"wide"]) & ~events.forced
    assert np.array_equal(judged, np.flatnonzero(asked & ~free))
    assert len(judged) == pytest.approx(0.3 * asked.sum(), abs=1)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("scores0", "--events", "run1", "--events", "run2"), "one file of scores for each"),
        (("scores1", "--events", "run1"), "900 rows for 1500 events"),
        (("scores0", "scores0", "--events", "run1"), "names that differ"),
        (("scores0", "--events", "run1", "--model", "model"), "give --tag"),
        (
            ("scores0", "--events", "run1", "--model", "nowhere", "--nominal"),
            "a model is a directory of `kzcal train`, got nowhere",
        ),
        (
            ("scores0", "--events", "run1", "--nominal", "--run", "1", "--run", "2"),
            "--run is given once",
        ),
        (("scores0", "--events", "run1", "--tag", "t", "--nominal"), "got both"),
    ],
)
def test_what_cannot_be_evaluated_is_told_in_a_sentence(place, words, told):
    names = {
        "scores0": place.scores[0],
        "scores1": place.scores[1],
        "run1": place.files[0],
        "run2": place.files[1],
        "model": place.model,
    }
    given = [str(names.get(word, word)) for word in words]
    result = evaluate(place, *given, out="refused")
    assert result.exit_code == 1, result.output
    assert told in result.stderr
    assert not (place.root / "refused" / "index.html").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--simulated", "run.h5", "s.csv"), "got no --data"),
        (("--run", 5), "give --tag, or --nominal"),
    ],
)
def test_options_that_would_do_nothing_are_refused(place, words, told):
    result = evaluate(place, place.scores[0], "--events", place.files[0], *words, out="idle")
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())
    assert not (place.root / "idle").exists()


def test_events_without_truth_are_refused(place):
    run = labelled_run(60)
    plain = written(place.root / "data.h5", replace(run, events=replace(run.events, truth={})))
    result = evaluate(place, place.scores[0], "--events", plain)
    assert result.exit_code == 1
    assert "without truth/kind" in result.stderr


def test_kinds_that_are_not_there_are_refused(place):
    for words, told in (
        ((), "got bb, bi214: choose from narrow, other, wide"),
        ((*KINDS, "--background", "b"), "got b: choose from narrow, other, wide"),
        ((*KINDS, "--signal", "wide"), "got wide as both"),
    ):
        given = ("--events", place.files[0], "--out", place.root / "refused", *words)
        result = kzcal("evaluate", place.scores[0], *given)
        assert result.exit_code == 1
        assert told in result.stderr


def test_settings_are_checked(place):
    for text, told in (
        ("draws = 3", "whole number from 20"),
        ("acceptance = 1.5", "between 0 and 1"),
        ("dead = [0.1, 2]", "between 0 and 1"),
        ("threshold = 1", "unknown key 'threshold'"),
    ):
        path = place.root / "wrong.toml"
        path.write_text(text)
        result = evaluate(place, place.scores[0], "--events", place.files[0], "--config", path)
        assert result.exit_code == 1
        assert told in result.stderr
