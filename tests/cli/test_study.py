"""``kzcal study`` as a user meets it, with a quick classifier and the map of bare geometry."""

import json
from pathlib import Path

import h5py
import pytest
from click.testing import CliRunner, Result
from labelled_events import labelled_run, written

from kzcal.cli.main import main
from kzcal.optics.light_map_analytic import analytic_light_map
from kzcal.simulate import setup

PLUGIN = Path(__file__).parents[1] / "support" / "spreading.py"
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


@pytest.fixture(autouse=True)
def quick_light_map(monkeypatch: pytest.MonkeyPatch) -> None:
    """The map of bare geometry instead of a traced one."""
    monkeypatch.setattr(
        setup, "light_map_of", lambda detector, _materials, **_: analytic_light_map(detector)
    )


def kzcal(*words: object) -> Result:
    given = ["--quiet", "--plugin", str(PLUGIN), *map(str, words)]
    return CliRunner().invoke(main, given, env=ENVIRONMENT)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    path = written(folder / "run.h5", labelled_run(900))
    (folder / "train.toml").write_text("held_out = 0.3\nvalidate_steps = 5\nsteps = 10\n")
    classes = ("--signal", "narrow", "--background", "wide", "--nominal")
    words = ("--out", folder / "model", "--config", folder / "train.toml")
    result = kzcal("train", "spreading", path, *classes, *words)
    assert result.exit_code == 0, result.output
    return folder / "model"


def study(name: str, model: Path, out: Path, *words: object) -> Result:
    return kzcal("study", name, "--model", model, "--nominal", "--out", out, *words)


def test_isotopes_have_a_page_and_numbers(model: Path, tmp_path: Path):
    names = [word for name in ("tc96", "y88", "i124", "bi214") for word in ("--isotope", name)]
    result = study("isotopes", model, tmp_path / "a", "--n", 40, *names, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    stored = json.loads((tmp_path / "a" / "study.json").read_text())
    assert told["isotopes"] == stored["isotopes"]
    assert len(told["isotopes"]) == 4
    page = (tmp_path / "a" / "index.html").read_text()
    assert all(name in page for name in ("tc96", "y88", "Rejection of isotopes", told["verdict"]))


def test_gammas_are_kept_for_a_training_and_read_again(model: Path, tmp_path: Path):
    wide = ("--quenched", "2.0:3.2", "--n", 200)
    first = study("multisite", model, tmp_path / "a", *wide, "--json")
    assert first.exit_code == 0, first.output
    kept = tmp_path / "a" / "gammas.h5"
    with h5py.File(kept) as file:
        assert set(file["truth/kind"][:]) == {b"single", b"between", b"multi"}
    words = ("--events", kept, "--second", model, "--json")
    second = study("multisite", model, tmp_path / "b", *wide, *words)
    assert second.exit_code == 0, second.output
    told = json.loads(second.stdout)
    assert told["correlation"][0] == pytest.approx(1)
    assert told["areas"]["first"][0] == json.loads(first.stdout)["areas"]["first"][0]


def test_conditions_without_a_calibration_have_no_replicas(model: Path, tmp_path: Path):
    result = study("conditions", model, tmp_path / "a", "--n", 60, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["replicas"] == []
    assert len(told["dead"]) == 5


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--quenched", "2.6"), "window of quenched energy is LOWER:UPPER"),
        (("--vertex", "true"), "a vertex is fitted, smeared or smeared:M:NS"),
        (("--isotope", "xx1"), "no source named 'xx1'"),
        (("--isotope", "tc96"), "correlations need 4 isotopes"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(
    words: tuple[str, ...], reason: str, model: Path, tmp_path: Path
):
    result = study("isotopes", model, tmp_path / "a", *words)
    assert result.exit_code != 0
    assert reason in result.stderr
