"""Forks a ``kzcal calibrate`` for each line of words on stdin and answers with its number.

Constants are made up, so that most of its time goes into what a kill could spoil: the database and
the report. The forked process says "measured" in the file $KZCAL_TEST_SIGNAL when that begins.
"""

import os
import shlex
import sys
from pathlib import Path

from quick_measure import quick_measure

import kzcal.cli.calibrate_text  # noqa: F401  before the forks, so that none pays for it
from kzcal.calibrate import run
from kzcal.cli.main import main


def measured(*words: object, **options: object):
    """The made-up constants, once the test knows that the rest begins."""
    found = quick_measure(*words, **options)
    Path(os.environ["KZCAL_TEST_SIGNAL"]).write_text("measured")
    return found


def answer(number: int) -> None:
    """Write a line to the test."""
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def serve() -> None:
    """Fork for each line until stdin ends; a line of one number waits for that process."""
    for line in sys.stdin:
        if line.strip().isdigit():
            status = os.waitpid(int(line), 0)[1]
            answer(os.waitstatus_to_exitcode(status))
            continue
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            main(shlex.split(line))
        answer(pid)


if __name__ == "__main__":
    run.measure = measured
    serve()
