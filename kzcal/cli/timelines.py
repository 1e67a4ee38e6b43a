"""Timelines that ``kzcal simulate`` makes by commands of their own, called by its first word."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from operator import attrgetter
from types import MappingProxyType
from typing import Any

import click

TIMELINES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "showers": (
            "Simulate muons, their showers and captures, and decays with or without them.",
            "kzcal.cli.simulate_showers",
        ),
        "ibd": (
            "Simulate antineutrinos: positrons, and the captures of their neutrons.",
            "kzcal.cli.simulate_ibd",
        ),
        "accidentals": (
            "Simulate single events of a run, which pair by accident alone.",
            "kzcal.cli.simulate_ibd",
        ),
    }
)
"""Summary and module of each command, which is imported when it is called."""


class WithTimelines(click.Command):
    """A command that hands over to another where its first word names a timeline."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401  as click declares it
    ) -> click.Context:
        """The context of this command, or of the one that the first word names."""
        if not args or args[0] not in TIMELINES:
            return super().make_context(info_name, args, parent, **extra)
        word, *rest = args
        command: click.Command = attrgetter(word)(importlib.import_module(TIMELINES[word][1]))
        return command.make_context(f"{info_name} {word}", rest, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  as click declares it
        """Run the command whose context this is."""
        return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the section of the help that names the timelines, importing none of them."""
        super().format_epilog(ctx, formatter)
        with formatter.section("Timelines, each a command with a --help of its own"):
            formatter.write_dl([(name, summary) for name, (summary, _) in TIMELINES.items()])
