"""``kzcal plugins``: the list, and a new plugin whose tests pass at once."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from kzcal import __version__
from kzcal.cli.main import main
from kzcal.cli.scaffold import CHOICES
from kzcal.plugins import KINDS

ROOT = Path(__file__).parents[2]


def run(*arguments: str):
    return CliRunner().invoke(main, list(arguments))


def test_the_list_names_kind_part_provider_and_version():
    lines = run("plugins").stdout.splitlines()
    assert lines[0].split() == ["kind", "name", "from", "version", "summary"]
    (line,) = [line for line in lines if line.split()[:2] == ["samples", "neutron-capture"]]
    assert line.split()[:4] == ["samples", "neutron-capture", "kzcal", __version__]


def test_the_list_as_json_has_every_kind():
    found = json.loads(run("plugins", "--json").stdout)
    assert list(found) == list(KINDS)
    (forced,) = [part for part in found["samples"] if part["name"] == "forced"]
    assert forced["provider"] == "kzcal"
    assert set(forced) == {"name", "summary", "provider", "version"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", CHOICES)
def test_a_new_plugin_passes_its_tests_at_once(kind: str, tmp_path: Path):
    result = run("plugins", "new", "my-part", "--kind", kind, "--directory", str(tmp_path))
    assert result.exit_code == 0, result.output
    root = tmp_path / "kzcal-my-part"
    paths = os.pathsep.join([str(ROOT), str(root)])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(root)],
        env={**os.environ, "PYTHONPATH": paths},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
    listed = run("--plugin", str(root / "kzcal_my_part" / "__init__.py"), "plugins", "--json")
    parts = json.loads(listed.stdout)[CHOICES[kind]]
    assert ("my-part", "kzcal_my_part") in [(p["name"], p["provider"]) for p in parts]


def test_a_new_plugin_is_a_distribution_that_kzcal_will_find(tmp_path: Path):
    result = run("plugins", "new", "halo", "--directory", str(tmp_path), "--json")
    root = Path(json.loads(result.stdout)["path"])
    project = tomllib.loads((root / "pyproject.toml").read_text())
    assert project["project"]["name"] == "kzcal-halo"
    assert project["project"]["entry-points"]["kzcal"] == {"halo": "kzcal_halo"}
    files = {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}
    assert files == {
        "pyproject.toml",
        "README.md",
        "kzcal_halo/__init__.py",
        "tests/test_kzcal_halo.py",
    }


@pytest.mark.parametrize("name", ["Halo", "kzcal-halo", "1halo", "halo_", "ha lo", "../halo", ""])
def test_a_bad_name_is_refused(name: str, tmp_path: Path):
    result = run("plugins", "new", "--directory", str(tmp_path), "--", name)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: a plugin's name is lower-case words")
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_taken_is_refused(tmp_path: Path):
    result = run("plugins", "new", "forced", "--directory", str(tmp_path))
    assert result.exit_code == 1
    assert "sample 'forced', which kzcal offers" in result.stderr


def test_an_existing_folder_is_left_alone(tmp_path: Path):
    first = run("plugins", "new", "halo", "--directory", str(tmp_path))
    kept = {p: p.read_text() for p in tmp_path.rglob("*") if p.is_file()}
    second = run("plugins", "new", "halo", "--kind", "command", "--directory", str(tmp_path))
    assert (first.exit_code, second.exit_code) == (0, 1)
    assert "a new plugin needs a new folder" in second.stderr
    assert {p: p.read_text() for p in tmp_path.rglob("*") if p.is_file()} == kept


def test_an_unknown_kind_is_a_usage_error_that_lists_the_kinds(tmp_path: Path):
    result = run("plugins", "new", "halo", "--kind", "sampel", "--directory", str(tmp_path))
    assert result.exit_code == 2
    assert "report-section" in result.stderr
