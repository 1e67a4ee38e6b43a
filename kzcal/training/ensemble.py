"""Networks, optimisers and random state as tensors by name, and back, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from kzcal.errors import ConfigurationError

RANDOM = "random"
"""Name of the random state."""


@dataclass(frozen=True, slots=True, eq=False)
class Ensemble:
    """All that changes in a training: what a checkpoint holds.

    Args:
        networks: by name; no name contains a dot.
        optimisers: by name, likewise; their groups are those of the training.
        generator: source of every random number; None where they follow from the counters.
        counters: further tensors by name, changed in place.
    """

    networks: Mapping[str, nn.Module]
    optimisers: Mapping[str, torch.optim.Optimizer]
    generator: torch.Generator | None
    counters: Mapping[str, Tensor] = field(default_factory=dict)

    def state(self) -> dict[str, Tensor]:
        """Copies of everything."""
        state = {} if self.generator is None else {RANDOM: self.generator.get_state()}
        for name, value in self.counters.items():
            state[f"counter.{name}"] = _copied(value)
        for name, network in self.networks.items():
            state |= of_module(f"network.{name}", network)
        for name, optimiser in self.optimisers.items():
            for row, moments in optimiser.state_dict()["state"].items():
                for key, value in moments.items():
                    state[f"optimiser.{name}.{row}.{key}"] = _copied(torch.as_tensor(value))
        return state

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take everything back.

        Raises:
            ConfigurationError: the state is that of another training.
        """
        try:
            self._restore(state)
        except (KeyError, RuntimeError) as error:
            message = (
                f"a state goes back into a training with the same options and detector, got: "
                f"{error}"
            )
            raise ConfigurationError(message) from error

    def _restore(self, state: Mapping[str, Tensor]) -> None:
        if self.generator is not None:
            self.generator.set_state(state[RANDOM].cpu())
        for name, value in self.counters.items():
            value.copy_(state[f"counter.{name}"])
        for name, network in self.networks.items():
            network.load_state_dict(part(state, f"network.{name}"))
        for name, optimiser in self.optimisers.items():
            moments: dict[int, dict[str, Tensor]] = {}
            for key, value in part(state, f"optimiser.{name}").items():
                row, moment = key.split(".")
                moments.setdefault(int(row), {})[moment] = value.clone()
            optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})


def of_module(name: str, module: nn.Module) -> dict[str, Tensor]:
    """Copies of a network's weights, named after it."""
    return {f"{name}.{key}": _copied(value) for key, value in module.state_dict().items()}


def part(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """What belongs to one name, without the name."""
    begin = f"{name}."
    return {k.removeprefix(begin): v for k, v in state.items() if k.startswith(begin)}


def _copied(value: Tensor) -> Tensor:
    return value.detach().clone().contiguous()
