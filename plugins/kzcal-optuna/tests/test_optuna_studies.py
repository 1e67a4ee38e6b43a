"""Studies that are kept: killed, resumed, refused, looked at; in journals and in PostgreSQL."""

import json
import multiprocessing
import os
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest
from kzcal_optuna import CMAES, GRADIENT, TPE
from kzcal_optuna.storage import opened
from kzcal_optuna.study import RETRY_OF, Space, take_up
from optuna.trial import TrialState
from optuna_objectives import TWO, TWO_PARAMETERS, Deadly, Slow, Valley
from patience import PATIENCE_S, wait_until
from sqlalchemy import create_engine, make_url, text

from kzcal.errors import CalibrationError, ConfigurationError, DatabaseError, FileFormatError
from kzcal.parts import Effort

SERVER = "KZCAL_TEST_POSTGRESQL"
SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture(params=["journal", pytest.param("server", marks=pytest.mark.postgresql)])
def storage(request, tmp_path: Path):
    """An empty storage of each kind."""
    if request.param == "journal":
        yield f"journal:{tmp_path / 'fit.log'}"
        return
    if not (url := os.environ.get(SERVER)):
        pytest.skip(f"needs ${SERVER}")
    url = make_url(url).set(drivername="postgresql+psycopg")
    name = f"optuna_{os.getpid()}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        there = url.set(database=name, drivername="postgresql")
        yield there.render_as_string(hide_password=False)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def fit(objective, storage, trials=24, component=CMAES, **effort):
    effort = Effort(trials, storage=storage, **effort)
    return component.build().minimise(objective, TWO_PARAMETERS, seed=1, effort=effort)


def trials_of(storage, name="kzcal"):
    with opened(Effort(storage=storage, study=name)) as kept:
        return optuna.load_study(study_name=name, storage=kept).get_trials()


def counted(trials):
    return [t for t in trials if t.state in (TrialState.COMPLETE, TrialState.PRUNED)]


def points(trials):
    return [tuple(t.params.values()) for t in counted(trials)]


def deadly(tmp_path: Path, at: int) -> Deadly:
    return Deadly(TWO.truth, TWO.covariance, calls=str(tmp_path / "calls"), deadly=at)


def end_of(process) -> int:
    process.join(PATIENCE_S)
    return process.exitcode


def test_a_fit_that_was_killed_goes_on_as_if_it_had_not_been(storage, tmp_path: Path):
    """No trial is lost or doubled, and the points are those of a fit without an interruption."""
    process = SPAWN.Process(target=fit, args=(deadly(tmp_path, 11), storage))
    process.start()
    assert end_of(process) == -signal.SIGKILL
    before = trials_of(storage)
    assert len(counted(before)) == 10
    assert [t.state for t in before].count(TrialState.RUNNING) == 1

    found = fit(TWO, storage, resume=True)
    after = trials_of(storage)
    states = Counter(t.state for t in after)
    assert len(counted(after)) == 24
    assert states[TrialState.FAIL] == 1
    assert states[TrialState.RUNNING] == states[TrialState.WAITING] == 0
    stale = next(t for t in after if t.state == TrialState.FAIL)
    retried = next(t for t in after if t.user_attrs.get(RETRY_OF) == stale.number)
    assert retried.params == stale.params

    whole = f"journal:{tmp_path / 'whole.log'}"
    undisturbed = fit(TWO, whole)
    assert points(after) == points(trials_of(whole))
    assert np.array_equal(found.values, undisturbed.values)


def test_a_killed_worker_ends_the_fit_and_nothing_is_lost(storage, tmp_path: Path):
    with pytest.raises(CalibrationError, match=r"one that was killed .* they are kept in"):
        fit(deadly(tmp_path, 9), storage, workers=2)
    before = trials_of(storage)
    running = [t for t in before if t.state == TrialState.RUNNING]
    assert 1 <= len(running) <= 2

    fit(TWO, storage, resume=True)
    after = trials_of(storage)
    assert len(counted(after)) == 24
    assert len(set(points(after))) == 24
    assert {tuple(t.params.values()) for t in running} <= set(points(after))


