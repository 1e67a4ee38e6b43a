"""``kzcal throw``: replicas of the detector, for systematic errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kzcal.cli.db import database_option, revision_option, tag_option
from kzcal.cli.output import emit, json_option, progress, table
from kzcal.cli.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kzcal.conditions.payload import Payload
    from kzcal.conditions.throwing import Thrown


@click.command()
@database_option
@tag_option
@click.option("--run", type=click.IntRange(0), required=True, help="The run.")
@revision_option
@click.option(
    "--n",
    "number",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Number of replicas.",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the set.")
@click.option(
    "--out",
    metavar="PATH|URL",
    required=True,
    help="Database for the replicas; a file that is not there is made.",
)
@click.option("--tag-out", "prefix", help="What their tags begin with.  [default: TAG-replica]")
@json_option
@pass_session
def throw(
    session: Session,
    location: str | None,
    tag: str,
    run: int,
    revision: int | None,
    number: int,
    seed: int,
    out: str,
    prefix: str | None,
    as_json: bool,
) -> None:
    r"""Draw correlated replicas of the detector from what a calibration knows of it.

    Every replica is a detector as it might be: the constants of every PMT are moved by their
    errors, the global parameters by their covariance, and constants that depend on a global
    parameter move along. Each lies under a tag of its own, TAG-replica-000 and so on, for the
    runs that the calibration of --run holds for; a command that takes --db and --tag takes one:

    \b
        kzcal throw --db kz.db --tag prompt-2026 --run 15001 --n 100 --out replicas.db
        kzcal simulate bi214 --n 1000 --run 15001 --db replicas.db \\
            --tag prompt-2026-replica-017 --out bi214.h5

    Replica k depends on --seed and k alone: more of them can be had later, and an interrupted
    command goes on where it was. docs/systematics.md tells what is drawn, and how.
    """
    from kzcal.conditions.database import Database
    from kzcal.conditions.engine import resolve
    from kzcal.conditions.throwing import calibrated, opened
    from kzcal.conditions.throwing import throw as store_replicas

    with Database.open(resolve(location)) as db:
        payloads, runs = calibrated(db, tag, run, revision)
    name = prefix or f"{tag}-replica"
    with (
        opened(out) as database,
        progress("drawing replicas", number, quiet=session.quiet) as advance,
    ):
        thrown = store_replicas(payloads, database, name, runs, number, seed=seed, advance=advance)
    emit(thrown, as_json, text(thrown, payloads))


def text(thrown: Thrown, payloads: Sequence[Payload]) -> str:
    """Where the replicas are, and by how much each parameter scatters."""
    blocks = [payload.globals for payload in payloads if payload.globals is not None]
    rows = [
        (name, f"{value:.4g}", f"{error:.2g}", "" if unit == "1" else unit)
        for block in blocks
        for name, value, error, unit in zip(
            block.names, block.values, block.errors, block.units, strict=True
        )
    ]
    kept = len(thrown.tags) - thrown.stored
    lines = [
        f"{len(thrown.tags)} replicas of {', '.join(thrown.kinds)} for {thrown.runs} in "
        f"{thrown.database}, tags {thrown.tags[0]} to {thrown.tags[-1]}"
        + (f"; {kept} of them were there already" if kept else "")
    ]
    if rows:
        lines.append(table(("global parameter", "value", "error", "unit"), rows))
    return "\n".join(lines)
