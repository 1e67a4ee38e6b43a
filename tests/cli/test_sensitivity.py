"""``kzcal sensitivity``: from a preset and a rejection to the page."""

import json

import numpy as np
import pytest
from click.testing import CliRunner, Result

from kzcal.cli.main import main


def kzcal(*words: object) -> Result:
    return CliRunner().invoke(main, ["sensitivity", *(str(word) for word in words)])


@pytest.fixture
def quick(tmp_path):
    path = tmp_path / "quick.toml"
    path.write_text('base = "klz-800"\nname = "quick"\nstep = 0.15\nn_shells = 4\n')
    return path


def test_a_score_is_cut_where_it_serves_best(quick, tmp_path):
    accepted = np.linspace(0, 1, 21)
    curves = {"acceptance": accepted.tolist(), "rejected": {"both": (1 - accepted**4).tolist()}}
    scores = tmp_path / "rejection.json"
    scores.write_text(json.dumps({"curves": curves}))
    out = tmp_path / "out"
    done = kzcal(
        "--config", quick, "--rejection", f"long-lived={scores}", "--toys", 40, "--out", out,
        "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told == json.loads((out / "sensitivity.json").read_text())
    scan = told["cuts"][0]
    best = scan["half_lives"][scan["best"]]
    assert best == pytest.approx(told["half_life"], rel=1e-6)
    assert best > scan["none"]
    assert told["toys"]["low"] < told["toys"]["median"] < told["toys"]["high"]
    page = (out / "index.html").read_text()
    for words in ("Sensitivity of quick", "film-u238", "Fiducial volume", "Cuts"):
        assert words in page


def test_two_shares_replace_the_published_cut(quick, tmp_path):
    found = []
    for words in ((), ("--rejection", "long-lived=0.8:0.914", "--days", 600)):
        out = tmp_path / f"out{len(found)}"
        done = kzcal("--config", quick, *words, "--toys", 10, "--out", out)
        assert done.exit_code == 0, done.output
        found.append(json.loads((out / "sensitivity.json").read_text()))
    assert found[1]["half_life"] > 1.2 * found[0]["half_life"]
    assert [row["experiment"]["days"] for row in found] == [523.4, 600.0]
    assert len(found[1]["experiment"]["cuts"]) == len(found[0]["experiment"]["cuts"]) == 2
    assert "expected 90 % limit" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--preset", "exo"), "choose from klz-800"),
        (("--preset", "klz-800", "--config", "x.toml"), "got both"),
        (("--rejection", "muons=0.5:0.9"), "got 'muons'"),
        (("--rejection", "long-lived"), "a rejection is BACKGROUND"),
    ],
)
def test_what_cannot_be_counted_is_told_in_one_line(tmp_path, words, said):
    done = kzcal(*words, "--out", tmp_path / "out")
    assert done.exit_code != 0
    assert said in " ".join(done.output.split())
    assert not (tmp_path / "out").exists()
