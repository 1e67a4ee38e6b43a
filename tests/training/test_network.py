"""A network that learns: exact resumption, averages, rates, and what it ought to find."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor, nn

from kzcal.errors import ConfigurationError
from kzcal.training.network import (
    Batches,
    NetworkClassifier,
    NetworkLearner,
    drawn_network,
    few_at_a_time,
)
from kzcal.training.recipe import SLOWEST, Recipe
from kzcal.training.tensors import read_tensors, write_tensors

APART = 1.5
"""Distance of the means of both classes, over their common width."""
RECIPE = Recipe(batch=16, rate=0.01, schedule=100, averaged=0.9)


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """Examples that are one number each."""

    values: Float32[np.ndarray, " example"]

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Int64[np.ndarray, " taken"]) -> Numbers:
        return Numbers(self.values[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """Numbers of two normal laws."""

    numbers: Numbers
    signal: Bool[np.ndarray, " example"]
    weight: Float32[np.ndarray, " example"]
    device: torch.device
    seed: int


def task(n: int = 200, seed: int = 1) -> Task:
    generator = np.random.default_rng(7)
    signal = np.arange(n) % 2 == 0
    values = generator.normal(0.0, 1.0, n) + np.where(signal, APART / 2, -APART / 2)
    numbers = Numbers(values.astype(np.float32))
    return Task(numbers, signal, np.ones(n, np.float32), torch.device("cpu"), seed)


def see(numbers: Numbers) -> Tensor:
    return torch.from_numpy(numbers.values)[:, None]


class Line(nn.Module):
    """A logit that is linear in the number, with dropout on request."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.line, self.dropout = nn.Linear(1, 1), nn.Dropout(dropout)

    def forward(self, seen: Tensor) -> Tensor:
        found: Tensor = self.line(self.dropout(seen))
        return found[:, 0]


def learner(given: Task, recipe: Recipe = RECIPE, dropout: float = 0.5) -> NetworkLearner[Numbers]:
    network = drawn_network(lambda: Line(dropout), given)
    return NetworkLearner(given, network, see, Batches(given.numbers, see, jittered), recipe)


def jittered(numbers: Numbers, generator: np.random.Generator) -> Numbers:
    return Numbers(numbers.values + generator.normal(0.0, 1e-3, len(numbers)).astype(np.float32))


def stepped(learning: NetworkLearner[Numbers], steps: int) -> NetworkLearner[Numbers]:
    for _ in range(steps):
        learning.step()
    return learning


def same(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(v, second[k]) for k, v in first.items()
    )


@pytest.mark.parametrize("averaged", [0.0, 0.9])
def test_a_resumed_training_goes_on_to_the_bit(tmp_path, averaged):
    recipe = replace(RECIPE, averaged=averaged)
    whole = stepped(learner(task(), recipe), 8)
    write_tensors(tmp_path / "state", stepped(learner(task(), recipe), 5).state())
    resumed = learner(task(), recipe)
    resumed.restore(read_tensors(tmp_path / "state")[0])
    stepped(resumed, 3)
    assert same(resumed.weights(), whole.weights())
    assert same(resumed.state(), whole.state())


def test_the_seed_decides_weights_batches_and_dropout():
    one, again, other = (stepped(learner(task(seed=s)), 3).weights() for s in (1, 1, 2))
    assert same(one, again)
    assert not same(one, other)
    torch.manual_seed(5)
    stream = torch.random.get_rng_state()
    stepped(learner(task()), 2)
    assert torch.equal(torch.random.get_rng_state(), stream), "the global stream is left alone"


def test_a_line_finds_the_likelihood_ratio_of_two_normal_laws():
    """Its logit is APART times the number: the slope within 0.1, about 2.5 of its errors."""
    given = task(n=4000)
    recipe = Recipe(batch=256, rate=0.05, schedule=400, averaged=0.99, decay=0.0)
    learning = stepped(learner(given, recipe, dropout=0.0), 400)
    at = Numbers(np.array([0.0, 1.0], np.float32))
    zero, one = learning.score(at)
    assert one - zero == pytest.approx(APART, abs=0.1)
    assert zero == pytest.approx(0.0, abs=0.1)


