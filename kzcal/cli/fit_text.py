"""What ``kzcal fit`` says in the end, and which fitter it takes when none is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kzcal.calibrate.report.digits import measured
from kzcal.cli.output import table
from kzcal.components import Fitter
from kzcal.errors import PluginError
from kzcal.fit.payload import global_block
from kzcal.fit.store import StoredFit
from kzcal.parts import Effort
from kzcal.plugins import Choices

NEWTON = "newton"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; ``error`` is None for one that was not fitted."""

    value: float
    error: float | None
    unit: str
    summary: str


@dataclass(frozen=True, slots=True)
class Term:
    """How well one kind of data is described."""

    bins: int
    deviance: float


@dataclass(frozen=True, slots=True)
class Summary:
    """A stored fit in numbers.

    Args:
        file: the events.
        run: their run.
        database: where the fit is.
        tag: in the database.
        revision: of the tag.
        parameters: by name.
        terms: by name.
        objective: -2 log L at the best values.
        calls: how often it was evaluated in the last fit.
        rounds: turns of the two levels.
        settled: whether the last of them moved nothing.
        page: the picture, if one was asked for.
    """

    file: Path
    run: int
    database: str
    tag: str
    revision: int
    parameters: Mapping[str, Parameter]
    terms: Mapping[str, Term]
    objective: float
    calls: int
    rounds: int
    settled: bool
    page: Path | None


def fitter_for(
    effort: Effort, named: str, fitters: Choices[Fitter], *, tries: bool = False
) -> Fitter:
    """The fitter of that name; without one Newton's steps, unless trials are asked for.

    Args:
        effort: how far it goes; kept or shared trials need a fitter that does so.
        named: name of the fitter; "" for none.
        fitters: the choices.
        tries: whether a number of trials was asked for.

    Raises:
        PluginError: there is none of that name, or none that keeps trials.
    """
    if named or not (tries or effort.storage or effort.workers > 1):
        return fitters.choose(named or NEWTON)
    keepers = [record for record in fitters.values() if record.keeps_trials]
    if not keepers:
        message = (
            "a fit with --trials, --storage or --workers needs a fitter that keeps trials, got "
            f"{', '.join(fitters)}: install the plugin kzcal-optuna, or leave these options out"
        )
        raise PluginError(message)
    return min(keepers, key=lambda record: (not record.takes_slopes, record.name))


def summary_of(file: Path, database: str, stored: StoredFit) -> Summary:
    """The numbers of a stored fit."""
    found = stored.measurement.found
    block = global_block(found)
    free = {p.name for p in found.parameters.free}
    rows = zip(block.names, block.values.tolist(), block.errors.tolist(), strict=True)
    return Summary(
        file=file,
        run=stored.measurement.run,
        database=database,
        tag=stored.tag,
        revision=stored.revision,
        parameters={
            name: Parameter(value, error if name in free else None, unit, doc)
            for (name, value, error), unit, doc in zip(rows, block.units, block.docs, strict=True)
        },
        terms={part.name: Term(len(part.counts), part.deviance) for part in found.agreement},
        objective=found.minimum.objective,
        calls=found.minimum.n_calls,
        rounds=len(found.rounds),
        settled=found.settled,
        page=stored.page,
    )


def text(summary: Summary) -> str:
    """The numbers in words."""
    fitted = [
        (name, _measured(part), "" if part.unit == "1" else part.unit, part.summary)
        for name, part in summary.parameters.items()
        if part.error is not None
    ]
    terms = [
        (name, f"{part.deviance:,.0f} in {part.bins:,} bins")
        for name, part in summary.terms.items()
    ]
    verdict = "settled" if summary.settled else "NOT settled: allow more `rounds`"
    place = f"revision {summary.revision} of tag {summary.tag} in {summary.database}"
    lines = [
        f"run {summary.run} of {summary.file}",
        table(("parameter", "value", "unit", "what it is"), fitted),
        table(("term", "-2 log L"), terms),
        f"{summary.rounds} rounds of both levels, {verdict}",
        f"stored for run {summary.run} as {place}",
    ]
    if summary.page is not None:
        lines.append(f"wrote {summary.page}")
    return "\n".join(lines)


def _measured(part: Parameter) -> str:
    if not part.error:
        return f"{part.value:g} at the end of its range"
    return measured(part.value, part.error)
