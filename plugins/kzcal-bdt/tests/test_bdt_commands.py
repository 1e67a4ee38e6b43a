"""Training on a file of pairs, scores, and the plugin's own two commands."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from pair_laws import lawful_pairs

from kzcal.cli.main import main
from kzcal.io.candidates import CandidateHeader, read_candidates
from kzcal.io.candidates_writer import write_candidates
from kzcal.io.scores import read_scores

DAY_S = 86_400.0
HEADER = CandidateHeader("ibd", "kamland-zen-800", DAY_S)
KINDS = ("--signal", "ibd", "--background", "accidental")


def run(*words):
    """What a command says; it must succeed."""
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*words):
    """What a command that fails says."""
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code != 0
    return result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pairs, a model that learned from them, and scores of others."""
    folder = tmp_path_factory.mktemp("pairs")
    for name, seed in (("pairs.h5", 1), ("others.h5", 2)):
        pairs, _, _ = lawful_pairs(600, seed)
        write_candidates(folder / name, pairs, HEADER)
    train = ("train", "bdt", folder / "pairs.h5", *KINDS, "--out", folder / "model")
    run(*train, "--steps", 40, "--leaf", 2)
    run("score", folder / "model", folder / "others.h5", "--out", folder / "scores.csv")
    return folder


def test_scores_of_pairs_tell_them_apart(folder):
    pairs = read_candidates(folder / "others.h5")
    score = read_scores(folder / "scores.csv", pairs.event)
    signal = pairs.truth["kind"] == b"ibd"
    assert ((score > 0) == signal).mean() > 0.9


def test_importances_are_told_and_drawn(folder):
    words = ("bdt-importance", folder / "model", folder / "others.h5", "--out", folder / "worth")
    told = json.loads(run(*words, "--json"))
    worth = told["importance"]
    assert told["n_pairs"] == 600
    assert sum(one["gain"] for one in worth.values()) == pytest.approx(1.0)
    assert worth["dt"]["added"] > 5 * worth["dt"]["added_error"] > 0
    assert json.loads((folder / "worth" / "importance.json").read_text()) == told
    page = (folder / "worth" / "index.html").read_text()
    assert page.count("<img") == 2
    assert [page.count(f'<th class="text">{name}</th>') for name in worth] == [1] * 6


def test_importances_are_of_trees(folder, tmp_path):
    train = ("train", "pair-likelihood", folder / "pairs.h5", *KINDS, "--out", tmp_path / "model")
    run(*train, "--steps", 1)
    words = ("bdt-importance", tmp_path / "model", folder / "others.h5", "--out", tmp_path)
    assert "got one of pair-likelihood" in refused(*words)


def test_a_threshold_is_found_for_the_rates(folder):
    words = ["bdt-threshold", folder / "scores.csv", "--events", folder / "others.h5"]
    words += ["--ibd", 1.0, "--accidental", 20.0, "--out", folder / "cut"]
    told = json.loads(run(*words, "--json"))
    pairs = read_candidates(folder / "others.h5")
    score = read_scores(folder / "scores.csv", pairs.event)
    signal = pairs.truth["kind"] == b"ibd"
    kept = score > told["threshold"]
    purity = kept[signal].mean() / (kept[signal].mean() + 20.0 * kept[~signal].mean())
    assert told["purity"] == pytest.approx(purity, abs=4 * told["purity_error"])
    right = [(score[signal] > 0).mean(), (score[~signal] <= 0).mean()]
    assert told["balanced_accuracy"] == pytest.approx(np.mean(right))
    assert json.loads((folder / "cut" / "threshold.json").read_text()) == told
    assert (folder / "cut" / "index.html").read_text().count("<img") == 1


def test_off_time_pairs_tell_the_rate_of_accidentals(folder, tmp_path):
    """Of 300 pairs in 50 windows of two days: three a day."""
    pairs, signal, _ = lawful_pairs(600, seed=3)
    header = CandidateHeader("ibd", "kamland-zen-800", 2 * DAY_S, 50.0)
    write_candidates(tmp_path / "off.h5", pairs.take(~signal), header)
    words = ["bdt-threshold", folder / "scores.csv", "--events", folder / "others.h5"]
    words += ["--ibd", 1.0, "--out", tmp_path / "cut", "--json"]
    told = json.loads(run(*words, "--off-time", tmp_path / "off.h5"))
    assert told["inputs"]["accidental"] == pytest.approx(3.0)
    assert told == {**json.loads(run(*words, "--accidental", 3.0)), "inputs": told["inputs"]}


