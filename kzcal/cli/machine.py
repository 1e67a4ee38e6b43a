"""Where a command calculates: device and threads."""

from __future__ import annotations

import os

import click

device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to calculate; auto takes a GPU that PyTorch can use, else the CPU.",
)
threads_option = click.option(
    "--threads",
    type=click.IntRange(1),
    help="Threads to calculate with; else $OMP_NUM_THREADS, or all usable cores.",
)


def settle_threads(number: int | None) -> None:
    """Let calculations use so many threads, all usable cores if None.

    Threads that wait for one another shall sleep: by default they keep their cores busy, and on
    a machine with other work a calibration takes five times as long. It must be said before
    PyTorch is imported.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from kzcal.calibrate.machine import use_threads

    use_threads(number)
