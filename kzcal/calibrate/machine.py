"""What the machine offers: a device to calculate on, cores, and the memory that was needed."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

import torch

from kzcal.errors import ConfigurationError

DEVICES = ("auto", "cpu", "cuda")
THREADS = "OMP_NUM_THREADS"
QUOTA, STATUS = Path("/sys/fs/cgroup/cpu.max"), Path("/proc/self/status")


def choose_device(name: str) -> torch.device:
    """The device of that name; "auto" is the GPU if PyTorch can use one, else the CPU.

    Raises:
        ConfigurationError: there is no such device.
    """
    if name not in DEVICES:
        message = f"a device is one of {', '.join(DEVICES)}, got {name!r}"
        raise ConfigurationError(message)
    usable = torch.cuda.is_available()
    if name == "cuda" and not usable:
        message = (
            f"the device cuda needs a GPU and a PyTorch built for it, got PyTorch "
            f"{torch.__version__} that finds none: choose cpu or auto"
        )
        raise ConfigurationError(message)
    return torch.device("cuda" if usable and name != "cpu" else "cpu")


def use_threads(number: int | None) -> int:
    """Let PyTorch use so many threads; returns the number.

    Args:
        number: None for $OMP_NUM_THREADS where it is set, else for all cores of this process.
    """
    if number is None and os.environ.get(THREADS):
        return torch.get_num_threads()
    chosen = number or usable_cores()
    torch.set_num_threads(chosen)
    return chosen


def usable_cores() -> int:
    """Cores that this process may run on, at most what its container is granted."""
    if sys.platform != "linux":
        return os.cpu_count() or 1
    cores = len(os.sched_getaffinity(0))
    granted, _, period = _quota().partition(" ")
    if not granted.isdecimal():
        return cores
    return max(1, min(cores, round(int(granted) / int(period))))


def peak_memory() -> float:
    """Most memory that this process has held so far, MiB.

    Linux counts what the process that started this one held into its resource usage, so that the
    kernel's own record is read there.
    """
    if STATUS.is_file():
        (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def _quota() -> str:
    """Processor time granted and the period it is granted for, μs; "max" for no limit."""
    return QUOTA.read_text().strip() if QUOTA.is_file() else "max"
