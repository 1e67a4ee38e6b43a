"""Forks a process that writes to a database for every request on stdin; see conftest.Forge.

The forked process exits with 0 if its job succeeded and with 3 if kzcal refused it.
"""

import json
import os
import signal
import sys

import numpy as np
import psycopg  # noqa: F401  before the fork, so that no writer pays for it

import kzcal.conditions
from kzcal.conditions.database import Database
from kzcal.conditions.payload import Column, Lineage, Payload
from kzcal.errors import KzcalError

HOME = os.path.dirname(kzcal.conditions.__file__)  # noqa: PTH120


def note(number: int, kind: str, size: int = 2000) -> Payload:
    """A payload that holds one number, many times."""
    column = Column(np.full(size, float(number)), "1", "tells payloads apart")
    return Payload(kind, {"number": column}, None, Lineage(seed=number))


def store(job: dict) -> None:
    """Store one run after the other, two kinds each; report each revision when it is there."""
    with Database.open(job["location"]) as db, open(job["report"], "a") as report:  # noqa: PTH123
        report.write("open\n")
        report.flush()
        for run in range(job["first"], job["first"] + job["count"]):
            payloads = [note(run, "left"), note(run, "right")]
            revision = db.store("work", run, run, payloads, f"run {run}")
            report.write(f"{run} {revision}\n")
            report.flush()


def init(job: dict) -> None:
    """Make a database."""
    Database.init(job["location"]).close()


class Fuse:
    """Kills its process when so many lines of kzcal.conditions have run."""

    def __init__(self, lines: int | None, report: str) -> None:
        self.left = lines
        self.report = report
        self.seen = 0

    def __call__(self, frame, event, _argument):
        """Count a line; the interpreter calls this."""
        if not frame.f_code.co_filename.startswith(HOME):
            return None
        if event == "line":
            self.seen += 1
            if self.seen == self.left:
                os.kill(os.getpid(), signal.SIGKILL)
        return self

    def tell(self) -> None:
        """Write how many lines have run."""
        with open(self.report, "a") as report:  # noqa: PTH123
            report.write(f"lines {self.seen}\n")


JOBS = {"store": store, "init": init}


def child(job: dict) -> None:
    """Do a job and leave without the clean-up of a fork's parent."""
    code = 0
    fuse = Fuse(job.get("lines"), job.get("report", os.devnull))
    try:
        if "lines" in job:
            sys.settrace(fuse)
        JOBS[job["name"]](job)
        sys.settrace(None)
        fuse.tell()
    except KzcalError as error:
        sys.stderr.write(f"{error}\n")
        code = 3
    finally:
        os._exit(code)


def answer(number: int) -> None:
    """Tell the process that asked."""
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def main() -> None:
    """Serve requests until stdin ends."""
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "wait":
            _, status = os.waitpid(request["pid"], 0)
            answer(os.waitstatus_to_exitcode(status))
            continue
        pid = os.fork()
        if pid == 0:
            child(request["job"])
        answer(pid)


if __name__ == "__main__":
    main()
