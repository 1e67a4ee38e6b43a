"""Many runs, one by one: calibrated by workers, stored here as they come, then reported on.

Only this process opens the database. Each run is one transaction, so that whatever happens the
runs that were stored stay, and a campaign that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from kzcal.calibrate.run import DESCRIPTION, PAGE
from kzcal.campaign.plan import Plan, RunFile
from kzcal.campaign.pool import Pool, Settled
from kzcal.campaign.recipe import Calibrated, Recipe
from kzcal.conditions.database import Database
from kzcal.conditions.payload import Payload
from kzcal.conditions.quantities import DIAGNOSTICS, RESPONSE, is_good
from kzcal.conditions.writing import OnOverlap
from kzcal.errors import ConfigurationError, KzcalError
from kzcal.io.atomic import replacing

log = logging.getLogger(__name__)
Status = Literal["stored", "present", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file.

    Args:
        file: the events.
        run: their run; None if it could not be read.
        status: "stored", "present" (in the tag already, and left as it was) or "failed".
        reason: why it failed, or why a stored run has no report; "" if all went well.
        revision: of the tag that brought it.
        good: number of good PMTs.
        numbers: events, hits, time and so on, by name.
        report: the page, if there is one.
    """

    file: Path
    run: int | None
    status: Status
    reason: str = ""
    revision: int | None = None
    good: int | None = None
    numbers: dict[str, float] | None = None
    report: Path | None = None


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where calibrations go.

    Args:
        db: the open database.
        tag: in it; made, open, if there is none of that name.
        on_overlap: what to do with older IOVs that share runs: "refuse" or "split".
        message: why, for the log; "" for a sentence that names the file.
        out: directory with a directory for the report of each run; None for no reports.
    """

    db: Database
    tag: str
    on_overlap: OnOverlap = "refuse"
    message: str = ""
    out: Path | None = None

    def store(self, file: RunFile, found: Calibrated) -> int:
        """One transaction; returns the revision of the tag.

        Raises:
            KzcalError: the database refuses, or the file holds another run by now.
        """
        if found.run != file.run:
            message = f"{file.path} must stay as it is, got run {found.run} after {file.run}"
            raise ConfigurationError(message)
        message = self.message or f"calibrated {file.path.name}"
        return self.db.store(
            self.tag,
            file.run,
            file.run,
            found.payloads,
            message,
            self.on_overlap,
            description=DESCRIPTION,
        )

    def page(self, run: int) -> Path | None:
        """Where the report of a run goes."""
        return None if self.out is None else self.out / str(run) / PAGE

    def reported(self, run: int) -> tuple[Payload, Payload, Payload | None, str]:
        """What a report of a run is drawn from: see Recipe.page."""
        before = self.db.before(self.tag, RESPONSE, run)
        previous = None if before is None else self.db.payload(before.payload)
        response, diagnostics = (
            self.db.lookup(self.tag, kind, run) for kind in (RESPONSE, DIAGNOSTICS)
        )
        return response, diagnostics, previous, self.tag


@dataclass(frozen=True, slots=True)
class _Task:
    """A run that is calibrated, or its report that is drawn."""

    file: RunFile
    is_report: bool


class Campaign:
    """Calibrates planned runs and draws their reports.

    Args:
        plan: the runs.
        recipe: how each is calibrated.
        pool: who does it.
        shelf: where results go.
        advance: called with each run that is done with.
    """

    def __init__(
        self,
        plan: Plan,
        recipe: Recipe,
        pool: Pool,
        shelf: Shelf,
        advance: Callable[[float], None] = lambda _runs: None,
    ) -> None:
        self._plan, self._recipe, self._pool, self._shelf = plan, recipe, pool, shelf
        self._advance = advance
        self._todo = deque(file for file in plan.runs if file.run not in plan.present)
        self._reports: deque[RunFile] = deque()
        self._unreported = deque(plan.runs)
        self._outcomes: dict[Path, Outcome] = {}

    def run(self) -> tuple[Outcome, ...]:
        """Do all of it; one run's failure stops no other.

        Returns:
            An outcome for each file, by run, after those that could not be read.
        """
        for path, reason in self._plan.unreadable.items():
            self._end(Outcome(path, None, "failed", reason))
        for file in self._plan.runs:
            if file.run in self._plan.present:
                self._end(self._present(file))
        self._queue_reports()
        while self._hand_out():
            self._take(*self._pool.wait())
        outcomes = self._outcomes.values()
        return tuple(sorted(outcomes, key=lambda o: (-1 if o.run is None else o.run, o.file)))

    def _hand_out(self) -> bool:
        """Begin as many tasks as there is room for; returns whether any is under way."""
        while self._pool.busy < self._pool.places and (self._reports or self._todo):
            if self._reports:
                self._hand_out_report(self._reports.popleft())
            else:
                file = self._todo.popleft()
                self._pool.submit(_Task(file, is_report=False), self._recipe.calibrate, file.path)
        return self._pool.busy > 0

    def _hand_out_report(self, file: RunFile) -> None:
        """Begin a report, of which the database may say that there is nothing to report on."""
        try:
            words = self._shelf.reported(file.run)
        except KzcalError as error:
            self._report_failed(file, error)
            return
        self._pool.submit(_Task(file, is_report=True), self._recipe.page, *words)

    def _take(self, task: object, settled: Settled) -> None:
        """Store what a task has made, once its worker has the next one."""
        self._hand_out()
        if not isinstance(task, _Task):
            message = f"a task of a campaign must come back, got {task!r}"
            raise TypeError(message)
        if task.is_report:
            self._take_report(task.file, settled)
            return
        self._end(self._stored(task.file, settled))
        self._queue_reports()

    def _stored(self, file: RunFile, settled: Settled) -> Outcome:
        """What becomes of a run that a worker is done with."""
        if settled.error is not None:
            return Outcome(file.path, file.run, "failed", reason_of(settled.error))
        found: Calibrated = settled.result
        try:
            revision = self._shelf.store(file, found)
        except KzcalError as error:
            return Outcome(file.path, file.run, "failed", str(error))
        good = sum(int(is_good(p).sum()) for p in found.payloads if p.kind == RESPONSE)
        numbers = {name: value for name, value, _ in found.numbers}
        return Outcome(file.path, file.run, "stored", "", revision, good, numbers)

    def _present(self, file: RunFile) -> Outcome:
        """A run that was there before; its report counts if it is there too."""
        page = self._shelf.page(file.run)
        drawn = page if page is not None and page.exists() else None
        return Outcome(file.path, file.run, "present", report=drawn)

    def _end(self, outcome: Outcome) -> None:
        """Note what became of a file."""
        if outcome.status == "failed":
            what = outcome.file.name if outcome.run is None else f"run {outcome.run}"
            log.error("%s failed: %s", what, outcome.reason)
        self._outcomes[outcome.file] = outcome
        self._advance(1.0)

    def _queue_reports(self) -> None:
        """Reports of runs before which nothing is open, for they compare with the run before."""
        while self._unreported and self._unreported[0].path in self._outcomes:
            file = self._unreported.popleft()
            outcome = self._outcomes[file.path]
            if outcome.status != "failed" and outcome.report is None and self._shelf.out:
                self._reports.append(file)

    def _take_report(self, file: RunFile, settled: Settled) -> None:
        """Write the page that a worker has drawn."""
        page = self._shelf.page(file.run)
        if settled.error is not None or page is None:
            self._report_failed(file, settled.error)
            return
        try:
            page.parent.mkdir(parents=True, exist_ok=True)
            with replacing(page) as unfinished:
                unfinished.write_text(settled.result, encoding="utf-8")
        except (OSError, KzcalError) as error:
            self._report_failed(file, error)
            return
        self._outcomes[file.path] = replace(self._outcomes[file.path], report=page)

    def _report_failed(self, file: RunFile, error: BaseException | None) -> None:
        """Say that a run is stored and has no report."""
        why = "nothing" if error is None else reason_of(error)
        reason = f"the report could not be written: {why}"
        log.error("run %d: %s", file.run, reason)
        self._outcomes[file.path] = replace(self._outcomes[file.path], reason=reason)


def reason_of(error: BaseException) -> str:
    """Why a task failed, in words; what is no error of the user's says which it is."""
    if isinstance(error, KzcalError):
        return str(error)
    if type(error).__name__ == "KilledWorker":
        return "the workers that tried it died, for want of memory or from outside"
    return f"{type(error).__name__}: {error}"
