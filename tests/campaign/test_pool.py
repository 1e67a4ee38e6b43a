"""Workers of Dask: what comes back from them, and what is said when they die."""

import os
import signal
import socket
import time
from pathlib import Path

import pytest
from distributed import LocalCluster
from made_up_runs import MadeUpRecipe, write_runs
from patience import wait_until

from kzcal.campaign.campaign import Campaign, Shelf
from kzcal.campaign.plan import plan
from kzcal.campaign.pool import local_pool, remote_pool
from kzcal.campaign.recipe import PmtRecipe, Settings
from kzcal.conditions.database import Database
from kzcal.conditions.quantities import RESPONSE
from kzcal.errors import ConfigurationError
from kzcal.geometry import load_detector
from kzcal.io.source import BUILT_IN


def settings_seen(_number: int) -> tuple[int, str | None]:
    """Who does a task, and with how many threads."""
    return os.getpid(), os.environ.get("NUMBA_NUM_THREADS")


@pytest.mark.slow
def test_a_worker_that_dies_costs_its_run_and_no_other(tmp_path: Path):
    """The run is tried on two workers, which are replaced."""
    files = write_runs(tmp_path / "runs", range(1, 6))
    recipe = MadeUpRecipe(deadly=frozenset({2}), mistaken=frozenset({4}))
    with Database.init(tmp_path / "kz.db") as db, local_pool(2, 3) as pool:
        assert pool.places == 2
        for key in range(2):
            pool.submit(key, settings_seen, key)
        seen = [pool.wait()[1].result for _ in range(2)]
        assert {threads for _, threads in seen} == {"3"}
        assert os.getpid() not in {pid for pid, _ in seen}
        todo = plan(files, db, "t", recipe.kinds, load_detector(), BUILT_IN)
        outcomes = Campaign(todo, recipe, pool, Shelf(db, "t", out=tmp_path / "out")).run()
        assert pool.busy == 0
        assert [o.status for o in outcomes] == ["stored", "failed", "stored", "failed", "stored"]
        assert outcomes[1].reason.startswith("the workers that tried it died")
        assert outcomes[3].reason == "a run needs light, got none in run 4"
        assert outcomes[4].report.read_text() == "t: 5 after 3"
        assert [iov.runs.first for iov in db.iovs("t", RESPONSE)] == [1, 3, 5]


def leave_a_note(notes: Path, name: str) -> str:
    """Say which process has done a task."""
    (notes / f"{os.getpid()}").touch()
    return name


@pytest.mark.slow
def test_a_result_that_dies_with_its_worker_is_made_again(tmp_path: Path):
    with local_pool(2, 1) as pool:
        pool.submit("key", leave_a_note, tmp_path, "done")
        wait_until(lambda: list(tmp_path.iterdir()), "no worker began")
        time.sleep(0.5)
        os.kill(int(next(tmp_path.iterdir()).name), signal.SIGKILL)
        time.sleep(0.5)
        key, settled = pool.wait()
        assert (key, settled.result, settled.error) == ("key", "done", None)
        assert len(list(tmp_path.iterdir())) == 2


def test_a_scheduler_is_found_by_its_address():
    with (
        LocalCluster(
            n_workers=1, processes=False, threads_per_worker=2, dashboard_address="localhost:0"
        ) as cluster,
        remote_pool(cluster.scheduler_address) as pool,
    ):
        assert pool.places == 2
        pool.submit("key", divmod, 7, 2)
        pool.submit("wrong", divmod, 7, 0)
        assert pool.busy == 2
        settled = dict(pool.wait() for _ in range(2))
        assert settled["key"].result == (3, 1)
        assert settled["key"].error is None
        assert isinstance(settled["wrong"].error, ZeroDivisionError)
        assert pool.busy == 0


@pytest.mark.parametrize("address", ["nonsense://x", "tcp://127.0.0.1:{}"])
def test_where_no_scheduler_is_a_sentence_says_so(address, monkeypatch):
    monkeypatch.setattr("kzcal.campaign.pool.PATIENCE_S", 0.5)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    with (
        pytest.raises(ConfigurationError, match="must be the address of a Dask scheduler, got"),
        remote_pool(address.format(free)),
    ):
        pass


def test_a_scheduler_without_workers_is_no_place_to_wait_at(monkeypatch):
    with LocalCluster(n_workers=0, processes=False, dashboard_address="localhost:0") as cluster:
        monkeypatch.setattr("kzcal.campaign.pool.PATIENCE_S", 0.5)
        with (
            pytest.raises(ConfigurationError, match="a scheduler needs workers"),
            remote_pool(cluster.scheduler_address),
        ):
            pass


def test_a_recipe_survives_the_way_to_a_worker():
    from distributed.protocol import deserialize, serialize

    recipe = PmtRecipe(settings=Settings(threads=2))
    assert deserialize(*serialize(recipe.calibrate)).__self__ == recipe
