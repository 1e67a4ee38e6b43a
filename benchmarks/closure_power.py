"""How often a closure of the toy fails, for right fits and for wrong ones.

    python benchmarks/closure_power.py [--closures N] [--write docs/closure.md]

Every row is a way to be wrong, every column a number of truths; the first row is right, and its
figures are false alarms.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pages import table, write_part

from kzcal.closure.statistics import FAIL, Limits
from kzcal.closure.toy import Toy
from kzcal.closure.verdict import judge

TRUTHS = (25, 100)
WAYS = {
    "right": Toy(),
    "biased by 0.2 σ": Toy(bias=0.2),
    "biased by 0.5 σ": Toy(bias=0.5),
    "errors 10 % too small": Toy(stated=0.9),
    "errors 25 % too small": Toy(stated=0.75),
    "errors half as large": Toy(stated=0.5),
    "errors 50 % too large": Toy(stated=1.5),
    "correlations left out": Toy(correlated=False),
}


def share_failed(toy: Toy, truths: int, closures: int) -> float:
    """Share of closures that fail."""
    limits, failed = Limits(), 0
    for first in range(0, truths * closures, truths):
        fits = [toy.run(seed=seed) for seed in range(first, first + truths)]
        failed += judge(fits, 0, toy.units, limits).verdict == FAIL
    return failed / closures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--closures", type=int, default=40)
    parser.add_argument("--write", type=Path, help="page that takes the table")
    given = parser.parse_args()
    rows = [
        (name, *(f"{share_failed(toy, n, given.closures):.1%}" for n in TRUTHS))
        for name, toy in WAYS.items()
    ]
    head = ("the fits are", *(f"{n} truths" for n in TRUTHS))
    text = f"{table(head, rows)}\n\nOf {given.closures} closures each, by the default limits."
    print(text)
    if given.write is not None:
        write_part(given.write, "closure_power", text)


if __name__ == "__main__":
    main()
