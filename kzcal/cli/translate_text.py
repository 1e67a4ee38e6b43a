"""What ``kzcal translate`` prints for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kzcal.cli.output import table

if TYPE_CHECKING:
    from kzcal.plugins import Plugins
    from kzcal.translate.apply import Translated
    from kzcal.translate.run import Outcome


def learners_of(plugins: Plugins) -> list[dict[str, Any]]:
    """The translators that learn."""
    return [
        {
            "name": record.name,
            "summary": record.summary,
            "provider": record.provider,
            "options": [
                {"name": o.name, "default": o.default, "unit": o.unit, "summary": o.summary}
                for o in record.options
            ],
        }
        for record in plugins.translators.values()
        if record.learn is not None
    ]


def listing(learners: Sequence[dict[str, Any]]) -> str:
    """A paragraph for each translator."""
    if not learners:
        return "no installed plugin brings a translator that learns"
    return "\n\n".join(_paragraph(learner) for learner in learners)


def _paragraph(learner: dict[str, Any]) -> str:
    """Name, summary and provider, and a row for each option."""
    head = f"{learner['name']} ({learner['provider']})\n    {learner['summary']}"
    rows = [
        (f"    --{o['name'].replace('_', '-')}", f"{o['default']:g}", o["unit"], o["summary"])
        for o in learner["options"]
    ]
    return "\n".join(
        [head, table(("    option", "default", "unit", ""), rows)] if rows else [head]
    )


def outcome_text(outcome: Outcome) -> str:
    """How a training ended."""
    progress = outcome.progress
    kind = "pairs" if outcome.paired else "events, unpaired"
    return (
        f"{outcome.translator}: {progress.step} steps on {outcome.n_events} {kind}, in "
        f"{progress.seconds:.0f} s; ended by {outcome.ended}\n"
        f"{_best(outcome)}\n"
        f"{outcome.out}"
    )


def _best(outcome: Outcome) -> str:
    """The best validation, if there was one."""
    progress = outcome.progress
    if not progress.best_step:
        return "nothing was judged yet: the weights are those of the last step"
    return (
        f"best after {progress.best_step} steps: distance {progress.best:.4g} on "
        f"{outcome.n_held_out} events held out"
    )


def translated_text(written: Translated) -> str:
    """What was written."""
    return f"{written.out}: {written.n_events} events, {written.n_hits} hits"
