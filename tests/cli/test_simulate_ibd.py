"""``kzcal simulate ibd`` and ``kzcal simulate accidentals`` as a user meets them."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner, Result

from kzcal.cli.main import main
from kzcal.geometry import load_detector
from kzcal.hits import Events, RunHeader
from kzcal.io.events import EventFile
from kzcal.optics.light_map_analytic import analytic_light_map
from kzcal.simulate import accidental_run, setup
from kzcal.simulate.run import events_of

ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


@pytest.fixture(autouse=True)
def quick_light_map(monkeypatch: pytest.MonkeyPatch) -> None:
    """The map of bare geometry instead of a traced one."""
    monkeypatch.setattr(
        setup, "light_map_of", lambda detector, _materials, **_: analytic_light_map(detector)
    )


def simulate(*words: object) -> Result:
    return CliRunner().invoke(main, ["--quiet", "simulate", *map(str, words)], env=ENVIRONMENT)


def read(path: Path) -> tuple[RunHeader, Events]:
    with EventFile(path, load_detector()) as file:
        (events,) = file.chunks()
        return file.header, events


def truth(path: Path, name: str) -> np.ndarray:
    with h5py.File(path) as file:
        return file[f"truth/{name}"][:]


def test_pairs_are_written_for_any_reader(tmp_path: Path):
    out = tmp_path / "ibd.h5"
    result = simulate("ibd", "--n", 20, "--run", 7, "--out", out, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["n_events"] == 40
    header, events = read(out)
    assert header.run == 7
    assert header.sample == "ibd without hits"
    assert (events.hits.counts == 0).all()
    assert set(truth(out, "kind")) == {b"ibd-prompt", b"ibd-delayed"}
    assert np.array_equal(np.sort(truth(out, "group")), np.repeat(np.arange(20), 2))
    with h5py.File(out) as written:
        assert written["truth/e_neutrino"].attrs["units"] == "MeV"


def test_the_same_words_give_the_same_file_and_the_lineage_says_them(tmp_path: Path):
    files = tmp_path / "a.h5", tmp_path / "b.h5"
    for out in files:
        simulate("ibd", "--n", 5, "--flux", "geo", "--out", out)
    assert files[0].read_bytes() == files[1].read_bytes()
    with h5py.File(files[0]) as file:
        told = json.loads(file.attrs["lineage"])["configuration"]["coincidences"]
    assert told["antineutrinos"]["flux"] == {"shares": [["geo", 1.0]]}


def test_with_hits_prompts_and_captures_shine(tmp_path: Path):
    out = tmp_path / "hits.h5"
    result = simulate(
        "ibd", "--n", 3, "--hits", "--nominal", "--vertex", "smeared", "--volume", "sphere:3",
        "--out", out,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    _, events = read(out)
    assert len(events) == 6
    assert (events.hits.counts > 100).all()
    delayed = events.truth["kind"] == b"ibd-delayed"
    # On the scale of neutron captures, with 6.5 %/sqrt(E): 5 sigma.
    assert np.abs(events.energy[delayed] - 2.2246).max() < 0.5


def test_a_run_holds_both(tmp_path: Path):
    out, recipe = tmp_path / "run.h5", tmp_path / "singles.toml"
    recipe.write_text('[[component]]\nsource = "c11"\nvolume = "ls"\nrate_per_day = 4000\n')
    result = simulate(
        "ibd", "--days", 0.05, "--n", 30, "--singles", 2, "--config", recipe, "--out", out
    )
    assert result.exit_code == 0, result.output
    kind = truth(out, "kind")
    assert np.count_nonzero(kind == b"ibd-prompt") == 30
    # 5 sigma of 400.
    assert abs(np.count_nonzero(kind == b"c11") - 400) < 100
    with h5py.File(out) as file:
        assert (np.diff(file["events/timestamp"][:]) >= 0).all()
        assert file.attrs["livetime_ns"] == 0.05 * 86_400e9


def test_single_events_become_pairs_whose_rate_is_told(tmp_path: Path):
    out = tmp_path / "pairs.h5"
    words = ("--days", 0.01, "--pairs", 50, "--distance", 5, "--out", out, "--json")
    result = simulate("accidentals", *words)
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told["n_pairs"] == 50
    assert told["per_day"] > 0
    _, events = read(out)
    assert (events.truth["group"] == -1).all()
    apart = np.linalg.norm(events.vertex[::2].astype(float) - events.vertex[1::2], axis=1)
    assert apart.max() < 5
    assert (np.diff(events.timestamp)[::2] <= 1_000_000).all()


def test_pairs_and_a_run_of_one_seed_share_no_event(tmp_path: Path):
    run, pairs = tmp_path / "run.h5", tmp_path / "pairs.h5"
    words = ("accidentals", "--days", 0.01, "--least-energy", 0.8)
    for out, more in ((run, ()), (pairs, ("--pairs", 300))):
        result = simulate(*words, *more, "--out", out)
        assert result.exit_code == 0, result.output
    energies = {*read(run)[1].energy.tolist()}, {*read(pairs)[1].energy.tolist()}
    assert all(len(energy) > 50 for energy in energies)
    # Two in a hundred thousand energies are equal by chance; of shared events all would be.
    assert len(energies[0] & energies[1]) < 0.05 * len(energies[1])


def test_how_many_events_make_up_the_pairs_is_told(tmp_path: Path):
    out = tmp_path / "pairs.h5"
    words = ("accidentals", "--days", 0.01, "--pairs", 400, "--out", out)
    told = json.loads(simulate(*words, "--json").output)
    _, events = read(out)
    for name, half in (("prompt", slice(0, None, 2)), ("delayed", slice(1, None, 2))):
        used = len(np.unique(events.vertex[half], axis=0))
        assert told[f"n_{name}_used"] == used <= told[f"n_{name}"]
    assert told["n_delayed_used"] < 400
    text = simulate(*words).output
    assert f"{told['n_prompt_used']} and {told['n_delayed_used']} are in pairs" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [("ibd", "--n", 40), ("accidentals", "--days", 0.01, "--pairs", 30)],
    ids=["ibd", "accidentals"],
)
def test_the_number_of_workers_changes_nothing(tmp_path: Path, words: tuple):
    files = []
    for workers in (1, 2):
        files.append(tmp_path / f"{workers}.h5")
        result = simulate(*words, "--workers", workers, "--threads", 1, "--out", files[-1])
        assert result.exit_code == 0, result.output
    assert files[0].read_bytes() == files[1].read_bytes()


def test_pairs_are_simulated_by_as_many_workers_as_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked = []

    def watched(recipe, simulation, workers=1, threads=1):
        asked.append((workers, threads))
        return events_of(recipe, simulation)

    monkeypatch.setattr(accidental_run, "events_of", watched)
    words = ("--days", 0.01, "--pairs", 5, "--workers", 2, "--threads", 3)
    result = simulate("accidentals", *words, "--out", tmp_path / "pairs.h5")
    assert result.exit_code == 0, result.output
    assert asked == [(2, 3)]


def test_single_events_are_a_run(tmp_path: Path):
    out = tmp_path / "singles.h5"
    result = simulate("accidentals", "--days", 0.002, "--out", out)
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"wrote {out}: run 0")
    assert read(out)[0].sample == "run without hits"
    assert (truth(out, "group") == -1).all()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("ibd",), "give --n, a number of antineutrinos, or --days of a run"),
        (("ibd", "--n", 3, "--singles", 1), "--singles need --days"),
        (("ibd", "--n", 3, "--hits"), "give either --tag with --db"),
        (("ibd", "--n", 3, "--flux", "sun"), "a flux names each of reactor, geo once"),
        (("ibd", "--n", 3, "--vertex", "fitted"), "without hits vertices are smeared"),
        (("accidentals",), "Missing option '--days'"),
        (("ibd", "--n", 5, "--days", 1e6), "100000 days at most, got 1e+06: ask for fewer"),
        (("ibd", "--days", 1e5, "--rate", 1e9), "antineutrinos at most, got 1e+14"),
        (("ibd", "--n", 10**12), "antineutrinos at most, got 1e+12"),
        (("accidentals", "--days", 1, "--times", 1e9), "single events at most, got 5.57409e+14"),
        (("accidentals", "--days", 1, "--distance", 0), "0.0 is not in the range x>0.0"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(tmp_path: Path, words: tuple, message: str):
    out = tmp_path / "none.h5"
    result = simulate(*words, "--out", out)
    assert result.exit_code != 0
    assert message in result.output
    assert not out.exists()
