"""``kzcal plugins``: what plugins offer, and a new plugin to start from."""

from __future__ import annotations

from pathlib import Path

import click

from kzcal.cli.output import emit, json_option, table
from kzcal.cli.scaffold import CHOICES, write_plugin
from kzcal.cli.session import Session, pass_session


@click.group(invoke_without_command=True)
@json_option
@pass_session
@click.pass_context
def plugins(ctx: click.Context, session: Session, as_json: bool) -> None:
    """List what plugins offer, or start a new plugin.

    Without a subcommand: every part by kind, with the distribution or file that offers it.
    """
    if ctx.invoked_subcommand is not None:
        return
    found = session.plugins()
    rows = {
        kind: [
            {"name": part.name, "summary": part.summary, "provider": part.provider}
            | {"version": found.versions[part.provider]}
            for part in choices.values()
        ]
        for kind, choices in found.by_kind().items()
    }
    lines = [
        [kind.replace("_", " "), part["name"], part["provider"], part["version"], part["summary"]]
        for kind, parts in rows.items()
        for part in parts
    ]
    emit(rows, as_json, table(["kind", "name", "from", "version", "summary"], lines))


@plugins.command()
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(list(CHOICES)),
    default="sample",
    show_default=True,
    help="What the plugin offers.",
)
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("plugins"),
    show_default=True,
    help="Where kzcal-NAME is written.",
)
@json_option
@pass_session
def new(session: Session, name: str, kind: str, directory: Path, as_json: bool) -> None:
    """Write a distribution kzcal-NAME whose tests pass at once."""
    root = write_plugin(name, kind, directory, session.plugins())
    text = f"wrote {root}: install it with `pip install -e {root}`, test it with `pytest {root}`"
    emit({"path": root, "name": name, "kind": kind}, as_json, text)