def test_weights_of_a_score_are_the_average_that_the_recipe_says():
    steps, now, plain = 30, [], learner(task(), replace(RECIPE, averaged=0.0))
    for _ in range(steps):
        plain.step()
        now.append(plain.weights()["line.weight"].double())
    mean = drawn_network(Line, task()).state_dict()["line.weight"].double()
    for number, weight in enumerate(now, start=1):
        share = max(0.1, 10 / (10 + number))
        mean = (1 - share) * mean + share * weight
    found = stepped(learner(task()), steps).weights()["line.weight"].double()
    torch.testing.assert_close(found, mean, rtol=1e-5, atol=0)
    assert not torch.equal(found, now[-1])


def test_a_share_slows_a_group_of_weights():
    given = task()
    network = drawn_network(Line, given)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    groups = [
        {"params": [network.line.weight], "share": 0.0},
        {"params": [network.line.bias], "share": 1.0},
    ]
    optimiser = torch.optim.SGD(groups, lr=1.0)
    draw = Batches(given.numbers, see)
    learning = NetworkLearner(given, network, see, draw, RECIPE, optimiser=optimiser)
    stepped(learning, 5)
    assert torch.equal(network.line.weight, before["line.weight"])
    assert not torch.equal(network.line.bias, before["line.bias"])


def test_weights_of_examples_are_weights_of_the_loss():
    """Examples that weigh nothing leave no trace; without decay the line then stays level."""
    given = task()
    weightless = replace(given, weight=np.zeros(len(given.signal), np.float32))
    recipe = replace(RECIPE, decay=0.0)
    first = drawn_network(lambda: Line(0.5), given).state_dict()["line.weight"]
    still = stepped(learner(weightless, recipe), 3).weights()["line.weight"]
    torch.testing.assert_close(still, first)
    assert not torch.allclose(stepped(learner(given, recipe), 3).weights()["line.weight"], first)


def test_the_rate_rises_then_falls_along_half_a_cosine():
    recipe = Recipe(batch=2, rate=2.0, schedule=100, warm_up=10)
    assert recipe.rate_at(0) == pytest.approx(0.2)
    assert recipe.rate_at(50) == pytest.approx(2.0 * (SLOWEST + (1 - SLOWEST) / 2))
    assert recipe.rate_at(1000) == pytest.approx(2.0 * SLOWEST)
    assert Recipe(batch=2, rate=2.0, schedule=100).rate_at(0) == pytest.approx(2.0)


def test_scores_do_not_hang_on_how_many_are_asked_for_at_once():
    given = task()
    network = drawn_network(Line, given)
    one, many = (NetworkClassifier(network, see, n).score(given.numbers) for n in (1, 64))
    np.testing.assert_allclose(one, many, rtol=1e-6)
    assert network.training, "a network is left as it was"
    assert NetworkClassifier(network, see).score(given.numbers.take(np.arange(0))).shape == (0,)
    assert [len(some) for some in few_at_a_time(given.numbers, 64)] == [64, 64, 64, 8]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch", 1.0),
        ("batch", 2.5),
        ("rate", -1.0),
        ("rate", math.inf),
        ("schedule", 0.0),
        ("warm_up", 0.5),
        ("averaged", 1.0),
        ("decay", math.nan),
    ],
)
def test_a_recipe_refuses_numbers_out_of_range(name, value):
    with pytest.raises(ConfigurationError, match=name):
        replace(RECIPE, **{name: value})


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_learns_as_the_processor_does():
    """To half precision, in which products are formed there."""
    given = task()
    there = replace(given, device=torch.device("cuda"))

    def see_there(numbers: Numbers) -> Tensor:
        return see(numbers).cuda()

    network = drawn_network(Line, there)
    learning = NetworkLearner(there, network, see_there, Batches(there.numbers, see_there), RECIPE)
    stepped(learning, 5)
    network = drawn_network(Line, given)
    here = NetworkLearner(given, network, see, Batches(given.numbers, see), RECIPE)
    stepped(here, 5)
    np.testing.assert_allclose(learning.score(given.numbers), here.score(given.numbers), atol=0.02)
