"""A tag of runs made up from one truth, with changes planted in some of them."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from kzcal.conditions.database import Database
from kzcal.conditions.iov import IOV, RunRange
from kzcal.conditions.payload import Column, Payload
from kzcal.conditions.writing import Placement
from kzcal.geometry import load_detector
from kzcal.monitor.config import MonitorConfig
from kzcal.monitor.series import record_of
from kzcal.monitor.watch import divided_record, watch
from kzcal.testing.payloads import example_calibration

N_RUNS, CHANGE, FIRST_RUN = 10, 5, 15001
GAIN, EFFICIENCY, DIED, FLASHED, BACK = (3, 1500), (250, 900), (42, 77), (1000, 1201), 600
GROUP = range(320, 368)


@dataclass(frozen=True, slots=True)
class Runs:
    """An open database with a tag of calibrations."""

    db: Database
    tag: str


def planted(payload: Payload, run: int) -> Payload:
    """Changes from run CHANGE on: gains, efficiencies, offsets of a group, dead and hot PMTs."""
    columns = dict(payload.columns)

    def change(name, pmts, factor=1.0, shift=0.0):
        column = columns[name]
        values, errors = column.values.copy(), column.errors.copy()
        values[list(pmts)] = factor * values[list(pmts)] + shift
        errors[list(pmts)] *= factor
        columns[name] = replace(column, values=values, errors=errors)

    def dead(pmts):
        status = columns["status"].values.copy()
        status[list(pmts)] = "dead"
        columns["status"] = replace(columns["status"], values=status)
        for name in ("qe", "gain", "spe_width", "time_offset", "tts", "dark_rate"):
            column = columns[name]
            values, errors = column.values.copy(), column.errors.copy()
            values[list(pmts)], errors[list(pmts)] = np.nan, np.nan
            columns[name] = Column(values, column.unit, column.doc, errors)

    if run < CHANGE:
        dead([BACK])
        return replace(payload, columns=columns)
    change("gain", GAIN, factor=1.2)
    change("qe", EFFICIENCY, factor=0.8)
    change("time_offset", GROUP, shift=0.6)
    change("dark_rate", FLASHED, factor=5.0)
    dead(DIED)
    return replace(payload, columns=columns)


def payloads(detector, n_runs, alter=lambda payload, run: payload):
    """Calibrations of runs from FIRST_RUN on."""
    numbers = range(n_runs)
    made = (example_calibration(detector, seed=r + 1, run=FIRST_RUN + r) for r in numbers)
    return [alter(payload, run) for run, payload in zip(numbers, made, strict=True)]


def iovs(n_runs):
    return tuple(
        IOV("pmt-response", RunRange(FIRST_RUN + r, FIRST_RUN + r), f"{r:064x}")
        for r in range(n_runs)
    )


@pytest.fixture(scope="session")
def detector():
    return load_detector()


@pytest.fixture(scope="session")
def changed_runs(tmp_path_factory, detector):
    """A database with the changed runs under the tag "prompt"."""
    db = Database.init(tmp_path_factory.mktemp("changed") / "kz.db")
    placements = [
        Placement(iov.runs, payload)
        for iov, payload in zip(iovs(N_RUNS), payloads(detector, N_RUNS, planted), strict=True)
    ]
    db.store_all("prompt", placements, "runs of a test", description="runs of a test")
    yield Runs(db, "prompt")
    db.close()


@pytest.fixture(scope="session")
def changed(changed_runs, detector):
    return watch(changed_runs.db, changed_runs.tag, detector, MonitorConfig())


@pytest.fixture(scope="session")
def quiet(detector):
    made = payloads(detector, N_RUNS)
    record = record_of("prompt", 1, iovs(N_RUNS), made, [None] * N_RUNS)
    return divided_record(record, detector, MonitorConfig(), torch.device("cpu"))
