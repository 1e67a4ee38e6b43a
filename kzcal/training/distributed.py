"""Several processes that train one translator, as torchrun starts them.

Every process holds the same weights, draws batches of its own, and steps by the mean of all
gradients. A learner needs two lines: ``generator.manual_seed(world().seed(task.seed))`` for its
batches (weights are drawn from ``task.seed`` itself), and ``average(parameters)`` between
``backward()`` and the optimiser's step. Alone, both change nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, distributed

STARTED = ("RANK", "WORLD_SIZE")
"""Variables that torchrun gives each process."""
LOCAL_RANK = "LOCAL_RANK"


@dataclass(frozen=True, slots=True)
class World:
    """The processes that train together.

    Args:
        rank: number of this one.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the one that writes files."""
        return self.rank == 0

    def seed(self, seed: int) -> int:
        """Seed of this process; that of the first is ``seed`` itself."""
        if self.first:
            return seed
        return int(np.random.SeedSequence((seed, self.rank)).generate_state(1)[0])


def world() -> World:
    """The processes of which this is one."""
    if distributed.is_available() and distributed.is_initialized():
        return World(distributed.get_rank(), distributed.get_world_size())
    return World()


@contextmanager
def connected(device: torch.device) -> Iterator[torch.device]:
    """Connect the processes that torchrun started, if it did; yields the device of this one.

    Args:
        device: asked for; of several GPUs each process takes the one of its local rank.
    """
    if not all(name in os.environ for name in STARTED):
        yield device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get(LOCAL_RANK, "0")))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield device
    finally:
        distributed.destroy_process_group()


def average(parameters: Iterable[Tensor]) -> None:
    """Replace every gradient by its mean over all processes; alone, leave it.

    All of them travel as one message. Parameters without a gradient must be the same ones in
    every process.
    """
    here = world()
    if here.size == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    together = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(together)
    together /= here.size
    parts = torch.split(together, [gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def agreed(choice: int, device: torch.device) -> int:
    """What the first process chose, in every process."""
    if world().size == 1:
        return choice
    told = torch.tensor([choice], device=device)
    distributed.broadcast(told, src=0)
    return int(told)


def everyones(number: int, device: torch.device) -> list[int]:
    """What every process has, by rank, in every process."""
    here = world()
    if here.size == 1:
        return [number]
    own = torch.tensor([number], device=device)
    found = [torch.zeros_like(own) for _ in range(here.size)]
    distributed.all_gather(found, own)
    return [int(each) for each in found]
