"""Time of a step of PointNet: as published, and as kzcal-pointnet has it, side by side.

    python benchmarks/pointnet_step.py [--repeats 5] [--write docs/pointnet.md]

Every network takes the same 256 sets, of 64 points each and of the numbers of captures that a
candidate has (Poisson, mean 24), which the published network pads to 64. A step is a forward and a
backward pass. They take turns in one process of one thread; each counts with its fastest turn, in
processor time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
from kzcal_pointnet.captures import CaptureSets
from kzcal_pointnet.points import PointNet
from kzcal_pointnet.showers import ShowerNetwork
from pages import table, write_part
from pointnet_reference import SHARED, ReferencePointNet
from torch import Tensor, nn

BATCH = 256
POINTS = 64
MEAN = 24.0
SIZE_OF_MUON = 3
NUMBERS = 5
KNOWN = 5
WIDTH = 64


def made_up(counts: Tensor, *, seed: int = 1) -> CaptureSets:
    """Captures anywhere, three to a muon."""
    generator = torch.Generator().manual_seed(seed)
    muons = (counts + SIZE_OF_MUON - 1) // SIZE_OF_MUON
    rank = torch.cat([torch.arange(int(n)) // SIZE_OF_MUON for n in counts])
    first = muons.cumsum(0) - muons
    n_point, n_muon = int(counts.sum()), int(muons.sum())
    return CaptureSets(
        torch.randn(n_point, 3, generator=generator),
        torch.randn(n_point, NUMBERS, generator=generator),
        torch.zeros(n_point, 0),
        rank + first.repeat_interleave(counts),
        torch.randn(n_muon, KNOWN, generator=generator),
        torch.zeros(n_muon, dtype=torch.bool),
        counts,
        muons,
        torch.zeros(len(counts), 2),
        torch.zeros(len(counts), dtype=torch.bool),
    )


def padded(captures: CaptureSets) -> Tensor:
    """Points in the order of axes and points, zeros where a set has no more."""
    rows = torch.split(captures.vector, captures.counts.tolist())
    whole = torch.zeros(len(rows), POINTS, 3)
    for filled, points in zip(whole, rows, strict=True):
        filled[: len(points)] = points
    return whole.transpose(1, 2).contiguous()


def step(network: nn.Module, given: object) -> Callable[[], float]:
    """Seconds of processor time of a forward and a backward pass."""

    def timed() -> float:
        network.zero_grad()
        begin = time.process_time()
        network(given).sum().backward()
        return time.process_time() - begin

    return timed


def fastest(steps: dict[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    """The fastest turn of each, s."""
    turns = [{name: timed() for name, timed in steps.items()} for _ in range(repeats + 1)]
    return {name: min(turn[name] for turn in turns[1:]) for name in steps}


def networks() -> dict[str, tuple[nn.Module, bool]]:
    """All that are compared, and whether they take padded points."""
    return {
        "published, with the transform": (ReferencePointNet(), True),
        "published, without it": (ReferencePointNet(transform=False), True),
        "`--shower 0 --transform 1`": (PointNet(3, 0, SHARED[-1], transform=True), False),
        "`--shower 0`": (PointNet(3, 0, SHARED[-1], transform=False), False),
        "`--preset shower`": (ShowerNetwork(NUMBERS, KNOWN, WIDTH), False),
    }


def main() -> None:
    """Measure and print or write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--write", type=Path)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    full = torch.full((BATCH,), POINTS)
    some = torch.poisson(torch.full((BATCH,), MEAN)).long().clamp(max=POINTS)
    found: dict[str, list[object]] = {}
    for counts in (full, some):
        captures = made_up(counts)
        points = padded(captures)
        steps = {
            name: step(network, points if dense else captures)
            for name, (network, dense) in networks().items()
        }
        seconds = fastest(steps, chosen.repeats)
        slowest = next(iter(seconds.values()))
        for name, value in seconds.items():
            found.setdefault(name, []).extend([1e3 * value, slowest / value])
    rows = []
    for name, (network, _) in networks().items():
        count = sum(p.numel() for p in network.parameters())
        rows.append([name, f"{count:,}", *found[name]])
    head = ["network", "parameters", "64 points [ms]", "times as fast"]
    text = table([*head, "mean of 24 [ms]", "times as fast"], rows)
    if chosen.write:
        write_part(chosen.write, "pointnet_step", text)
    else:
        print(text)


if __name__ == "__main__":
    main()