def test_workers_end_with_a_fit_that_is_killed(tmp_path: Path):
    slow = Slow(TWO.truth, TWO.covariance, begun=str(tmp_path))
    storage = f"journal:{tmp_path / 'fit.log'}"
    process = SPAWN.Process(target=fit, args=(slow, storage), kwargs={"workers": 2})
    process.start()
    wait_until(lambda: len(pids_in(tmp_path)) >= 2, "two workers never began")
    pids = pids_in(tmp_path)
    process.kill()
    process.join()
    wait_until(lambda: not any(map(alive, pids)), "a worker lives on")
    found = fit(TWO, storage, resume=True, trials=6)
    after = trials_of(storage)
    assert len(counted(after)) == 6
    assert [t.state for t in after].count(TrialState.FAIL) == 2
    np.testing.assert_allclose(found.values, TWO.truth, rtol=1e-3)


def pids_in(directory: Path) -> list[int]:
    """The workers that have left their number there."""
    return [int(path.name) for path in directory.iterdir() if path.name.isdigit()]


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_two_workers_make_the_same_trials_each_time(tmp_path: Path):
    first, second = (f"journal:{tmp_path / name}" for name in ("a.log", "b.log"))
    for storage in (first, second):
        fit(TWO, storage, trials=12, workers=2)
    assert points(trials_of(first)) == points(trials_of(second))
    assert len(counted(trials_of(first))) == 12


def test_trials_that_are_kept_count(storage):
    fit(TWO, storage, trials=10)
    fit(TWO, storage, trials=24, resume=True)
    whole = points(trials_of(storage))
    assert len(whole) == len(set(whole)) == 24
    fit(TWO, storage, trials=20, resume=True)
    assert points(trials_of(storage)) == whole


def test_a_point_is_put_in_line_once_however_often_fits_are_killed():
    """Also when the one that takes it up is killed before it fails the trial left behind."""
    space = Space(TWO_PARAMETERS)
    study = optuna.create_study()
    left = study.ask(space.distributions())
    study.enqueue_trial(left.params, user_attrs={RETRY_OF: left.number})
    take_up(study, space)
    again = study.ask(space.distributions())
    assert again.params == left.params
    take_up(study, space)
    take_up(study, space)
    states = Counter(t.state for t in study.get_trials())
    assert states == {TrialState.FAIL: 2, TrialState.WAITING: 1}
    assert study.ask(space.distributions()).params == left.params


@pytest.mark.parametrize("component", [TPE, GRADIENT])
def test_others_resume_as_well(component, tmp_path: Path):
    parts, whole = (f"journal:{tmp_path / name}" for name in ("parts.log", "whole.log"))
    fit(TWO, parts, 3, component)
    fit(TWO, parts, 16, component, resume=True)
    fit(TWO, whole, 16, component)
    assert points(trials_of(parts)) == points(trials_of(whole))


@pytest.mark.slow
def test_a_noisy_fit_resumes_in_the_midst_of_its_design(tmp_path: Path):
    noisy = Valley(TWO.truth, TWO.covariance, noise=1.0)
    broken = Deadly(TWO.truth, TWO.covariance, 1.0, str(tmp_path / "calls"), 30)
    storage, whole = (f"journal:{tmp_path / name}" for name in ("fit.log", "whole.log"))
    process = SPAWN.Process(target=fit, args=(broken, storage, 40))
    process.start()
    assert end_of(process) == -signal.SIGKILL
    found = fit(noisy, storage, 40, resume=True)
    undisturbed = fit(noisy, whole, 40)
    np.testing.assert_allclose(found.values, undisturbed.values, rtol=1e-9)
    assert sorted(points(trials_of(storage))) == sorted(points(trials_of(whole)))


def test_a_study_that_exists_is_not_begun_again(storage):
    fit(TWO, storage, trials=2)
    with pytest.raises(ConfigurationError, match=r"got 'kzcal' in .*: resume it or choose"):
        fit(TWO, storage, trials=2)
    fit(TWO, storage, trials=2, study="another")