@pytest.mark.parametrize("given", [(), ("--accidental", 1.0, "--off-time", "pairs.h5")])
def test_one_rate_of_accidentals_is_needed(folder, given):
    words = ["bdt-threshold", folder / "scores.csv", "--events", folder / "others.h5"]
    assert "give one of them" in refused(*words, "--ibd", 1.0, "--out", folder / "cut", *given)


def test_a_rate_needs_a_livetime(folder, tmp_path):
    pairs, _, _ = lawful_pairs(40)
    write_candidates(tmp_path / "off.h5", pairs, CandidateHeader("ibd", "kamland-zen-800"))
    words = ["bdt-threshold", folder / "scores.csv", "--events", folder / "others.h5"]
    words += ["--ibd", 1.0, "--off-time", tmp_path / "off.h5", "--out", tmp_path / "cut"]
    assert "a rate needs a livetime" in refused(*words)


def test_pairs_that_were_learned_from_need_not_judge(folder, tmp_path):
    """The last fifth of either kind judges as it does from a file of its own."""
    pairs = read_candidates(folder / "others.h5")
    rows = np.arange(480, 600)
    write_candidates(tmp_path / "last.h5", pairs.take(rows), HEADER)
    run("score", folder / "model", tmp_path / "last.h5", "--out", tmp_path / "last.csv")
    rates = ("--ibd", 1.0, "--accidental", 20.0, "--out", tmp_path / "cut", "--json")
    both = ((folder, "scores.csv", "others.h5", 0.2), (tmp_path, "last.csv", "last.h5", 1.0))
    part, alone = (
        json.loads(run("bdt-threshold", at / s, "--events", at / p, *rates, "--last", share))
        for at, s, p, share in both
    )
    same = ("threshold", "efficiency", "purity", "merit", "balanced_accuracy")
    assert [part[name] for name in same] == [alone[name] for name in same]
    assert part["inputs"]["last"] == 0.2


@pytest.mark.parametrize(
    ("truth", "said"), [({}, "got no truth/kind"), (None, "got accidental, ibd")]
)
def test_a_rate_needs_accidental_pairs_alone(folder, tmp_path, truth, said):
    pairs, _, _ = lawful_pairs(40)
    pairs = pairs if truth is None else replace(pairs, truth=truth)
    write_candidates(tmp_path / "off.h5", pairs, HEADER)
    words = ["bdt-threshold", folder / "scores.csv", "--events", folder / "others.h5"]
    words += ["--ibd", 1.0, "--off-time", tmp_path / "off.h5", "--out", tmp_path / "cut"]
    assert said in refused(*words)


def test_a_threshold_needs_both_classes(folder, tmp_path):
    words = ["bdt-threshold", folder / "scores.csv", "--events", folder / "others.h5"]
    words += ["--ibd", 1.0, "--accidental", 1.0, "--out", tmp_path / "cut"]
    said = refused(*words, "--background", "li9")
    assert "got 0 of kind li9 (choices: accidental, ibd)" in said


def test_classes_may_come_in_files_of_their_own(folder, tmp_path):
    """As simulated antineutrinos and pairs of a run off time do."""
    pairs = read_candidates(folder / "others.h5")
    signal = pairs.truth["kind"] == b"ibd"
    words = ["bdt-threshold"]
    for name, rows in (("ibd", signal), ("off", ~signal)):
        write_candidates(tmp_path / f"{name}.h5", pairs.take(rows), HEADER)
        scores = tmp_path / f"{name}.csv"
        run("score", folder / "model", tmp_path / f"{name}.h5", "--out", scores)
        words += [scores, "--events", tmp_path / f"{name}.h5"]
    words += ["--ibd", 1.0, "--accidental", 20.0, "--out", tmp_path / "cut", "--json"]
    together = ["bdt-threshold", folder / "scores.csv", "--events", folder / "others.h5"]
    apart, whole = json.loads(run(*words)), json.loads(run(*together, *words[7:]))
    same = ("threshold", "efficiency", "purity", "merit", "balanced_accuracy")
    assert [apart[name] for name in same] == pytest.approx([whole[name] for name in same])
    assert "each file of scores has its --events" in refused(*words[:1], *words[2:])
