r"""How near the network of several muons comes to the ratio of likelihoods, and what both hang on.

    python benchmarks/pointnet_limit.py pairs.h5 --look-back 24 --parts 0.125 0.25 0.5 1 \
        --scaled "parent_neutrons x 2=pairs_twice.h5" [--write docs/pointnet.md]

First with more and more decays to learn from. Then on samples of other laws (``kzcal simulate
showers --scale``): learned from the sample of the laws as they are, and learned from the other
one, which is as large.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from pages import table, write_part
from pointnet_ratio import LikelihoodRatio
from pointnet_training import (
    Sample,
    alone,
    chosen_options,
    sample,
    scored,
    tagged_again,
    trained,
)

from kzcal.evaluate.curve import Ranking
from kzcal.learning import Trained

LEAST = 300.0
"""Steps of a training at least."""


def part(given: Sample, share: float) -> Sample:
    """The sample with so much of what is learned from."""
    n = round(share * len(given.learned))
    return replace(given, learned=given.learned.take(np.arange(n)))


def network(given: Sample, steps: float) -> Trained:
    """The network of several muons."""
    return trained(given, chosen_options("shower", {"schedule": max(steps, LEAST)}))[0]


def line(name: str, given: Sample, scores: list[np.ndarray]) -> list[str]:
    """Decays learned from, and what each score tags of the held-out ones."""
    found = tagged_again(scores, given.held_out)
    cells = [
        f"{100 * value:.1f} ± {100 * error:.1f}"
        for value, error in zip(found.values[:, 0], found.errors[:, 0], strict=True)
    ]
    apart, error = found.difference(len(scores) - 2, len(scores) - 1)
    return [name, *cells, f"{100 * apart[0]:+.1f} ± {100 * error[0]:.1f}"]


def area(score: np.ndarray, given: Sample) -> str:
    """Under the curve of the held-out decays."""
    return f"{Ranking.of(score, alone(given.held_out)).curve().area:.4f}"


def learning(given: Sample, parts: list[float], steps: float, look_back_s: float) -> str:
    """More and more decays to learn from."""
    rows = []
    for share in parts:
        some = part(given, share)
        scores = [
            scored(network(some, share * steps), given.held_out),
            LikelihoodRatio.of(some.learned, look_back_s).score(given.held_out),
        ]
        cells = line(f"{len(some.learned):,}", given, scores)
        rows.append([*cells, *(area(score, given) for score in scores)])
        print(rows[-1])
    head = ["decays learned from", "`shower` [%]", "ratio [%]", "difference", "area", "its area"]
    return table(head, rows)


def scan(given: Sample, others: Mapping[str, Path], steps: float, look_back_s: float) -> str:
    """Samples of other laws; the sample of the laws as they are comes first."""
    rows, usual = [], network(given, steps)
    for name, other in {
        "as they are": given,
        **{k: sample([p]) for k, p in others.items()},
    }.items():
        own = usual if other is given else network(other, steps)
        scores = [
            scored(usual, other.held_out),
            scored(own, other.held_out),
            LikelihoodRatio.of(other.learned, look_back_s).score(other.held_out),
        ]
        rows.append(line(name, other, scores))
        print(rows[-1])
    head = ["laws", "learned from them as they are [%]", "learned from these [%]", "ratio [%]"]
    return table([*head, "difference of the last two"], rows)


def main() -> None:
    """Measure, and print or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path, nargs="+")
    parser.add_argument("--look-back", type=float, default=24.0)
    parser.add_argument("--parts", type=float, nargs="+", default=[])
    parser.add_argument("--steps", type=float, default=3000.0)
    parser.add_argument("--scaled", nargs="+", default=[])
    parser.add_argument("--scan-part", type=float, default=1.0)
    parser.add_argument("--write", type=Path)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    given, look_back_s = sample(chosen.pairs), chosen.look_back * 3600.0
    found = {}
    if chosen.parts:
        found["pointnet_learning"] = learning(given, chosen.parts, chosen.steps, look_back_s)
    if chosen.scaled:
        others = {k: Path(v) for k, _, v in (text.partition("=") for text in chosen.scaled)}
        some = part(given, chosen.scan_part)
        steps = chosen.scan_part * chosen.steps
        found["pointnet_scan"] = scan(some, others, steps, look_back_s)
    for name, text in found.items():
        if chosen.write:
            write_part(chosen.write, name, text)
        else:
            print(f"{text}\n")


if __name__ == "__main__":
    main()
