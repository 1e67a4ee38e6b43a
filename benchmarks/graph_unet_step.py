"""How long a step of a graph U-Net takes, and what memory it keeps, beside torch-geometric's.

    python benchmarks/graph_unet_step.py [--repeats 5] [--write docs/translator_graph_unet_gan.md]

Both have 2 features, 8 neighbours, 64 channels and depth 4 and take batches of 8 events of all
PMTs; a step is a forward and a backward pass. They take turns, and each counts with its fastest
turn, in seconds of one processor. It needs torch-geometric: `pip install kzcal[graph]`.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import torch
from jaxtyping import Int
from kzcal_graph_unet_gan.sphere import hierarchy
from kzcal_graph_unet_gan.unet import GraphUNet
from pages import table, write_part
from scipy.spatial import cKDTree
from torch import nn
from torch_geometric.nn import GraphUNet as TopKUNet

from kzcal.geometry import load_detector

BATCH, CHANNELS, DEPTH, NEIGHBOURS = 8, 64, 4, 8
FORWARDS = 60

Step = Callable[[], torch.Tensor]


def edges(directions: np.ndarray, events: int) -> Int[torch.Tensor, "2 edge"]:
    """From each PMT's nearest ones to it, in each event."""
    _, near = cKDTree(directions).query(directions, k=NEIGHBOURS + 1)
    to = np.repeat(np.arange(len(directions)), NEIGHBOURS)
    one = torch.from_numpy(np.stack([near[:, 1:].ravel(), to]))
    begin = len(directions) * torch.arange(events)
    return (one[:, None] + begin[None, :, None]).flatten(1)


def theirs(events: int) -> tuple[nn.Module, Step]:
    """torch-geometric's network and a forward pass of it."""
    detector = load_detector()
    network = TopKUNet(2, CHANNELS, 2, DEPTH)
    edge = edges(detector.directions, events)
    owner = torch.arange(events).repeat_interleave(detector.n_pmt)
    features = torch.rand(events * detector.n_pmt, 2)
    return network, lambda: network(features, edge, owner)


def ours(events: int, pooling: int) -> tuple[nn.Module, Step]:
    """The network of this plugin, so many nodes becoming one at each level."""
    detector = load_detector()
    every = np.ones(detector.n_pmt, bool)
    levels = hierarchy(
        detector.directions, every, depth=DEPTH, neighbours=NEIGHBOURS, pooling=pooling
    )
    network = GraphUNet((2, CHANNELS, 2), levels)
    features = torch.rand(detector.n_pmt, events, 2)
    return network, lambda: network(features)


def seconds(forward: Step, *, backward: bool) -> float:
    """Processor time of one pass."""
    begin = time.process_time()
    found = forward().square().mean()
    if backward:
        found.backward()
    return time.process_time() - begin


def kept(forward: Step) -> float:
    """Memory that 60 forward passes keep, MB."""
    process = psutil.Process()
    for _ in range(10):
        forward()
    before = process.memory_info().rss
    for _ in range(FORWARDS):
        forward()
    return (process.memory_info().rss - before) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", "Sparse", UserWarning)
    makers: dict[str, Callable[[int], tuple[nn.Module, Step]]] = {
        "torch-geometric GraphUNet, half of the nodes go on": theirs,
        "this plugin, 2 nodes become one": lambda events: ours(events, 2),
        "this plugin, 4 nodes become one (default)": lambda events: ours(events, 4),
    }
    made = {name: maker(BATCH)[1] for name, maker in makers.items()}
    times: dict[tuple[str, bool], float] = {}
    for _ in range(arguments.repeats):
        for name, forward in made.items():
            for backward in (True, False):
                taken = seconds(forward, backward=backward)
                times[name, backward] = min(taken, times.get((name, backward), np.inf))
    first = next(iter(made))
    rows = [
        (
            name,
            f"{times[name, True]:.3f}",
            f"{times[first, True] / times[name, True]:.1f}",
            f"{1e3 * times[name, False] / BATCH:.1f}",
            f"{kept(maker(1)[1]):.0f}",
        )
        for name, maker in makers.items()
    ]
    head = (
        "network",
        "step, s",
        "times faster",
        "forward, ms per event",
        f"kept by {FORWARDS} forwards of one event, MB",
    )
    text = table(head, rows)
    print(text)
    if arguments.write:
        write_part(arguments.write, "step", text)


if __name__ == "__main__":
    main()
