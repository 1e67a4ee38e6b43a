"""How the networks learn: batches drawn at random, PMTs silenced, weights averaged in the end."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from kzcal.classify.augment import random_dead
from kzcal.learning import ClassifierTask, CorrectedEvents
from kzcal.training.distributed import average, world
from kzcal_kamnet.recipe import Recipe
from kzcal_kamnet.views import View

AT_ONCE = 128
"""Events that are scored together."""
SLOWEST = 0.01
"""Share of the rate that is left in the end."""
WARM_UP = 100
"""Steps in which the rate rises from zero."""
AVERAGED = 0.995
"""Weights of a score are those of the last 200 steps, averaged."""


class NetworkClassifier:
    """A trained network.

    Args:
        network: with its weights, on its device.
        view: what it sees of events.
    """

    def __init__(self, network: nn.Module, view: View) -> None:
        self._network, self._view = network, view

    def score(self, events: CorrectedEvents) -> Float64[np.ndarray, " event"]:
        """Logit of each event."""
        return scores(self._network, self._view, events)


class NetworkLearner:
    """A network while it learns.

    Args:
        task: what to learn from.
        network: at the start of the training.
        view: what it sees of events.
        recipe: how it learns.
    """

    def __init__(
        self, task: ClassifierTask, network: nn.Module, view: View, recipe: Recipe
    ) -> None:
        self._task, self._view, self._recipe = task, view, recipe
        self._network, self._step = network, 0
        self._averaged = copy.deepcopy(network).requires_grad_(requires_grad=False)
        self._optimiser = recipe.optimiser(network)
        self._signal = torch.from_numpy(task.signal.astype(np.float32)).to(task.device)
        self._weight = torch.from_numpy(task.weight).to(task.device)
        self._kept = self._pictures() if recipe.keeps else None

    def step(self) -> Mapping[str, float]:
        """One step of descent on a batch."""
        for group in self._optimiser.param_groups:
            group["lr"] = self._rate() * group["share"]
        generator = np.random.default_rng((world().seed(self._task.seed), self._step))
        drawn = generator.integers(0, len(self._signal), self._recipe.batch)
        rows = torch.from_numpy(drawn).to(self._task.device)
        logit = self._logit(drawn, generator)
        loss = binary_cross_entropy_with_logits(logit, self._signal[rows], self._weight[rows])
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        average(self._network.parameters())
        self._optimiser.step()
        self._step += 1
        self._remember()
        return {"loss": float(loss.detach())}

    def state(self) -> Mapping[str, Tensor]:
        """Networks, optimiser and the number of steps, from which random numbers follow."""
        moments = self._optimiser.state_dict()["state"]
        return {
            "step": torch.tensor(self._step),
            **{f"network.{k}": v for k, v in _copied(self._network).items()},
            **{f"averaged.{k}": v for k, v in _copied(self._averaged).items()},
            **{
                f"optimiser.{row}.{name}": torch.as_tensor(value).clone()
                for row, values in moments.items()
                for name, value in values.items()
            },
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on exactly where ``state`` was taken."""
        self._step = int(state["step"])
        self._network.load_state_dict(_part(state, "network."))
        self._averaged.load_state_dict(_part(state, "averaged."))
        whole = self._optimiser.state_dict()
        whole["state"] = {}
        for key, value in _part(state, "optimiser.").items():
            row, name = key.split(".")
            whole["state"].setdefault(int(row), {})[name] = value.clone()
        self._optimiser.load_state_dict(whole)

    def weights(self) -> Mapping[str, Tensor]:
        """The average of the network over the last steps."""
        return _copied(self._averaged)

    def score(self, events: CorrectedEvents) -> Float64[np.ndarray, " event"]:
        """Logit of each event by what is learned so far."""
        return scores(self._averaged, self._view, events)

    def _rate(self) -> float:
        """Rate of a step: a rise, then half a cosine."""
        turn = math.pi * min(self._step / self._recipe.schedule, 1.0)
        fall = SLOWEST + (1.0 - SLOWEST) * (1.0 + math.cos(turn)) / 2.0
        return self._recipe.rate * fall * min((self._step + 1) / WARM_UP, 1.0)

    def _logit(
        self, rows: Int64[np.ndarray, " row"], generator: np.random.Generator
    ) -> Float[Tensor, " row"]:
        """Logits of a batch; the generator decides the dropout, too."""
        if self._kept is None:
            seen = self._view(self._silenced(self._task.events.take(rows), generator))
        else:
            seen = self._kept[torch.from_numpy(rows)].to(self._task.device).float()
        device = self._task.device
        on_cuda = device.type == "cuda"
        mixed = torch.autocast(device.type, enabled=on_cuda)
        with mixed, torch.random.fork_rng([device] if on_cuda else []):
            torch.manual_seed(int(generator.integers(2**62)))
            logit: Tensor = self._network(seen)
        return logit.float()

    def _pictures(self) -> Tensor:
        """What the network sees of every event, once and for all, each without PMTs of its own.

        Half precision rounds numbers of hits by less than their square root.
        """
        generator = np.random.default_rng(self._task.seed)
        parts = _few_at_a_time(self._task.events)
        seen = [self._view(self._silenced(some, generator)).half().cpu() for some in parts]
        return torch.cat(seen)

    def _silenced(
        self, events: CorrectedEvents, generator: np.random.Generator
    ) -> CorrectedEvents:
        if not self._recipe.dead:
            return events
        return random_dead(events, self._recipe.dead, generator=generator)

    def _remember(self) -> None:
        """Take the network into the average; early ones weigh less than they would."""
        weight = max(1.0 - AVERAGED, 10.0 / (10.0 + self._step))
        with torch.no_grad():
            now = self._network.state_dict()
            for name, mean in self._averaged.state_dict().items():
                if mean.is_floating_point():
                    mean.lerp_(now[name], weight)
                else:
                    mean.copy_(now[name])


def scores(
    network: nn.Module, view: View, events: CorrectedEvents
) -> Float64[np.ndarray, " event"]:
    """Logits of a network that is left as it was."""
    learning, parts = network.training, _few_at_a_time(events)
    network.eval()
    with torch.no_grad():
        found = [network(view(some)).double().cpu().numpy() for some in parts]
    network.train(learning)
    return np.concatenate([np.zeros(0), *found])


def _few_at_a_time(events: CorrectedEvents) -> list[CorrectedEvents]:
    rows = np.arange(len(events))
    return [events.take(rows[first : first + AT_ONCE]) for first in rows[::AT_ONCE]]


def _copied(network: nn.Module) -> dict[str, Tensor]:
    return {name: v.detach().clone() for name, v in network.state_dict().items()}


def _part(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin so, by what follows."""
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
