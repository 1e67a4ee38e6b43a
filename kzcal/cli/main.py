"""The ``kzcal`` command: options common to all commands, and the commands by name."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import click

from kzcal import __version__
from kzcal.builtin import kzcal_commands
from kzcal.cli.session import Session
from kzcal.errors import KzcalError, PluginError

COMMANDS = {command.name: command for command in kzcal_commands()}
LOG_LEVELS = ("debug", "info", "warning", "error")


class Failure(click.ClickException):
    """A KzcalError on its way to the user: one sentence on stderr, exit code 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the sentence."""
        click.echo(f"error: {self.format_message()}", file=file or sys.stderr)


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, plugins' ones included."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the built-in commands, then of those that plugins add."""
        return [*sorted(COMMANDS), *sorted(self._added(ctx))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None; built-in ones need no plugin to be loaded."""
        if cmd_name in COMMANDS:
            return COMMANDS[cmd_name].build()
        try:
            added = ctx.ensure_object(Session).plugins().commands
        except PluginError as error:
            raise Failure(str(error)) from error
        return added[cmd_name].build() if cmd_name in added else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the section of the help that lists the commands, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].summary) for name in sorted(COMMANDS)])
        added = self._added(ctx)
        if added:
            with formatter.section("Commands from plugins"):
                formatter.write_dl(sorted(added.items()))

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """The help option, after those that say which plugins the help should list."""
        option = super().get_help_option(ctx)
        if isinstance(option, click.Option):
            option.is_eager = False
        return option

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  as click declares it
        """Run the command; what the user can mend ends as one sentence and exit code 1."""
        try:
            return super().invoke(ctx)
        except KzcalError as error:
            raise Failure(str(error)) from error

    def _added(self, ctx: click.Context) -> dict[str, str]:
        """Summaries of plugins' commands; a broken plugin must not take the help away."""
        try:
            commands = ctx.ensure_object(Session).plugins().commands
        except PluginError as error:
            click.echo(f"warning: commands of plugins are not listed: {error}", err=True)
            return {}
        return {n: command.summary for n, command in commands.items() if n not in COMMANDS}


def _remember_plugins(
    ctx: click.Context, _parameter: click.Parameter, files: tuple[Path, ...]
) -> None:
    """Keep ``--plugin`` before any command is looked up, since it may add commands."""
    ctx.obj = replace(ctx.ensure_object(Session), plugin_files=files)


@click.command(cls=LazyGroup)
@click.option(
    "--plugin",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    is_eager=True,
    expose_value=False,
    envvar="KZCAL_PLUGINS",
    show_envvar=True,
    callback=_remember_plugins,
    help="Python file with a plugin, beside the installed ones; may be repeated.",
)
@click.option("--quiet", is_flag=True, help="Show no progress bar.")
@click.option(
    "--log-level",
    type=click.Choice(LOG_LEVELS),
    default="warning",
    show_default=True,
    help="How much to log to stderr.",
)
@click.version_option(__version__, prog_name="kzcal")
@click.pass_context
def main(ctx: click.Context, quiet: bool, log_level: str) -> None:
    """Calibrate and simulate the KamLAND-Zen detector, PMT by PMT, period by period."""
    logging.basicConfig(
        level=log_level.upper(), stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    ctx.obj = replace(ctx.ensure_object(Session), quiet=quiet)
