"""A network while it learns to score, whatever it sees: corrected events or candidates.

A plugin brings the network and a *view*, a function from examples to what the network takes; the
network gives a logit for each. Batches, optimiser, rate, several processes and an exact resumption
are here:

    network = drawn_network(lambda: Points(width), task)
    return NetworkLearner(task, network, view, Batches(task.candidates, view), recipe)

The random numbers of a step follow from the seed and the number of the step.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64, Int64
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from kzcal.training.distributed import average, world
from kzcal.training.ensemble import Ensemble
from kzcal.training.recipe import Recipe

AT_ONCE = 128
"""Examples that are scored together."""
SHARE = "share"
"""Key of an optimiser's group of weights: the share of the rate that they learn at."""


class Examples(Protocol):
    """Corrected events or candidates."""

    def __len__(self) -> int:
        """How many there are."""

    def take(self, rows: Int64[np.ndarray, " taken"]) -> Self:
        """Those of some rows, in their order."""


class LabelledTask(Protocol):
    """What ClassifierTask and CandidateTask have in common."""

    @property
    def signal(self) -> Bool[np.ndarray, " example"]:
        """Whether each is signal."""

    @property
    def weight(self) -> Float32[np.ndarray, " example"]:
        """Weight of each in the loss."""

    @property
    def device(self) -> torch.device:
        """Where to calculate."""

    @property
    def seed(self) -> int:
        """Decides every random number."""


E = TypeVar("E", bound=Examples)
E_contra = TypeVar("E_contra", bound=Examples, contravariant=True)


class View(Protocol[E_contra]):
    """What a network sees of examples."""

    def __call__(self, examples: E_contra, /) -> Any:  # noqa: ANN401  whatever its network takes
        """Its input, one row for each."""


Loss = Callable[[Tensor, Any, Float[Tensor, " row"], Float[Tensor, " row"]], Float[Tensor, ""]]
"""Mean loss of a batch: of what the network gave in training, what it saw, which are signal (one
or zero), and weights."""
Draw = Callable[[Int64[np.ndarray, " row"], np.random.Generator], Any]
"""What a network sees of a batch: rows of the task, and where random numbers come from."""


def logistic(
    logit: Float[Tensor, " row"],
    seen: Any,  # noqa: ANN401, ARG001  whatever its network takes
    signal: Float[Tensor, " row"],
    weight: Float[Tensor, " row"],
) -> Float[Tensor, ""]:
    """Mean logistic loss of logits."""
    return binary_cross_entropy_with_logits(logit, signal, weight)


@dataclass(frozen=True, slots=True, eq=False)
class Batches(Generic[E]):
    """Draws what a network sees of a batch.

    Args:
        examples: of the task.
        view: what a network sees of some.
        change: makes them vary, such as by silencing PMTs; None to take them as they are.
    """

    examples: E
    view: View[E]
    change: Callable[[E, np.random.Generator], E] | None = None

    def __call__(self, rows: Int64[np.ndarray, " row"], generator: np.random.Generator) -> Any:  # noqa: ANN401  whatever its network takes
        """What it sees of some rows."""
        some = self.examples.take(rows)
        return self.view(some if self.change is None else self.change(some, generator))