def test_a_study_of_another_objective_or_other_parameters_is_not_resumed(tmp_path: Path):
    storage = f"journal:{tmp_path / 'fit.log'}"
    fit(TWO, storage, trials=2)
    moved = replace(TWO, truth=(1.06, 17.0))
    with pytest.raises(ConfigurationError, match="resumed with the data and simulation"):
        fit(moved, storage, trials=4, resume=True)
    effort = Effort(4, storage=storage, resume=True)
    wider = (TWO_PARAMETERS[0], replace(TWO_PARAMETERS[1], upper=50.0))
    with pytest.raises(ConfigurationError, match=r"\(light_yield, absorption_length\): choose"):
        CMAES.build().minimise(TWO, wider, seed=1, effort=effort)


def test_a_start_may_differ_in_its_last_digits(tmp_path: Path):
    storage = f"journal:{tmp_path / 'fit.log'}"
    fit(TWO, storage, trials=2)
    moved = [replace(p, start=p.start * (1 + 1e-13)) for p in TWO_PARAMETERS]
    effort = Effort(4, storage=storage, resume=True)
    CMAES.build().minimise(TWO, moved, seed=1, effort=effort)
    assert len(counted(trials_of(storage))) == 4


def test_one_process_at_a_time_conducts_a_study(storage):
    with (
        opened(Effort(storage=storage, study="taken")),
        pytest.raises(ConfigurationError, match="another one at work on 'taken'"),
    ):
        fit(TWO, storage, trials=2, study="taken")
    fit(TWO, storage, trials=2, study="taken")


@pytest.mark.parametrize(
    ("storage", "words"),
    [
        ("sqlite:///fit.db", r'"journal:FILE" or postgresql://\.\.\., got'),
        ("fit.log", "got 'fit.log'"),
        ("journal:/no/such/directory/fit.log", "a directory that exists"),
    ],
)
def test_other_storages_are_refused_with_the_choices(storage, words):
    with pytest.raises(ConfigurationError, match=words):
        fit(TWO, storage, trials=2)


def test_memory_cannot_be_resumed():
    with pytest.raises(ConfigurationError, match="resumes from a storage, got none"):
        fit(TWO, "", trials=2, resume=True)


@pytest.mark.parametrize(
    "content", [b"\x89HDF\r\n\x1a\n not a journal", b"{}\n", b"[run]\nseed = 1"]
)
def test_a_file_that_is_no_journal_is_left_as_it_was(content, tmp_path: Path):
    path = tmp_path / "period.h5"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"a journal begins with .* got .*period\.h5"):
        fit(TWO, f"journal:{path}", trials=2)
    assert path.read_bytes() == content


def test_a_half_written_line_is_taken_off(tmp_path: Path):
    path = tmp_path / "fit.log"
    fit(TWO, f"journal:{path}", trials=5)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code":6,"worker_')
    fit(TWO, f"journal:{path}", trials=8, resume=True)
    assert path.read_bytes().startswith(whole)
    assert [json.loads(line)["op_code"] for line in path.read_text().splitlines()]
    assert len(counted(trials_of(f"journal:{path}"))) == 8


def test_a_server_that_is_not_there_is_one_sentence():
    with pytest.raises(DatabaseError, match=r"the database postgresql://nobody:.*refuses"):
        fit(TWO, "postgresql://nobody:secret@127.0.0.1:1/none", trials=2)


def test_parameters_are_told_where_people_look_at_the_study(storage):
    fit(TWO, storage, trials=2)
    with opened(Effort(storage=storage)) as kept:
        told = optuna.load_study(study_name="kzcal", storage=kept).user_attrs
    assert told["light_yield"] == (
        "Photons over nominal. From 0.5 to 2 1, known to be 1 ± 0.3. Source: A paper"
    )
    assert told["parameters"][1]["unit"] == "m"
    assert told["parameters"][0]["prior"] == [1.0, 0.3]
