"""``kzcal closure``: exit code, result and page."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from kzcal.cli.main import main


def closure(tmp_path: Path, text: str, *words: object) -> Result:
    config = tmp_path / "closure.toml"
    config.write_text(text)
    given = ("closure", "--config", config, "--out", tmp_path / "out", *words)
    return CliRunner().invoke(main, [str(word) for word in given])


def test_a_right_fit_passes(tmp_path: Path):
    result = closure(tmp_path, 'experiment = "toy"\ntrials = 1500\n', "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["verdict"] == "pass"
    assert json.loads((tmp_path / "out" / "closure.json").read_text()) == found
    page = (tmp_path / "out" / "index.html").read_text()
    assert page.count("data:image/svg+xml") == 4
    assert "Closure of toy" in page
    assert "http" not in page.partition("</head>")[2].replace("http-equiv", "")


def test_a_wrong_fit_fails_and_the_page_says_where(tmp_path: Path):
    text = 'experiment = "toy"\n[toy]\nbias = 0.8\nfails = 0.1\n'
    result = closure(tmp_path, text, "--trials", 60)
    assert result.exit_code == 1
    assert "fail: " in result.stdout
    page = (tmp_path / "out" / "index.html").read_text()
    assert "absorption scale: bias" in page
    assert "CalibrationError: a toy fits" in page


def test_what_cannot_be_is_one_sentence(tmp_path: Path):
    result = closure(tmp_path, 'experiment = "game"\n')
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert not (tmp_path / "out").exists()
