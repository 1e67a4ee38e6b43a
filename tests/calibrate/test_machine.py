"""Devices, cores and memory."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from kzcal.calibrate import machine
from kzcal.errors import ConfigurationError


def test_auto_takes_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch):
    for usable, expected in ((False, "cpu"), (True, "cuda")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda usable=usable: usable)
        assert machine.choose_device("auto").type == expected
        assert machine.choose_device("cpu").type == "cpu"


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigurationError, match="needs a GPU and a PyTorch built for it"):
        machine.choose_device("cuda")
    with pytest.raises(ConfigurationError, match="one of auto, cpu, cuda, got 'tpu'"):
        machine.choose_device("tpu")


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max 100000", 8), ("150000 100000", 2), ("10000 100000", 1), ("1600000 100000", 8)],
)
def test_a_container_may_grant_fewer_cores(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quota: str, cores: int
):
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _pid: set(range(8)))
    monkeypatch.setattr(machine, "QUOTA", tmp_path / "cpu.max")
    assert machine.usable_cores() == 8
    (tmp_path / "cpu.max").write_text(quota + "\n")
    assert machine.usable_cores() == cores


def test_threads_are_what_was_said_else_all_cores(monkeypatch: pytest.MonkeyPatch):
    told: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", told.append)
    monkeypatch.setattr(machine, "usable_cores", lambda: 6)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert machine.use_threads(4) == 4
    assert machine.use_threads(None) == torch.get_num_threads()
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert machine.use_threads(None) == 6
    assert told == [4, 6]


def test_peak_memory_follows_an_allocation():
    code = (
        "import numpy as np, kzcal.calibrate.machine as m; before = m.peak_memory(); "
        "block = np.ones(100 << 17); print(m.peak_memory() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 80 < float(done.stdout) < 120
