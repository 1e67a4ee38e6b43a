"""The commands of kzcal itself, imported when they are called."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from functools import partial

import click

from kzcal.components import Command
from kzcal.hookspecs import hookimpl


def _load(name: str) -> click.Command:
    """Import the command of that name from the module of that name."""
    command: click.Command = getattr(importlib.import_module(f"kzcal.cli.{name}"), name)
    return command


SUMMARIES: Mapping[str, str] = {
    "calibrate": "Calibrate every PMT of a run and store the result.",
    "db": "Keep calibrations by global tag and run range.",
    "demo": "Calibrate a small simulated period, from hits to report.",
    "events": "Look into event files and convert ntuples.",
    "plugins": "List what plugins offer, or start a new plugin.",
    "report": "Rebuild a report from the database alone.",
}
COMMANDS: Mapping[str, Command] = {
    name: Command(name, summary, build=partial(_load, name), provider="kzcal")
    for name, summary in SUMMARIES.items()
}


@hookimpl
def kzcal_commands() -> Iterable[Command]:
    """The built-in commands."""
    return COMMANDS.values()
