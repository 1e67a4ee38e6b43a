"""``kzcal combine``: from candidates and scores to a joint rejection and its page."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner, Result

from kzcal.cli.main import main
from kzcal.evaluate.scored import ScoreFiles
from kzcal.io.candidates import CandidateFile, CandidateHeader
from kzcal.io.candidates_writer import write_candidates
from kzcal.io.scores import read_scores
from kzcal.rejection.material import Material
from kzcal.testing.candidates import synthetic_candidates

N = 240


def kzcal(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def scores_file(path: Path, event: np.ndarray, score: np.ndarray) -> Path:
    rows = "".join(f"{a},{b!r}\n" for a, b in zip(event.tolist(), score.tolist(), strict=True))
    path.write_text(f"event,score\n{rows}")
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Candidates of two runs; scores of all their events by one classifier, of them by another."""
    root = tmp_path_factory.mktemp("combine")
    pairs, hits, captures = [], [], []
    for run in (1, 2):
        candidates, signal = synthetic_candidates("spallation", N, seed=run)
        isotope = np.where(signal, b"", np.where(np.arange(N) % 3 == 0, b"y88", b"i130"))
        truth = {**candidates.truth, "isotope": isotope}
        candidates = replace(candidates, run=np.full(N, run), truth=truth)
        pairs.append(root / f"pairs{run}.h5")
        write_candidates(pairs[-1], candidates, CandidateHeader("spallation", "kamland-zen-800"))
        generator = np.random.default_rng(run)
        event = np.arange(candidates.event.max() + 5)
        of_all = generator.normal(size=len(event))
        of_all[candidates.event] += 1.2 * signal
        hits.append(scores_file(root / f"kamnet{run}.csv", event, of_all))
        of_pairs = generator.normal(1.5 * signal, 1.0)
        captures.append(scores_file(root / f"pointnet{run}.csv", candidates.event, of_pairs))
    quick = root / "quick.toml"
    quick.write_text("draws = 100\n")
    return SimpleNamespace(root=root, pairs=pairs, hits=hits, captures=captures, quick=quick)


def test_two_scores_reject_more_than_either(place):
    out = place.root / "one"
    done = kzcal(
        "combine", f"kamnet={place.hits[0]}", f"pointnet={place.captures[0]}", "--events",
        place.pairs[0], "--out", out, "--json", "--config", place.quick,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told == json.loads((out / "rejection.json").read_text())
    combined, kamnet, pointnet = (c["rejections"][1]["rejected"] for c in told["classifiers"])
    assert [c["name"] for c in told["classifiers"]] == ["combined", "kamnet", "pointnet"]
    assert combined > max(kamnet, pointnet)
    assert {one["name"] for one in told["isotopes"]} == {"y88", "i130"}
    candidates, _ = synthetic_candidates("spallation", N, seed=1)
    assert len(read_scores(out / "combined.csv", candidates.event)) == N
    page = (out / "index.html").read_text()
    for words in ("Combination of kamnet, pointnet", "Rank correlation", "i130", "Separation"):
        assert words in page


def test_what_is_written_is_evaluated_alike(place):
    files = [",".join(map(str, paths)) for paths in (place.hits, place.captures)]
    both = [word for path in place.pairs for word in ("--events", path)]
    out = place.root / "two"
    done = kzcal(
        "combine", f"kamnet={files[0]}", f"pointnet={files[1]}", *both, "--out", out,
        "--acceptance", 0.8, "--method", "product", "--config", place.quick,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "method: product" in done.stdout
    for i in (1, 2):
        candidates, _ = synthetic_candidates("spallation", N, seed=i)
        assert np.isfinite(read_scores(out / f"combined-{i}.csv", candidates.event)).all()


def test_what_a_training_set_aside_is_judged_alone(place):
    files = []
    for path in place.pairs[:1]:
        with CandidateFile(path) as opened:
            files.append(opened.read())
    scores = [ScoreFiles("a", (place.hits[0],)), ScoreFiles("b", (place.captures[0],))]
    whole, part = (
        Material.of(files, scores, ("xe136",), ("long-lived",), last=last) for last in (1.0, 0.5)
    )
    for name in ("signal", "background"):
        every, judged = (np.flatnonzero(getattr(one, name)) for one in (whole, part))
        np.testing.assert_array_equal(judged, every[len(every) - round(0.5 * len(every)) :])
    assert part.counts == (N,)


def test_candidates_of_one_shower_are_one_group(place):
    with CandidateFile(place.pairs[0]) as opened:
        first = opened.read()
    group = np.where(first.truth["kind"].astype(str) == "xe136", -1, np.arange(N) // 2)
    files = [
        replace(first, run=np.full(N, run), truth={**first.truth, "group": group})
        for run in (1, 2)
    ]
    scores = [
        ScoreFiles(name, (path, path))
        for name, path in (("a", place.hits[0]), ("b", place.captures[0]))
    ]
    found = Material.of(files, scores, ("xe136",), ("long-lived",)).group
    alone, shared = group < 0, len(np.unique(group[group >= 0]))
    assert len(np.unique(found)) == 2 * (alone.sum() + shared)
    assert not set(found[:N]) & set(found[N:])
    for one in np.unique(group[~alone]):
        assert len(np.unique(found[:N][group == one])) == 1


@pytest.mark.parametrize(("words", "wanted"), [((), 0.7), (("--acceptance", 0.8), 0.8)])
def test_settings_hold_where_no_option_says_otherwise(place, tmp_path, words, wanted):
    settings = tmp_path / "settings.toml"
    settings.write_text("draws = 100\nacceptance = 0.7\n")
    done = kzcal(
        "combine", f"kamnet={place.hits[0]}", f"pointnet={place.captures[0]}", "--events",
        place.pairs[0], "--out", tmp_path / "out", "--json", "--config", settings, *words,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["settings"]["acceptance"] == wanted


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a={hit}",), "two or more scores of different names"),
        (("a={hit}", "a={capture}"), "two or more scores of different names"),
        (("combined={hit}", "a={capture}"), "none of them 'combined'"),
        (("a={hit}", "b={capture}", "--signal", "bb"), "got 0 of bb among long-lived, xe136"),
        (("a={hit}", "b={capture}", "--signal", "long-lived"), "got long-lived as both"),
        (("a={hit}", "b={other}"), "none for"),
        (("a={hit}", "b={capture}", "--method", "sum"), "got 'sum'"),
    ],
)
def test_what_cannot_be_combined_is_told_in_one_line(place, tmp_path, words, said):
    event = np.arange(10)
    other = scores_file(tmp_path / "other.csv", event, event * 0.1)
    named = [w.format(hit=place.hits[0], capture=place.captures[0], other=other) for w in words]
    done = kzcal("combine", *named, "--events", place.pairs[0], "--out", tmp_path / "out")
    assert done.exit_code != 0
    assert said in done.output.replace("\n", " ")
    assert not (tmp_path / "out" / "rejection.json").exists()
