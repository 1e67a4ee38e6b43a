"""What a change of the fit does to its bias, from closures of the same truths before and after.

    kzcal closure --config closure.toml --out before/     # of an earlier commit
    kzcal closure --config closure.toml --out after/
    python benchmarks/closure_paired.py before/trials.jsonl after/trials.jsonl
        --write docs/closure.md

Truths and data are the same, so that differences scatter far less than either fit. The bias after
is that of all truths before plus the mean difference; both are of the stated error after.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from pages import table, write_part


def fits(path: Path) -> dict[int, dict[str, Any]]:
    """Fitted trials of a closure by number."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {row["number"]: row["fitted"] for row in rows if row.get("fitted")}


def off(fitted: dict[str, Any], name: str) -> float:
    """Fitted less true value."""
    return float(fitted["values"][name][0] - fitted["truth"][name][0])


def row(before: list[dict], pairs: list[tuple[dict, dict]], name: str) -> list[str]:
    """One parameter."""
    stated = np.mean([after["errors"][name][0] for _, after in pairs])
    pulls = np.array([off(fit, name) for fit in before]) / stated
    moved = np.array([off(after, name) - off(old, name) for old, after in pairs]) / stated
    errors = [pulls.std(ddof=1) / len(pulls) ** 0.5, moved.std(ddof=1) / len(moved) ** 0.5]
    numbers = (pulls.mean(), errors[0]), (moved.mean(), errors[1])
    both = pulls.mean() + moved.mean(), np.hypot(*errors)
    return [name.replace("_", " "), *(f"{v:+.2f} ± {e:.2f}" for v, e in (*numbers, both))]


def page(before: dict[int, dict], after: dict[int, dict]) -> str:
    """The table.

    Raises:
        SystemExit: the closures have fewer than two truths in common.
    """
    common = sorted(set(before) & set(after))
    if len(common) < 2 or any(before[n]["truth"] != after[n]["truth"] for n in common):
        message = f"closures share two truths or more, got {len(common)} trials of one number"
        raise SystemExit(message)
    pairs = [(before[n], after[n]) for n in common]
    head = ["in stated errors", f"bias before, {len(before)} truths"]
    head += [f"moved, {len(common)} of these truths", "bias after"]
    rows = [row(list(before.values()), pairs, name) for name in pairs[0][0]["truth"]]
    return table(head, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path, help="trials.jsonl of the earlier fit")
    parser.add_argument("after", type=Path, help="trials.jsonl of the later one")
    parser.add_argument("--write", type=Path, help="page that takes the table")
    given = parser.parse_args()
    text = page(fits(given.before), fits(given.after))
    print(text)
    if given.write is not None:
        write_part(given.write, "closure_paired", text)


if __name__ == "__main__":
    main()
