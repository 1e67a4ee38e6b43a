"""Options that ``kzcal simulate ibd`` and ``kzcal simulate accidentals`` share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from kzcal.cli.db import database_option
from kzcal.cli.machine import device_option
from kzcal.cli.output import json_option

SMEARED = "smeared:0.12:0.35"
"""Source: 12 cm at 1 MeV, KamLAND (2015), arXiv:1503.02137."""

Command = Callable[..., None]

OPTIONS = (
    click.option(
        "--config",
        "recipe",
        type=click.Path(path_type=Path),
        help="TOML file with [[component]] tables of single events, instead of the known ones.",
    ),
    click.option("--run", type=click.IntRange(0), default=0, help="Run number.  [default: 0]"),
    click.option("--seed", type=click.IntRange(0), default=1, help="Decides the random numbers."),
    click.option("--out", type=click.Path(path_type=Path), required=True, help="The event file."),
    click.option("--detector", metavar="NAME|FILE.toml", default="kamland-zen-800"),
    click.option("--hits", is_flag=True, help="With hits, which takes a hundred times as long."),
    database_option,
    click.option("--tag", help="Tag whose constants of the run are taken for --hits."),
    click.option("--nominal", is_flag=True, help="Nominal constants for --hits."),
    click.option("--light", type=click.Choice(["map", "full"]), default="map", help="Of --hits."),
    click.option(
        "--vertex",
        metavar="fitted|smeared[:M:NS]",
        help=f"Vertices fitted to --hits, or smeared.  [default: {SMEARED}; with --hits fitted]",
    ),
    click.option(
        "--resolution",
        type=click.FloatRange(0.0, 1.0),
        default=0.065,
        show_default=True,
        help="Of smeared energies, at 1 MeV.",
    ),
    click.option(
        "--least-energy",
        "least_mev",
        type=click.FloatRange(0.0),
        default=0.5,
        show_default=True,
        help="Leave out single events below, MeV.",
    ),
    device_option,
    click.option("--threads", type=click.IntRange(1), help="Threads of each worker."),
    click.option(
        "--workers",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="Processes; their number changes nothing in the file.",
    ),
    json_option,
)


def shared_options(command: Command) -> Command:
    """Options of both commands."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command
