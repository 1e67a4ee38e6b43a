"""Options whose names a plugin decides, after the name of its part: pairs of name and number."""

from __future__ import annotations

from collections.abc import Sequence

import click


def number_options(
    words: Sequence[str], whose: str, command: str
) -> dict[str, float | list[float]]:
    """Numbers by name: ``--energy 2.2``, ``--energy=2.2`` or ``--energies 1,2``.

    Args:
        words: what the command line holds beyond the command's own options.
        whose: options these are, for errors, as in "a source".
        command: that they were given to.

    Raises:
        click.UsageError: they are no pairs of a name and a number.
    """
    options: dict[str, float | list[float]] = {}
    rest = list(words)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if not name.startswith("--") or not (equals or rest):
            reason = f"{whose}'s options are pairs --NAME VALUE, got {name!r}"
            raise click.UsageError(reason)
        text = value if equals else rest.pop(0)
        try:
            numbers = [float(part) for part in text.split(",")]
        except ValueError as error:
            reason = (
                f"{name} is no option of {command}, and as {whose}'s takes numbers, got {text!r}"
            )
            raise click.UsageError(reason) from error
        key = name[2:].replace("-", "_")
        options[key] = numbers if len(numbers) > 1 else numbers[0]
    return options
