"""What the commands that train have in common: options, and the time that a training takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kzcal.cli.interrupts import interrupts_awaited
from kzcal.cli.output import progress

if TYPE_CHECKING:
    from kzcal.cli.session import Session
    from kzcal.training.session import Hooks

OPTIONS = (
    click.option(
        "--out", type=click.Path(path_type=Path), required=True, help="Directory of the model."
    ),
    click.option(
        "--config", "settings", type=click.Path(path_type=Path), help="TOML file with settings."
    ),
    click.option("--detector", metavar="NAME|FILE.toml", help="Detector of all files."),
    click.option("--events", type=click.IntRange(1), help="About how many events take part."),
    click.option(
        "--minutes", type=click.FloatRange(0, min_open=True), help="Longest time of a training."
    ),
    click.option("--steps", type=click.IntRange(1), help="Most steps of a training."),
    click.option("--seed", type=click.IntRange(0), help="Decides every random number."),
    click.option(
        "--resume",
        is_flag=True,
        help="Go on with the training that OUT holds; one that has not begun begins.",
    ),
)


def training_options(command: Callable[..., None]) -> Callable[..., None]:
    """Where the model goes, settings, and what takes the place of the most usual of them."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@contextmanager
def training_session(session: Session, what: str, minutes: float, device: str) -> Iterator[Hooks]:
    """Connected to the other processes, with a progress bar and interrupts that wait for a step.

    Args:
        session: of the command.
        what: is trained, for the progress bar.
        minutes: longest time of all that is trained.
        device: where to calculate, as users name it.
    """
    from kzcal.calibrate.machine import choose_device
    from kzcal.training.distributed import connected, world
    from kzcal.training.session import Hooks

    with (
        connected(choose_device(device)) as here,
        interrupts_awaited() as interrupted,
        progress(
            f"training {what}", 60 * minutes, quiet=session.quiet or not world().first
        ) as advance,
    ):
        yield Hooks(here, interrupted, advance)
