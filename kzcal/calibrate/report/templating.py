"""Fills the report's templates; whatever is text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from kzcal.calibrate.report import digits
from kzcal.conditions.payload import Payload


def fill(template: str, **context: object) -> str:
    """The template with its blanks filled, escaping every text that is not marked safe."""
    return _environment().get_template(template).render(**context)


def absence(diagnostics: Payload, needed: Sequence[str]) -> str:
    """A sentence that names the diagnostics a section needs and lacks; empty if it lacks none."""
    missing = [name for name in needed if name not in diagnostics.columns]
    return fill("absence.html", missing=missing) if missing else ""


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("kzcal.calibrate.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "measured": lambda value, error: digits.measured(float(value), float(error)),
        "amount": lambda value: digits.amount(float(value)),
        "fixed": lambda value, decimals: digits.fixed(float(value), decimals),
        "rounded": lambda value, error: digits.rounded(float(value), float(error)),
        "number": lambda value, figures=3: digits.number(float(value), figures),
        "percent": lambda value: digits.percent(float(value)),
        "words": digits.words,
    }
    return environment
