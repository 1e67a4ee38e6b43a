"""Networks, optimisers and random streams as tensors by name, and back."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def of_module(name: str, module: nn.Module) -> dict[str, Tensor]:
    """Copies of a network's weights."""
    return {f"{name}.{key}": _copied(value) for key, value in module.state_dict().items()}


def of_optimiser(name: str, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Copies of what an optimiser remembers of each parameter."""
    state = optimiser.state_dict()["state"]
    return {f"{name}.{i}.{k}": _copied(v) for i, kept in state.items() for k, v in kept.items()}


def part(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """What belongs to one name, without the name."""
    begin = f"{name}."
    return {key.removeprefix(begin): v for key, v in state.items() if key.startswith(begin)}


def restore_optimiser(
    optimiser: torch.optim.Optimizer, state: Mapping[str, Tensor], name: str
) -> None:
    """Give back to an optimiser what it remembered."""
    kept: dict[int, dict[str, Tensor]] = {}
    for key, value in part(state, name).items():
        number, what = key.split(".")
        kept.setdefault(int(number), {})[what] = _copied(value)
    optimiser.load_state_dict({**optimiser.state_dict(), "state": kept})


def restore_module(module: nn.Module, state: Mapping[str, Tensor], name: str) -> None:
    """Give back to a network its weights."""
    module.load_state_dict(part(state, name))


def _copied(value: Tensor) -> Tensor:
    return value.detach().clone().contiguous()
