"""What commands print: results to stdout as text or JSON, progress to stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import PurePath
from typing import Any

import click

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the result as JSON instead of text."
)


def emit(data: object, as_json: bool, text: str) -> None:
    """Print a result to stdout: as JSON for a program, or its text for a person."""
    click.echo(json.dumps(plain(data), indent=2, allow_nan=False) if as_json else text)


def plain(value: Any) -> Any:  # noqa: ANN401  anything a command may want to print
    """The same value in JSON's own types; what JSON cannot hold (NaN, infinity) becomes None.

    Raises:
        TypeError: the value holds something that has no JSON counterpart.
    """
    import numpy as np

    match value:
        case np.ndarray() | np.generic():
            return plain(value.tolist())
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case bytes():
            return value.decode()
        case PurePath():
            return str(value)
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case Sequence() | set() | frozenset():
            return [plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    message = f"results hold numbers, text, lists and mappings, got {type(value).__name__}"
    raise TypeError(message)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Left-aligned columns as wide as their widest cell."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


@contextmanager
def progress(
    description: str, total: float | None, *, quiet: bool = False
) -> Iterator[Callable[[float], None]]:
    """A progress bar on stderr; call what it yields with each amount of work done.

    It stays away when ``quiet`` or when stderr is not a terminal.

    Args:
        description: what is under way.
        total: amount of work in the caller's unit, or None if it is not known beforehand.
        quiet: show nothing.
    """
    if quiet or not sys.stderr.isatty():
        yield _ignore
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=total)
        yield lambda amount: bar.advance(task, amount)


def _ignore(_amount: float) -> None:
    """Take note of work done without showing it."""
