"""How the networks learn: Adam on batches drawn at random, some PMTs silenced."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from kzcal.classify.augment import Turns, random_dead, turned
from kzcal.errors import ConfigurationError
from kzcal.learning import ClassifierTask, CorrectedEvents
from kzcal.training.distributed import average, world
from kzcal.training.ensemble import Ensemble

AT_ONCE = 128
"""Events that are scored together."""
SLOWEST = 0.01
"""Share of the rate that is left in the end."""

View = Callable[[CorrectedEvents], Any]
"""What a network sees of events."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network learns.

    Args:
        batch: events of a step.
        rate: of Adam at the start.
        schedule: steps over which the rate falls, along half a cosine.
        dead: chance of every PMT to be silenced in an event of a batch.

    Raises:
        ConfigurationError: a number is out of its range.
    """

    batch: float
    rate: float
    schedule: float
    dead: float

    def __post_init__(self) -> None:
        for name, least in (("batch", 2), ("rate", 0), ("schedule", 1)):
            value = getattr(self, name)
            if not least <= value < math.inf:
                message = f"{name} is finite and at least {least}, got {value:g}"
                raise ConfigurationError(message)
        if self.batch != int(self.batch):
            message = f"batch is a whole number, got {self.batch:g}"
            raise ConfigurationError(message)
        if not 0 <= self.dead < 1:
            message = f"dead is a share from 0 to less than 1, got {self.dead:g}"
            raise ConfigurationError(message)

    def rate_at(self, step: int) -> float:
        """Rate of a step."""
        turn = math.pi * min(step / self.schedule, 1.0)
        return self.rate * (SLOWEST + (1.0 - SLOWEST) * (1.0 + math.cos(turn)) / 2.0)


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
        make: makes the network, with weights drawn at random.
        view: what it sees of events.
        recipe: how it learns.
        turns: rotations of the layout, one of which each event of a batch is turned by.
    """

    def __init__(
        self,
        task: ClassifierTask,
        make: Callable[[], nn.Module],
        view: View,
        recipe: Recipe,
        turns: Turns | None = None,
    ) -> None:
        self._task, self._view, self._recipe, self._turns = task, view, recipe, turns
        self._step = torch.zeros((), dtype=torch.int64)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(task.seed)
            self._network = make().to(task.device)
        self._optimiser = torch.optim.AdamW(self._network.parameters(), recipe.rate)
        self._generator = torch.Generator().manual_seed(world().seed(task.seed))
        self._all = Ensemble(
            {"network": self._network},
            {"network": self._optimiser},
            self._generator,
            {"step": self._step},
        )
        self._signal = torch.from_numpy(task.signal.astype(np.float32)).to(task.device)
        self._weight = torch.from_numpy(task.weight).to(task.device)

    def step(self) -> Mapping[str, float]:
        """One step of Adam on a batch."""
        for group in self._optimiser.param_groups:
            group["lr"] = self._recipe.rate_at(int(self._step))
        drawn, events = self._drawn()
        seen, rows = self._view(events), torch.from_numpy(drawn).to(self._task.device)
        with torch.autocast(self._task.device.type, enabled=self._task.device.type == "cuda"):
            logit = self._network(seen)
        loss = binary_cross_entropy_with_logits(
            logit.float(), self._signal[rows], self._weight[rows]
        )
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        average(self._network.parameters())
        self._optimiser.step()
        self._step += 1
        return {"loss": float(loss.detach())}

    def state(self) -> Mapping[str, Tensor]:
        """Network, optimiser, random state and the number of steps."""
        return self._all.state()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on exactly where ``state`` was taken."""
        self._all.restore(state)

    def weights(self) -> Mapping[str, Tensor]:
        """The network."""
        return {name: v.detach().clone() for name, v in self._network.state_dict().items()}

    def score(self, events: CorrectedEvents) -> Float64[np.ndarray, " event"]:
        """Logit of each event by what is learned so far."""
        return scores(self._network, self._view, events)

    def _drawn(self) -> tuple[Int64[np.ndarray, " row"], CorrectedEvents]:
        """Rows of a batch and its events."""
        seed = torch.randint(2**62, (), generator=self._generator)
        generator = np.random.default_rng(int(seed))
        rows = generator.integers(0, len(self._signal), int(self._recipe.batch))
        events = self._task.events.take(rows)
        if self._turns is not None:
            events = turned(events, self._turns, generator=generator)
        if self._recipe.dead:
            events = random_dead(events, self._recipe.dead, generator=generator)
        return rows, events


def scores(
    network: nn.Module, view: View, events: CorrectedEvents
) -> Float64[np.ndarray, " event"]:
    """Logits of a network that is left as it was."""
    learning, found = network.training, []
    network.eval()
    with torch.no_grad():
        for first in range(0, len(events), AT_ONCE):
            rows = np.arange(first, min(first + AT_ONCE, len(events)))
            found.append(network(view(events.take(rows))).double().cpu().numpy())
    network.train(learning)
    return np.concatenate(found) if found else np.zeros(0)
