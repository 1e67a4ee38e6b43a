"""A training's networks, optimisers and random numbers, put away and taken back."""

import pytest
import torch
from torch import nn

from kzcal.errors import ConfigurationError
from kzcal.testing.training import stored
from kzcal.training.ensemble import Ensemble, of_module, part


def ensemble(width=4):
    """Two networks, one with running means, and an optimiser each."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(1)
        networks = {
            "one": nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width)),
            "other": nn.Linear(3, 1),
        }
    optimisers = {
        "one": torch.optim.Adam(networks["one"].parameters(), lr=0.1),
        "other": torch.optim.SGD(networks["other"].parameters(), lr=0.1, momentum=0.9),
    }
    generator = torch.Generator().manual_seed(2)
    return Ensemble(networks, optimisers, generator, {"steps": torch.zeros((), dtype=torch.int64)})


def train(all_of_it, steps):
    for _ in range(steps):
        x = torch.randn(8, 3, generator=all_of_it.generator)
        loss = sum(network(x).square().sum() for network in all_of_it.networks.values())
        for optimiser in all_of_it.optimisers.values():
            optimiser.zero_grad()
        loss.backward()
        for optimiser in all_of_it.optimisers.values():
            optimiser.step()
        all_of_it.counters["steps"].add_(1)


def test_a_training_goes_on_to_the_bit():
    straight, stopped, resumed = ensemble(), ensemble(), ensemble()
    train(straight, 6)
    train(stopped, 3)
    resumed.restore(stored(stopped.state()))
    train(resumed, 3)
    found, expected = resumed.state(), straight.state()
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name
    assert found["counter.steps"] == 6


def test_what_is_put_away_stays_as_it_was():
    training = ensemble()
    train(training, 1)
    state = training.state()
    before = {name: value.clone() for name, value in state.items()}
    train(training, 1)
    fresh = ensemble()
    fresh.restore(state)
    train(fresh, 1)
    for name, value in before.items():
        assert torch.equal(state[name], value), name


def test_another_training_s_state_is_refused():
    with pytest.raises(ConfigurationError, match="with the same options and detector, got"):
        ensemble().restore(ensemble(width=5).state())
    state = ensemble().state()
    del state["counter.steps"]
    with pytest.raises(ConfigurationError, match=r"counter\.steps"):
        ensemble().restore(state)


def test_a_part_has_what_belongs_to_its_name_alone():
    module = nn.Linear(2, 1)
    state = {**of_module("a", module), "ab.weight": torch.zeros(1)}
    assert part(state, "a").keys() == {"weight", "bias"}
    other = nn.Linear(2, 1)
    other.load_state_dict(part(state, "a"))
    assert torch.equal(other.weight, module.weight)
