"""Time of a step of KamNet's published network, built in harmonics and in pixels; and its turns.

    python benchmarks/kamnet_step.py [--repeats 5] [--write docs/kamnet.md]

Both networks have the published hyper-parameters and take the same batch of 8 events of one run,
the small network takes pictures of as many; a step is a forward and a backward pass. They take
turns in one process of one thread, and each counts with its fastest turn, in processor time. Then
both big ones score the events before any training, as they are and with hits and PMTs turned
together.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
from kamnet_reference import SIDE, ReferenceNetwork
from kzcal_kamnet import KAMNET
from kzcal_kamnet.convolutions import TurnNorm
from kzcal_kamnet.harmonics import harmonics, quadrature, size
from kzcal_kamnet.paper import PaperNetwork, SliceNorm
from kzcal_kamnet.pictures import DEGREE as SMALL_DEGREE
from kzcal_kamnet.pictures import N_CHANNEL
from kzcal_kamnet.recipe import Recipe
from kzcal_kamnet.rotations import turns
from kzcal_kamnet.slices import slice_harmonics, time_slices
from kzcal_kamnet.small import SmallNetwork
from pages import table, write_part
from torch import Tensor, nn

from kzcal.geometry import load_detector

BATCH = 8
HITS = 570
NORMS = (TurnNorm, SliceNorm, nn.BatchNorm1d, nn.BatchNorm3d)
SIDES = 1.5
"""How unevenly the events are lit: the logarithm of light rises by as much along an axis."""


def made_up(n_event: int) -> Tensor:
    """Hits by slice and PMT of uneven events with the challenge's number of hits."""
    directions = torch.from_numpy(load_detector().directions).float()
    generator = torch.Generator().manual_seed(1)
    axis = nn.functional.normalize(torch.randn(n_event, 3, generator=generator), dim=1)
    light = torch.exp(SIDES * axis @ directions.T)
    pmt = torch.multinomial(light, HITS, True, generator=generator).flatten()
    later = torch.empty(len(pmt)).exponential_(1.0 / 12.0, generator=generator)
    event = torch.arange(n_event).repeat_interleave(HITS)
    return time_slices(event, pmt, later - 2.0, n_event, len(directions))


def maps(counts: Tensor, turn: Tensor, degree: int) -> Tensor:
    """Harmonics of the slices, with PMTs and hits turned."""
    matrix = harmonics(torch.from_numpy(load_detector().directions) @ turn.T, degree)
    live = torch.ones(len(counts), counts.shape[2], dtype=torch.bool)
    return slice_harmonics(counts, quadrature(matrix, live).float(), matrix.float())


def pixels(counts: Tensor, turn: Tensor) -> Tensor:
    """Slices as 38 x 38 pixels of theta and phi, with PMTs and hits turned."""
    x, y, z = (torch.from_numpy(load_detector().directions) @ turn.T).unbind(1)
    theta = (torch.acos(z) / torch.pi * SIDE).long().clamp(max=SIDE - 1)
    phi = ((torch.atan2(y, x) / (2.0 * torch.pi)) % 1.0 * SIDE).long().clamp(max=SIDE - 1)
    found = torch.zeros(*counts.shape[:2], SIDE * SIDE)
    found.index_add_(2, theta * SIDE + phi, counts)
    return found.view(*counts.shape[:2], SIDE, SIDE).transpose(0, 1)


def small() -> SmallNetwork:
    """The small network as the plugin's options have it."""
    options = {option.name: option.default for option in KAMNET.options}
    recipe = Recipe.of(options)
    return SmallNetwork(recipe.hidden, recipe.dropout)


def taken(network: nn.Module, given: Tensor) -> tuple[float, float, float]:
    """Processor time per event of a forward pass, of one backward, and of a score, ms."""
    begin = time.process_time()
    total = network(given).sum()
    middle = time.process_time()
    total.backward()
    done = time.process_time()
    network.eval()
    with torch.no_grad():
        network(given)
    scored = time.process_time()
    network.train()
    each = 1e3 / BATCH
    return (middle - begin) * each, (done - middle) * each, (scored - done) * each


def times(networks: dict[str, tuple[nn.Module, Tensor]], repeats: int) -> str:
    """A table of the fastest turn of each."""
    kept: dict[str, list[tuple[float, float, float]]] = {name: [] for name in networks}
    for at in range(repeats + 1):
        for name, (network, given) in networks.items():
            found = taken(network, given)
            if at:
                kept[name].append(found)
    fastest = {name: min(found, key=lambda row: row[0] + row[1]) for name, found in kept.items()}
    slowest = max(sum(row[:2]) for row in fastest.values())
    rows = []
    for name, (network, _) in networks.items():
        forward, backward, _ = fastest[name]
        step, score = forward + backward, min(row[2] for row in kept[name])
        count = sum(p.numel() for p in network.parameters())
        rows.append([name, f"{count:,}", forward, backward, step, slowest / step, score])
    head = ["network", "parameters", "forward", "backward", "step", "times faster", "score"]
    return table([*head[:2], *(f"{h} [ms]" for h in head[2:5]), head[5], f"{head[6]} [ms]"], rows)


def turned(networks: dict[str, tuple[nn.Module, Callable[[Tensor], Tensor]]]) -> str:
    """A table of how far the scores move when PMTs and hits turn, in units of their spread."""
    angles = torch.tensor([[0.0, 0.3, 0.0], [1.0, 0.5, 2.0], [3.0, 2.0, -1.0]]).double()
    rows = []
    for name, (network, given) in networks.items():
        straight = given(torch.eye(3, dtype=torch.float64))
        with torch.no_grad():
            for part in network.modules():
                if isinstance(part, NORMS):
                    part.momentum = 1.0
            network(straight)
            network.eval()
            score = network(straight)
            moved = [network(given(turn)) - score for turn in turns(*angles.T)]
        rows.append([name, *(float(m.abs().max() / score.std()) for m in moved)])
    return table(["network", "tilt of 17 degrees", "a turn", "another turn"], rows)


def _reference_given(counts: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda turn: pixels(counts, turn)


def _paper_given(counts: Tensor, degree: int) -> Callable[[Tensor], Tensor]:
    return lambda turn: maps(counts, turn, degree)


def main() -> None:
    """Measure and print or write both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--write", type=Path)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    reference, paper = ReferenceNetwork(), PaperNetwork()
    still = torch.eye(3, dtype=torch.float64)
    events = made_up(BATCH)
    speed = times(
        {
            "in pixels, as published": (reference, pixels(events, still)),
            "`paper`, in harmonics": (paper, maps(events, still, paper.degree)),
            "`small`": (small(), torch.rand(BATCH, N_CHANNEL + 1, size(SMALL_DEGREE))),
        },
        chosen.repeats,
    )
    turning = turned(
        {
            "in pixels, as published": (reference, _reference_given(events)),
            "`paper`, in harmonics": (paper, _paper_given(events, paper.degree)),
        }
    )
    if chosen.write:
        write_part(chosen.write, "kamnet_step", speed)
        write_part(chosen.write, "kamnet_turned", turning)
    else:
        print(f"{speed}\n\n{turning}")


if __name__ == "__main__":
    main()
