"""``kzcal monitor``: the constants of a tag over its runs, and what changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kzcal.cli.db import database_option, revision_option, tag_option
from kzcal.cli.machine import device_option
from kzcal.cli.output import emit, json_option, table

if TYPE_CHECKING:
    from kzcal.monitor.applying import Applied
    from kzcal.monitor.watch import Stability

LISTED = 30
"""Alarms printed, at most."""


@click.command()
@database_option
@tag_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Directory of the page, OUT/index.html; made where there is none.",
)
@click.option("--apply", "applied", is_flag=True, help="Store averages over the intervals found.")
@click.option("--into", metavar="TAG", help="Tag for the averages; else TAG-stable.")
@click.option(
    "--config", "settings", type=click.Path(path_type=Path), help="TOML file with settings."
)
@click.option("--detector", help="Name or .toml file of the detector; else the lineage's.")
@revision_option
@device_option
@json_option
def monitor(
    location: str | None,
    tag: str,
    out: Path,
    applied: bool,
    into: str | None,
    settings: Path | None,
    detector: str | None,
    revision: int | None,
    device: str,
    as_json: bool,
) -> None:
    """Watch the calibrations of a tag over their runs.

    Every constant of every PMT, and every parameter of the whole detector, is divided into
    segments of steady drift; where one ends is a change. Writes OUT/index.html, the page that a
    shifter keeps open: lights, alarms over time, a map of what changed, the worst series.

    Proposes intervals of validity that are cut where much changes. With --apply the averages of
    the runs in each go into a tag of their own in one transaction; the runs' own stay as they are.
    """
    if into is not None and not applied:
        reason = "--into needs --apply"
        raise click.UsageError(reason)
    from kzcal.calibrate.machine import choose_device
    from kzcal.cli.report import detector_of, made_directory
    from kzcal.conditions.database import Database
    from kzcal.conditions.engine import resolve
    from kzcal.geometry import load_detector
    from kzcal.monitor.applying import apply
    from kzcal.monitor.config import MonitorConfig
    from kzcal.monitor.page import write_page
    from kzcal.monitor.series import read_record
    from kzcal.monitor.watch import divided_record

    config = MonitorConfig() if settings is None else MonitorConfig.from_toml(settings)
    with Database.open(resolve(location)) as db:
        record = read_record(db, tag, revision)
        first = db.payload(record.iovs[0].payload)
        name = detector if detector is not None else detector_of(first, record.runs[0], tag)
        built = load_detector(name)
        found = divided_record(record, built, config, choose_device(device))
        stored = apply(db, found, built, into or f"{tag}-stable") if applied else None
    page = made_directory(out) / "index.html"
    write_page(page, found, built)
    emit(summary(found, page, stored), as_json, text(found, page, stored))


def summary(found: Stability, page: Path, stored: Applied | None) -> dict[str, Any]:
    """The result for a program; runs are run numbers."""
    runs = found.record.runs
    return {
        "page": page,
        "tag": found.record.tag,
        "revision": found.record.revision,
        "runs": runs,
        "alarms": [
            {
                "run": runs[a.run],
                "kind": a.kind,
                "severity": a.severity,
                "pmts": a.pmts,
                "constant": a.constant,
                "text": a.text,
                "strength": a.strength,
            }
            for a in found.alarms
        ],
        "intervals": [
            {
                "first_run": i.runs.first,
                "last_run": i.runs.last,
                "calibrations": i.last - i.first + 1,
                "reasons": i.reasons,
            }
            for i in found.intervals
        ],
        "applied": stored,
    }


def text(found: Stability, page: Path, stored: Applied | None) -> str:
    """The result for a person."""
    runs, alarms = found.record.runs, found.alarms
    grave = [a for a in alarms if a.severity != "note"]
    rows = [(runs[a.run], a.severity, a.kind, _pmts(a.pmts), a.text) for a in grave[-LISTED:]]
    lines = [f"{len(runs)} runs of {found.record.tag}, {runs[0]} to {runs[-1]}"]
    lines.append(f"{len(alarms)} alarms, {len(grave)} of them red or amber")
    if rows:
        lines.append(table(("run", "", "alarm", "PMTs", "what"), rows))
    lines.append(f"{len(found.intervals)} intervals of validity proposed:")
    lines += [f"  {i.runs}: {'; '.join(i.reasons) or 'the first run'}" for i in found.intervals]
    if stored is not None:
        verb = "stored" if stored.written else "held already"
        lines.append(f"{verb}: {stored.intervals} averages in {stored.tag} @{stored.revision}")
    return "\n".join([*lines, f"page: {page}"])


def _pmts(pmts: tuple[int, ...]) -> str:
    few = ", ".join(map(str, pmts[:4]))
    return few if len(pmts) <= 4 else f"{few} and {len(pmts) - 4} more"
