"""Figures of a documentation page that a benchmark wrote, between two comments that name it.

A page holds ``<!-- NAME -->`` and ``<!-- end of NAME -->`` on lines of their own; what stands
between them is replaced as a whole, so that no figure of it is typed by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path


def write_part(page: Path, name: str, markdown: str) -> None:
    """Replace the part of a page.

    Raises:
        ValueError: the page has no such part.
    """
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    pattern = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
    part = f"{begin}\n{markdown.strip()}\n{end}"
    text, found = pattern.subn(lambda _: part, page.read_text())
    if not found:
        message = f"a page must hold its part between {begin} and {end}, got none in {page}"
        raise ValueError(message)
    page.write_text(text)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; numbers with three significant digits."""

    def line(cells: Iterable[str]) -> str:
        return f"| {' | '.join(cells)} |"

    body = (line(f"{c:.3g}" if isinstance(c, float) else f"{c}" for c in row) for row in rows)
    return "\n".join([line(head), f"|{'---|' * len(head)}", *body])
