"""What ``kzcal train`` and ``kzcal score`` print for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import mean, stdev
from typing import TYPE_CHECKING

from kzcal.cli.output import table
from kzcal.components import HITS

if TYPE_CHECKING:
    from kzcal.classify.run import Outcome
    from kzcal.classify.score import ScoredFile
    from kzcal.components import Classifier


def listing(records: Iterable[Classifier]) -> str:
    """A paragraph for each classifier that learns: options, and their values in presets."""
    learners = [record for record in records if record.learn is not None]
    if not learners:
        return "no installed plugin brings a classifier that learns"
    return "\n\n".join(_paragraph(record) for record in learners)


def _paragraph(record: Classifier) -> str:
    """Name, summary and provider, and a row for each option."""
    what = "hits" if record.takes == HITS else f"candidates for {record.takes}"
    head = f"{record.name} ({record.provider}), takes {what}\n    {record.summary}"
    names = list(record.presets)
    rows = []
    for option in record.options:
        values = [record.presets[n].get(option.name, option.default) for n in names]
        numbers = [f"{value:g}" for value in (option.default, *values)]
        flag = f"    --{option.name.replace('_', '-')}"
        rows.append((flag, *numbers, option.unit, option.summary))
    if not rows:
        return head
    return f"{head}\n{table(('    option', 'default', *names, 'unit', ''), rows)}"


def outcomes_text(outcomes: Sequence[Outcome]) -> str:
    """How trainings ended; of several, mean and error of the rejection as well."""
    lines = [_outcome(outcome) for outcome in outcomes]
    if len(outcomes) > 1:
        found = [outcome.verdict.rejection for outcome in outcomes]
        lines.append(
            f"{len(found)} instances: rejection {mean(found):.4f} on average, one instance "
            f"scatters by {stdev(found):.4f}"
        )
    return "\n".join(lines)


def _outcome(outcome: Outcome) -> str:
    """How one training ended."""
    progress, verdict = outcome.progress, outcome.verdict
    best = f"best after {progress.best_step}" if progress.best_step else "nothing was judged yet"
    return (
        f"{outcome.classifier}: {progress.step} steps on {outcome.n_events} events in "
        f"{progress.seconds:.0f} s, ended by {outcome.ended}, {best}\n"
        f"rejection {verdict.rejection:.4f} +- {verdict.rejection_error:.4f} at 90 % acceptance, "
        f"area {verdict.auc:.4f}, on {verdict.n_signal} + {verdict.n_background} events held out\n"
        f"{outcome.out}"
    )


def scored_text(done: ScoredFile, takes: str) -> str:
    """What was written, by what the classifier takes."""
    if takes != HITS:
        return f"{done.out}: {done.n_events} candidates scored"
    scored = f"{done.n_scored} of them with a vertex scored"
    dropped = f"{done.n_dropped} hits dropped because time or charge is not a number"
    return f"{done.out}: {done.n_events} events, {scored}; {dropped}"
