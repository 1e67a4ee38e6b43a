"""Processes that train together step by the mean of their gradients."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from patience import PATIENCE_S

from kzcal.training.distributed import World, agreed, average, connected, everyones, world

PROGRAM = """
import sys, torch
from kzcal.training.distributed import agreed, average, connected, world
with connected(torch.device("cpu")) as device:
    here = world()
    torch.manual_seed(7)
    weights = [torch.nn.Parameter(torch.randn(3)), torch.nn.Parameter(torch.randn(2, 2))]
    free = torch.nn.Parameter(torch.zeros(1))
    generator = torch.Generator().manual_seed(here.seed(5))
    optimiser = torch.optim.Adam([*weights, free])
    for _ in range(3):
        optimiser.zero_grad()
        batch = torch.randn(4, 3, generator=generator)
        loss = (batch @ weights[0]).square().mean() + (weights[1] * (here.rank + 1)).sum()
        loss.backward()
        average([*weights, free])
        optimiser.step()
    chosen = agreed(here.rank + 3, device)
    told = torch.cat([*(w.detach().flatten() for w in weights), weights[1].grad.flatten()])
    torch.save((here.size, chosen, batch, told), f"{sys.argv[1]}/{here.rank}.pt")
"""

RESUMED = """
import sys, torch
from pathlib import Path
from kzcal.errors import ConfigurationError
from kzcal.training.distributed import connected, world
from kzcal.training.keeping import PROGRESS
from kzcal.training.tensors import write_tensors
from kzcal.translate.model import ModelDirectory
from kzcal.training.resuming import restored
from kzcal.training.loop import Progress

class Learner:
    def restore(self, state):
        self.weight = state["weight"]

with connected(torch.device("cpu")) as device:
    rank, directory = world().rank, ModelDirectory(Path(sys.argv[1]))
    checkpoint = directory.checkpoint(rank)
    note = {PROGRESS: Progress(step=7).text()}
    write_tensors(checkpoint, {"weight": torch.ones(1)}, note)
    told = [str(restored(Learner(), directory, device).step)]
    if rank == 1:
        checkpoint.unlink()
    try:
        told.append(str(restored(Learner(), directory, device).step))
    except ConfigurationError as error:
        told.append(str(error))
    (directory.path / f"{rank}.txt").write_text("|".join(told))
"""


def test_alone_nothing_changes():
    parameter = torch.nn.Parameter(torch.ones(3))
    (2 * parameter).sum().backward()
    average([parameter])
    assert parameter.grad.tolist() == [2.0, 2.0, 2.0]
    assert agreed(4, torch.device("cpu")) == 4
    assert everyones(4, torch.device("cpu")) == [4]
    with connected(torch.device("cpu")) as device:
        assert device.type == "cpu"
        assert world() == World(0, 1)


def test_every_process_has_a_seed_of_its_own():
    seeds = [World(rank, 3).seed(11) for rank in range(3)]
    assert seeds[0] == 11
    assert len(set(seeds)) == 3
    assert seeds == [World(rank, 3).seed(11) for rank in range(3)]


def run_twice(text: str, tmp_path: Path) -> None:
    """Run a program in two processes that train together; it is told of the directory."""
    program = tmp_path / "train.py"
    program.write_text(textwrap.dedent(text))
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [*command, "--nproc-per-node=2", str(program), str(tmp_path)],
        check=True,
        env=environment,
        timeout=PATIENCE_S,
        capture_output=True,
    )


@pytest.mark.slow
def test_processes_that_got_unequally_far_do_not_go_on(tmp_path: Path):
    run_twice(RESUMED, tmp_path)
    for rank in range(2):
        before, told = (tmp_path / f"{rank}.txt").read_text().split("|")
        assert before == "7"
        assert "of one step, got steps 7, 0 by rank" in told


@pytest.mark.slow
def test_two_processes_hold_the_same_weights(tmp_path: Path):
    run_twice(PROGRAM, tmp_path)
    (size, chosen, batch, told), (_, other_choice, other_batch, other) = (
        torch.load(tmp_path / f"{rank}.pt") for rank in range(2)
    )
    assert size == 2
    assert chosen == other_choice == 3
    assert not torch.equal(batch, other_batch)
    assert torch.equal(told, other)
    # Gradients of 1 and 2 have the mean 1.5.
    assert told[-4:].tolist() == [1.5] * 4
