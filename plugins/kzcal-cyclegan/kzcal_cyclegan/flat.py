"""Networks, optimisers and random state as tensors by name, and back, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kzcal.errors import ConfigurationError


@dataclass(frozen=True, slots=True, eq=False)
class Ensemble:
    """All that changes in a training.

    Args:
        networks: by name.
        optimisers: by name.
        generator: source of every random number.
        counters: further tensors by name, changed in place.
    """

    networks: Mapping[str, nn.Module]
    optimisers: Mapping[str, torch.optim.Optimizer]
    generator: torch.Generator
    counters: Mapping[str, Tensor]

    def state(self) -> dict[str, Tensor]:
        """Copies of everything."""
        state = {"random": self.generator.get_state()}
        for name, value in self.counters.items():
            state[f"counter.{name}"] = value.clone()
        for name, network in self.networks.items():
            for key, value in network.state_dict().items():
                state[f"network.{name}.{key}"] = value.detach().clone()
        for name, optimiser in self.optimisers.items():
            for row, moments in optimiser.state_dict()["state"].items():
                for key, value in moments.items():
                    state[f"optimiser.{name}.{row}.{key}"] = torch.as_tensor(value).clone()
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
        self.generator.set_state(state["random"].cpu())
        for name, value in self.counters.items():
            value.copy_(state[f"counter.{name}"])
        for name, network in self.networks.items():
            network.load_state_dict(part(state, f"network.{name}."))
        for name, optimiser in self.optimisers.items():
            whole = optimiser.state_dict()
            whole["state"] = {}
            for key, value in part(state, f"optimiser.{name}.").items():
                row, moment = key.split(".")
                whole["state"].setdefault(int(row), {})[moment] = value.clone()
            optimiser.load_state_dict(whole)


def part(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin so, by what follows."""
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
