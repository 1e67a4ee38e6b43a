"""``kzcal db``: the detector database from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from kzcal.cli.output import emit, json_option

if TYPE_CHECKING:
    from kzcal.conditions.database import Database

database_option = click.option(
    "--db",
    "location",
    metavar="PATH|URL",
    help="The database: a path (SQLite) or postgresql://USER@HOST:PORT/NAME; else $KZCAL_DB.",
)
tag_option = click.option("--tag", required=True, help="Name of the tag.")
revision_option = click.option(
    "--revision", type=click.IntRange(1), help="As this revision left the tag; else the newest."
)
message_option = click.option("--message", "-m", help="Why, for the log.")
overlap_option = click.option(
    "--on-overlap",
    type=click.Choice(["refuse", "split"]),
    default="refuse",
    show_default=True,
    help="Older IOVs that share runs: refuse, or let them hold for their other runs only.",
)
last_run_option = click.option(
    "--last-run", type=click.IntRange(0), help="Last run it holds for; else FILE's run."
)
onwards_option = click.option("--onwards", is_flag=True, help="Hold for every later run too.")


@click.group()
def db() -> None:
    """Keep, look at and exchange the constants of every PMT by tag and run.

    The database is named by --db, else by $KZCAL_DB. A tag takes constants while it is open,
    only for runs that it does not cover yet once it is locked, and none once it is frozen.
    Nothing is ever overwritten: every change is a new revision of its tag.
    """


@db.command()
@database_option
@click.option(
    "--baseline",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Directory of the baseline text, instead of the reviewed detector_db/.",
)
@json_option
def init(location: str | None, baseline: Path | None, as_json: bool) -> None:
    """Make a database and store the reviewed baseline in it.

    With a path, that is a SQLite file with the payload files beside it in PATH.payloads/; with a
    URL, tables in the database that it names. A database that is there is left alone.
    """
    from kzcal.conditions.database import Database
    from kzcal.conditions.engine import resolve

    with Database.init(resolve(location), baseline) as made:
        tags = made.tags()
        names = ", ".join(f"{tag.name} ({tag.state})" for tag in tags)
        emit({"database": made.name, "tags": tags}, as_json, f"made {made.name}: tags {names}")


@db.command()
@database_option
@click.option("--tag", help="Name of the tag; without it, all tags are listed.")
@click.option("--run", type=click.IntRange(0), help="Summarise the constants of this run.")
@revision_option
@json_option
def show(
    location: str | None, tag: str | None, run: int | None, revision: int | None, as_json: bool
) -> None:
    """Show the tags, the IOVs of a tag, or a run's constants in a few numbers.

    The numbers of a run are, for every constant, its median over the good PMTs, half the width
    that holds 68 % of them, and the median of the errors; and how many PMTs are not good.
    """
    from kzcal.cli import db_text

    if tag is None and (run is not None or revision is not None):
        message = "--run and --revision need --tag"
        raise click.UsageError(message)
    with _open(location) as opened:
        if tag is None:
            tags = opened.tags()
            emit({"database": opened.name, "tags": tags}, as_json, db_text.tags(tags))
        elif run is None:
            head, iovs = opened.tag(tag), opened.iovs(tag, revision=revision)
            text = db_text.iovs(head, iovs, revision)
            emit({"tag": head, "iovs": iovs}, as_json, text)
        else:
            shown = db_text.run_data(opened, tag, run, revision)
            emit(shown, as_json, db_text.run(shown))


@db.command()
@database_option
@click.option("--tag", help="Name of the tag; without it, the log of every tag.")
@json_option
def log(location: str | None, tag: str | None, as_json: bool) -> None:
    """List the revisions of a tag, oldest first: what was done, when, why, to which IOVs."""
    from kzcal.cli import db_text

    with _open(location) as opened:
        names = [tag] if tag is not None else [found.name for found in opened.tags()]
        revisions = [revision for name in names for revision in opened.log(name)]
    emit({"revisions": revisions}, as_json, db_text.log(revisions))


@db.command()
@click.argument("left")
@click.argument("right")
@database_option
@json_option
def diff(left: str, right: str, location: str | None, as_json: bool) -> None:
    r"""Compare two tags, revisions or runs, each given as TAG[@REVISION][:RUN].

    Lists the runs whose constants differ, the most significant change of every constant, in
    standard deviations of both sides together, and the PMTs whose status changed.

    \b
    kzcal db diff prompt-2026:15001 prompt-2026:15002   two runs
    kzcal db diff prompt-2026@3 prompt-2026             since revision 3
    kzcal db diff baseline prompt-2026:15001            one run in two tags
    """
    from kzcal.cli import db_text
    from kzcal.conditions.diff import Side

    sides = Side.parse(left), Side.parse(right)
    with _open(location) as opened:
        found = opened.diff(*sides)
    emit(found, as_json, db_text.diff(found))


@db.command()
@database_option
@json_option
@click.pass_context
def check(ctx: click.Context, location: str | None, as_json: bool) -> None:
    """Verify every row and every payload byte; exit with 1 if anything is wrong.

    Says which state each tag is in (its newest revision and the hash of its history), lists
    problems, gaps (runs between two IOVs that none covers) and notes (harmless files, such as
    those of a process that was killed).
    """
    from kzcal.cli import db_text

    with _open(location) as opened:
        report = opened.check()
    emit({"ok": report.ok, "report": report}, as_json, db_text.check(report))
    if not report.ok:
        ctx.exit(1)


@db.group()
def tag() -> None:
    """Create, lock or freeze a tag; states go from open to locked to frozen, never back."""


@tag.command()
@click.argument("name")
@click.option("--description", default="", help="What the tag is for.")
@database_option
@json_option
def create(name: str, description: str, location: str | None, as_json: bool) -> None:
    """Create an open tag without IOVs."""
    with _open(location) as opened:
        made = opened.create_tag(name, description)
    emit(made, as_json, f"tag {name} is open, at revision {made.revision}")


@tag.command()
@click.argument("name")
@message_option
@database_option
@json_option
def lock(name: str, message: str | None, location: str | None, as_json: bool) -> None:
    """Lock a tag: from now on it only takes runs that it does not cover."""
    with _open(location) as opened:
        revision = opened.lock(name, message or "locked")
    _report(name, revision, as_json)


@tag.command()
@click.argument("name")
@message_option
@database_option
@json_option
def freeze(name: str, message: str | None, location: str | None, as_json: bool) -> None:
    """Freeze a tag: from now on it refuses every change."""
    with _open(location) as opened:
        revision = opened.freeze(name, message or "frozen")
    _report(name, revision, as_json)


@db.command()
@tag_option
@click.option(
    "--revision", type=click.IntRange(1), required=True, help="The revision to return to."
)
@message_option
@database_option
@json_option
def rollback(
    tag: str, revision: int, message: str | None, location: str | None, as_json: bool
) -> None:
    """Give an open tag the IOVs that an earlier revision left it with, as a new revision."""
    with _open(location) as opened:
        made = opened.rollback(tag, revision, message or f"back to revision {revision}")
    _report(tag, made, as_json)


@db.command(name="import")
@click.argument("table", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@tag_option
@click.option("--run", type=click.IntRange(0), required=True, help="First run it holds for.")
@click.option("--last-run", type=click.IntRange(0), help="Last run; else --run alone.")
@click.option("--onwards", is_flag=True, help="Hold for every later run too.")
@click.option(
    "--on-overlap",
    type=click.Choice(["refuse", "split"]),
    default="refuse",
    show_default=True,
    help="Older IOVs that share runs: refuse, or let them hold for their other runs only.",
)
@message_option
@database_option
@json_option
def import_table(
    table: Path,
    tag: str,
    run: int,
    last_run: int | None,
    onwards: bool,
    on_overlap: Literal["refuse", "split"],
    message: str | None,
    location: str | None,
    as_json: bool,
) -> None:
    """Store a calibration table (CSV, as `kzcal db export` writes it) under a tag and runs."""
    from kzcal.conditions.table import read_table

    if onwards and last_run is not None:
        reason = "give --last-run or --onwards, not both"
        raise click.UsageError(reason)
    last = None if onwards else run if last_run is None else last_run
    payload = read_table(table)
    why = message or f"imported {table.name}"
    with _open(location) as opened:
        revision = opened.store(tag, run, last, [payload], why, on_overlap)
    _report(tag, revision, as_json)


@db.command()
@tag_option
@click.option("--run", type=click.IntRange(0), required=True, help="The run.")
@revision_option
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="CSV file to write; an existing one is replaced.",
)
@database_option
@json_option
def export(
    tag: str, run: int, revision: int | None, out: Path, location: str | None, as_json: bool
) -> None:
    """Write a run's constants as a calibration table: CSV, one row per PMT.

    Every number reads back to the same bits; nan stands for what is not known.
    """
    from kzcal.conditions.quantities import RESPONSE
    from kzcal.conditions.table import write_table

    with _open(location) as opened:
        payload = opened.lookup(tag, RESPONSE, run, revision)
    write_table(payload, out)
    n_pmt = len(payload.columns["status"].values)
    emit({"table": out, "pmts": n_pmt}, as_json, f"wrote {n_pmt} PMTs to {out}")


def _open(location: str | None) -> Database:
    from kzcal.conditions.database import Database
    from kzcal.conditions.engine import resolve

    return Database.open(resolve(location))


def _report(tag: str, revision: int, as_json: bool) -> None:
    emit({"tag": tag, "revision": revision}, as_json, f"tag {tag} is at revision {revision}")
