"""What ``kzcal db`` prints for a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from kzcal.cli.output import table
from kzcal.conditions.diff import Diff
from kzcal.conditions.iov import IOV
from kzcal.conditions.quantities import RESPONSE
from kzcal.conditions.summary import ResponseSummary, summarise

if TYPE_CHECKING:
    from kzcal.conditions.check import CheckReport
    from kzcal.conditions.database import Database
    from kzcal.conditions.ledger import Revision, Tag

ROWS = 40
"""Rows of a list before it is cut; JSON is never cut."""


@dataclass(frozen=True, slots=True)
class RunData:
    """What a tag says of one run.

    Args:
        tag: the tag.
        run: the run.
        iovs: that cover the run, one per kind.
        lineages: by kind, the lineage's hash.
        response: the constants in a few numbers, if the run has them.
    """

    tag: str
    run: int
    iovs: tuple[IOV, ...]
    lineages: Mapping[str, str]
    response: ResponseSummary | None


def run_data(db: Database, tag: str, run: int, revision: int | None) -> RunData:
    """Look up every kind that covers a run.

    Raises:
        DatabaseError: the run has no "pmt-response" nor any other kind.
    """
    covering = tuple(iov for iov in db.iovs(tag, revision=revision) if run in iov.runs)
    if not covering:
        covering = (db.find(tag, RESPONSE, run, revision),)
    payloads = {iov.kind: db.payload(iov.payload) for iov in covering}
    lineages = {kind: payload.lineage.digest() for kind, payload in payloads.items()}
    response = summarise(payloads[RESPONSE]) if RESPONSE in payloads else None
    return RunData(tag, run, covering, lineages, response)


def tags(found: Sequence[Tag]) -> str:
    """One line per tag."""
    rows = [(tag.name, tag.state, tag.revision, tag.description) for tag in found]
    return table(("tag", "state", "revision", "description"), rows)


def iovs(head: Tag, found: Sequence[IOV], revision: int | None) -> str:
    """The IOVs of a tag."""
    shown = head.revision if revision is None else revision
    title = f"tag {head.name} ({head.state}) at revision {shown}: {len(found)} IOVs"
    rows = [(iov.kind, iov.runs, iov.revision, iov.payload[:12]) for iov in found]
    return "\n".join([title, *_cut(("kind", "runs", "since revision", "payload"), rows)])


def run(shown: RunData) -> str:
    """The constants of a run in a few numbers."""
    lines = [f"tag {shown.tag}, run {shown.run}"]
    for iov in shown.iovs:
        lineage = shown.lineages[iov.kind][:12]
        lines.append(
            f"{iov.kind}: {iov.runs}, since revision {iov.revision}, "
            f"payload {iov.payload[:12]}, lineage {lineage}"
        )
    if shown.response is None:
        return "\n".join(lines)
    lines.append(constants(shown.response))
    parameters = [
        (name, unit, f"{value:.5g}", f"{error:.3g}")
        for name, (value, error, unit) in shown.response.globals.items()
    ]
    if parameters:
        lines.append(table(("global parameter", "unit", "value", "error"), parameters))
    return "\n".join(lines)


def constants(response: ResponseSummary) -> str:
    """Numbers of PMTs by status, and every constant over the good ones."""
    counts = ", ".join(f"{count} {status}" for status, count in response.statuses.items())
    rows = [
        (q.name, q.unit, f"{q.median:.5g}", f"{q.spread:.3g}", f"{q.error:.3g}")
        for q in response.quantities
    ]
    header = ("constant", "unit", "median", "spread", "error")
    line = f"{response.n_pmt} PMTs, {response.n_bad} not good: {counts}"
    return f"{line}\n{table(header, rows)}"


def log(revisions: Iterable[Revision]) -> str:
    """One line per revision, and one for each IOV that it added or retired."""
    lines = []
    for revision in revisions:
        lines.append(
            f"{revision.tag}@{revision.number}  {revision.time[:19]}Z  {revision.action} "
            f"({revision.state})  {revision.message}"
        )
        for sign, changed in (("-", revision.change.removed), ("+", revision.change.added)):
            lines += [f"    {sign} {iov.kind}: {iov.runs}  {iov.payload[:12]}" for iov in changed]
    return "\n".join(lines)


def diff(found: Diff) -> str:
    """Runs, constants and statuses that differ."""
    if not found.iovs:
        return f"{found.left} and {found.right} say the same of every run"
    header = ("kind", "runs", str(found.left), str(found.right))
    rows = [(d.kind, d.runs, _short(d.left), _short(d.right)) for d in found.iovs]
    lines = _cut(header, rows)
    if found.quantities:
        changes = [
            (
                change.quantity,
                change.unit,
                change.runs,
                "" if change.index is None else change.index,
                f"{change.left:.5g}",
                f"{change.right:.5g}",
                f"{change.significance:+.1f}",
                change.changed,
            )
            for change in found.quantities
        ]
        names = ("largest change", "unit", "runs", "PMT", "left", "right", "sigma", "changed")
        lines += ["", table(names, changes)]
    if found.statuses:
        changed = [(s.pmt, s.runs, s.left, s.right) for s in found.statuses]
        lines += ["", *_cut(("PMT", "runs", "status left", "status right"), changed)]
    return "\n".join(lines)


def check(report: CheckReport) -> str:
    """The state of each tag, then what was found."""
    lines = [
        f"tag {tag.name} is {tag.state} at revision {tag.revision}, history {tag.digest[:12]}"
        for tag in report.tags
    ]
    lines.append(f"{report.iovs} IOVs in force, {report.payloads} payloads verified")
    lines += [f"gap: {gap.runs} of {gap.kind} in tag {gap.tag}" for gap in report.gaps]
    lines += [f"note: {note}" for note in report.notes]
    lines += [f"problem: {problem}" for problem in report.problems]
    lines.append("the database is sound" if report.ok else "the database is damaged")
    return "\n".join(lines)


def _short(digest: str | None) -> str:
    return "none" if digest is None else digest[:12]


def _cut(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """A table of at most ROWS rows, and how many more there are."""
    lines = [table(header, islice(rows, ROWS))]
    if len(rows) > ROWS:
        lines.append(f"... and {len(rows) - ROWS} more; --json lists all")
    return lines
