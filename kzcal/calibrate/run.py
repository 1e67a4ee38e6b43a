"""From a file of events to constants in the database and a report of them.

What would be refused in the end is refused at once: a run that the tag has already, a frozen tag,
an output that is no directory. Until the one transaction at the end nothing is written.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.measure import Measurement, measure, passes
from kzcal.calibrate.payloads import DIAGNOSTICS
from kzcal.calibrate.report import write_report
from kzcal.conditions.database import Database
from kzcal.conditions.iov import IOV, RunRange
from kzcal.conditions.payload import Payload
from kzcal.conditions.quantities import RESPONSE
from kzcal.conditions.writing import OnOverlap
from kzcal.errors import ConfigurationError, KzcalError
from kzcal.geometry import Detector, load_detector
from kzcal.io.source import open_events
from kzcal.plugins import Plugins

log = logging.getLogger(__name__)
PAGE = "index.html"
DESCRIPTION = "made by kzcal calibrate"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a calibration is stored.

    Args:
        tag: global tag; made, open, if there is none of that name.
        last_run: last run that it holds for; None for its own run.
        onwards: whether it holds for every later run.
        on_overlap: what to do with older IOVs that share runs: "refuse" or "split".
        message: why, for the log; "" for a sentence that names the file.
    """

    tag: str
    last_run: int | None = None
    onwards: bool = False
    on_overlap: OnOverlap = "refuse"
    message: str = ""

    def runs(self, run: int) -> RunRange:
        """The runs that a calibration of this run holds for.

        Raises:
            DatabaseError: the last run comes before the first.
        """
        last = run if self.last_run is None else self.last_run
        return RunRange(run, None if self.onwards else last)


@dataclass(frozen=True, slots=True, eq=False)
class StoredCalibration:
    """A calibration that the database holds.

    Args:
        runs: that it holds for; the first is its own.
        tag: where it is.
        tag_is_new: whether the tag was made for it.
        revision: of the tag.
        measurement: what was stored.
        previous: the calibration before it in the tag, if there is one.
        report: the page, if one was asked for.
    """

    runs: RunRange
    tag: str
    tag_is_new: bool
    revision: int
    measurement: Measurement
    previous: IOV | None
    report: Path | None


def calibrate_file(
    path: Path,
    db: Database,
    target: Target,
    config: CalibrationConfig,
    plugins: Plugins,
    *,
    device: torch.device,
    out: Path | None = None,
    advance: Callable[[float], None] = lambda _share: None,
) -> StoredCalibration:
    """Calibrate every PMT of a run, store the result and write its report.

    Args:
        path: events of one run, in any format that kzcal or a plugin reads.
        db: the open database.
        target: tag and runs.
        config: the settings.
        plugins: whose samples, estimators, formats and report sections take part.
        device: where the heavy work is done.
        out: directory of the report; made where there is none; None for no report.
        advance: called with each share of the reading that is done; they add up to about one.

    Raises:
        KzcalError: an input is wrong; nothing was stored, unless the message says so.
    """
    detector = load_detector(config.detector)
    formats = {name: record.build() for name, record in plugins.event_formats.items()}
    with open_events(path, detector, formats) as source:
        runs = target.runs(source.header.run)
        db.plan(target.tag, runs, (RESPONSE, DIAGNOSTICS), target.on_overlap, absent=True)
        if out is not None:
            check_directory(out, PAGE)
        if source.header.detector != detector.name:
            names = source.header.detector, detector.name
            log.warning("%s was taken with %s, and is calibrated as one of %s", path.name, *names)
        work = passes(plugins) * max(source.n_hits, 1)
        found = measure(
            path,
            source,
            detector,
            config,
            plugins,
            device=device,
            advance=lambda hits: advance(hits / work),
        )
    before = db.before(target.tag, RESPONSE, runs.first)
    previous = None if before is None else db.payload(before.payload)
    is_new = target.tag not in {tag.name for tag in db.tags()}
    revision = _store(db, target, runs, found, target.message or f"calibrated {path.name}")
    page = None if out is None else out / PAGE
    stored = StoredCalibration(runs, target.tag, is_new, revision, found, before, page)
    if page is not None:
        _report(page, stored, detector, previous, plugins)
    return stored


def _store(db: Database, target: Target, runs: RunRange, found: Measurement, message: str) -> int:
    """One transaction, in which the tag is made if need be."""
    payloads = (found.response, found.diagnostics)
    return db.store(
        target.tag,
        runs.first,
        runs.last,
        payloads,
        message,
        target.on_overlap,
        description=DESCRIPTION,
    )


def _report(
    page: Path,
    stored: StoredCalibration,
    detector: Detector,
    previous: Payload | None,
    plugins: Plugins,
) -> None:
    found, sections = stored.measurement, plugins.report_sections
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        payloads = found.response, found.diagnostics
        write_report(page, *payloads, detector, previous, sections, tag=stored.tag)
    except (OSError, KzcalError) as error:
        message = (
            f"a report must be written, got {error}: the calibration is stored as revision "
            f"{stored.revision} of tag {stored.tag!r}; write its report with `kzcal report "
            f"{stored.runs.first} --tag {stored.tag} --out ...`"
        )
        raise ConfigurationError(message) from error


def check_directory(out: Path, page: str) -> None:
    """A report needs a directory that is there, or can be made, and can be written to.

    Raises:
        ConfigurationError: it is not.
    """
    try:
        there = next(path for path in (out, *out.absolute().parents) if path.exists())
        usable = there.is_dir() and os.access(there, os.W_OK) and not (out / page).is_dir()
    except OSError:
        usable = False
    if not usable:
        message = f"--out must be a directory that can be written to, got {out}: name another"
        raise ConfigurationError(message)
