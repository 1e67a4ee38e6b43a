"""The result of a closure as a table of its documentation page.

kzcal closure --config closure.toml --out closure/
python benchmarks/closure_result.py closure/closure.json --write docs/closure.md
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from pages import table, write_part

NAMES = ("bias", "width", "coverage_68")


def cell(check: dict[str, Any] | None) -> str:
    """Value, error and, unless it passes, the verdict."""
    if check is None:
        return ""
    verdict = "" if check["verdict"] == "pass" else f", {check['verdict']}"
    return f"{check['value']:.2f} ± {check['error']:.2f}{verdict}"


def page(result: dict[str, Any]) -> str:
    """The table, and what was run."""
    rows = []
    for parameter in result["parameters"]:
        checks = {check["name"]: check for check in parameter["checks"]}
        if not set(NAMES) <= set(checks):
            continue
        stated, offset = parameter["stated_error"], parameter["offset"]
        cells = (cell(checks.get(name)) for name in NAMES)
        rows.append((parameter["name"].replace("_", " "), offset, stated, *cells))
    head = ("parameter", "mean of fitted − true", "stated error", "bias", "width", "within 1 σ")
    options = "".join(f", {k} = {v}" for k, v in result["settings"]["options"].items())
    return (
        f"{table(head, rows)}\n\n"
        f"{result['trials']} truths fitted, {len(result['failed'])} trials without a fit, "
        f"{result['seconds_per_trial']:.0f} s each. Experiment {result['experiment']}{options}. "
        f"Verdict: {result['verdict']}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("result", type=Path, help="closure.json")
    parser.add_argument("--write", type=Path, help="page that takes the table")
    parser.add_argument("--part", default="closure_result", help="of the page")
    given = parser.parse_args()
    text = page(json.loads(given.result.read_text()))
    print(text)
    if given.write is not None:
        write_part(given.write, given.part, text)


if __name__ == "__main__":
    main()