def drawn_network(make: Callable[[], nn.Module], task: LabelledTask) -> nn.Module:
    """A network with weights drawn by the seed of a task, on its device."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(task.seed)
        return make().to(task.device)


class NetworkClassifier(Generic[E]):
    """A trained network.

    Args:
        network: with its weights, on its device.
        view: what it sees of examples.
        at_once: examples that are scored together.
    """

    def __init__(self, network: nn.Module, view: View[E], at_once: int = AT_ONCE) -> None:
        self._network, self._view, self._at_once = network, view, at_once

    def score(self, examples: E) -> Float64[np.ndarray, " example"]:
        """Logit of each."""
        return scores(self._network, self._view, examples, self._at_once)


class NetworkLearner(Generic[E]):
    """A network while it learns.

    Args:
        task: which examples are signal, and what they weigh.
        network: at the start of the training, on the task's device.
        view: what it sees of examples that are scored.
        draw: what it sees of a batch, ``Batches`` as a rule.
        recipe: how it learns.
        optimiser: of its weights; None for AdamW. A group of weights may have a ``share``.
        at_once: examples that are scored together.
        loss: of a batch.
    """

    def __init__(
        self,
        task: LabelledTask,
        network: nn.Module,
        view: View[E],
        draw: Draw,
        recipe: Recipe,
        *,
        optimiser: torch.optim.Optimizer | None = None,
        at_once: int = AT_ONCE,
        loss: Loss = logistic,
    ) -> None:
        self._loss = loss
        self._task, self._view, self._draw, self._recipe = task, view, draw, recipe
        self._network, self._at_once = network, at_once
        if optimiser is None:
            parameters = network.parameters()
            optimiser = torch.optim.AdamW(parameters, recipe.rate, weight_decay=recipe.decay)
        self._optimiser = optimiser
        self._step = torch.zeros((), dtype=torch.int64)
        self._best, networks = network, {"now": network}
        if recipe.averaged:
            self._best = copy.deepcopy(network).requires_grad_(requires_grad=False)
            networks["averaged"] = self._best
        self._all = Ensemble(networks, {"now": optimiser}, None, {"step": self._step})
        self._signal = torch.from_numpy(task.signal.astype(np.float32)).to(task.device)
        self._weight = torch.from_numpy(task.weight).to(task.device)

    def step(self) -> Mapping[str, float]:
        """One step of descent on a batch."""
        number = int(self._step)
        for group in self._optimiser.param_groups:
            group["lr"] = self._recipe.rate_at(number) * group.get(SHARE, 1.0)
        generator = np.random.default_rng((world().seed(self._task.seed), number))
        drawn = generator.integers(0, len(self._signal), int(self._recipe.batch))
        rows = torch.from_numpy(drawn).to(self._task.device)
        seen = self._draw(drawn, generator)
        logit = self._logit(seen, generator)
        loss = self._loss(logit, seen, self._signal[rows], self._weight[rows])
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        average(self._network.parameters())
        self._optimiser.step()
        self._step += 1
        self._remember()
        return {"loss": float(loss.detach())}

    def state(self) -> Mapping[str, Tensor]:
        """Networks, optimiser and the number of steps, from which random numbers follow."""
        return self._all.state()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on exactly where ``state`` was taken."""
        self._all.restore(state)

    def weights(self) -> Mapping[str, Tensor]:
        """The network, averaged over the last steps if the recipe says so."""
        return {name: v.detach().clone() for name, v in self._best.state_dict().items()}

    def score(self, examples: E) -> Float64[np.ndarray, " example"]:
        """Logit of each by what is learned so far."""
        return scores(self._best, self._view, examples, self._at_once)

    def _logit(self, seen: Any, generator: np.random.Generator) -> Tensor:  # noqa: ANN401
        """What the network gives for a batch; the generator decides the dropout, too."""
        device = self._task.device
        on_cuda = device.type == "cuda"
        mixed = torch.autocast(device.type, enabled=on_cuda)
        with mixed, torch.random.fork_rng([device] if on_cuda else []):
            torch.manual_seed(int(generator.integers(2**62)))
            logit: Tensor = self._network(seen)
        return logit.float()

    def _remember(self) -> None:
        """Take the network into the average."""
        if not self._recipe.averaged:
            return
        share = self._recipe.newest_share(int(self._step))
        with torch.no_grad():
            now = self._network.state_dict()
            for name, mean in self._best.state_dict().items():
                if mean.is_floating_point():
                    mean.lerp_(now[name], share)
                else:
                    mean.copy_(now[name])


def scores(
    network: nn.Module, view: View[E], examples: E, at_once: int = AT_ONCE
) -> Float64[np.ndarray, " example"]:
    """Logits of a network that is left as it was."""
    learning, parts = network.training, few_at_a_time(examples, at_once)
    network.eval()
    with torch.no_grad():
        found = [network(view(some)).double().cpu().numpy() for some in parts]
    network.train(learning)
    return np.concatenate([np.zeros(0), *found])


def few_at_a_time(examples: E, at_once: int = AT_ONCE) -> Iterator[E]:
    """All examples in their order, some in each part."""
    rows = np.arange(len(examples))
    for first in rows[::at_once]:
        yield examples.take(rows[first : first + at_once])
