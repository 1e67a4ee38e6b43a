"""Databases on both engines, payloads that are quick to write, and writers to kill."""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from patience import PATIENCE_S
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from kzcal.conditions.database import Database
from kzcal.conditions.payload import Column, Lineage, Payload

SERVER = "KZCAL_TEST_POSTGRESQL"
WRITER = Path(__file__).with_name("writer.py")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def location(request, tmp_path):
    """Where a database may be made: a fresh path, or a fresh schema of the test server."""
    if request.param == "sqlite":
        yield str(tmp_path / "kz.db")
        return
    server = os.environ.get(SERVER)
    if not server:
        pytest.skip(f"{SERVER} names no PostgreSQL server")
    schema = f"kzcal_{secrets.token_hex(6)}"
    engine = create_engine(make_url(server).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    url = make_url(server).update_query_dict({"options": f"-csearch_path={schema}"})
    yield url.render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture
def db(location):
    """An open database that holds the baseline and the open tag "work"."""
    with Database.init(location) as made:
        made.create_tag("work", "for the tests")
        yield made


@pytest.fixture
def sqlite_db(tmp_path):
    """The same on SQLite alone, for what concerns files."""
    with Database.init(tmp_path / "kz.db") as made:
        made.create_tag("work", "for the tests")
        yield made


@pytest.fixture(scope="session")
def note():
    """Make a payload of a kind that holds one number, to tell payloads apart."""

    def make(number: float, kind: str = "note", size: int = 1) -> Payload:
        column = Column(np.full(size, float(number)), "1", "tells payloads apart")
        return Payload(kind, {"number": column}, None, Lineage(seed=int(number)))

    return make


class Forge:
    """A process that has imported kzcal and forks a writer at every request."""

    def __init__(self) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        self._process = subprocess.Popen(
            [sys.executable, str(WRITER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def spawn(self, **job: object) -> int:
        """Start a writer; see writer.py for the jobs. Returns its process number."""
        return int(self._ask({"do": "spawn", "job": job}))

    def wait(self, pid: int) -> int:
        """Wait for a writer's end; its exit code, or minus the signal that ended it."""
        return int(self._ask({"do": "wait", "pid": pid}))

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait(timeout=PATIENCE_S)
        self._process.stdout.close()

    def _ask(self, request: dict) -> str:
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


@pytest.fixture(scope="session")
def forge():
    """The process that forks writers."""
    started = Forge()
    yield started
    started.close()
