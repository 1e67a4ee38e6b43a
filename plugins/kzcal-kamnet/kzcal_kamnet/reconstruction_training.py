"""Fits the reconstruction to simulated events, whose truth is known: stage after stage."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from kzcal.errors import TrainingError
from kzcal_kamnet.reconstruction import ReconstructionNetwork, VertexStage, seen_from
from kzcal_kamnet.reconstruction_start import RoughEvents

METRE, NANOSECOND = 0.1, 0.5
"""Errors of the vertex [m] and of the time [ns] that weigh the same."""
AT_ONCE = 512
"""Events whose pictures are made together."""


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What the simulation knows.

    Args:
        vertex: centroid of the quenched energy, m.
        emission: time in the event's time base, ns.
        energy: quenched, MeV.
    """

    vertex: Float[Tensor, "event 3"]
    emission: Float[Tensor, " event"]
    energy: Float[Tensor, " event"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a stage learns.

    Args:
        epochs: times that it sees every event.
        batch: events of a step.
        rate: of Adam at the start; it falls along half a cosine.
    """

    epochs: int = 20
    batch: int = 256
    rate: float = 0.005


DEFAULT_RECIPE = Recipe()


def fitted(
    events: RoughEvents,
    truth: Truth,
    recipe: Recipe = DEFAULT_RECIPE,
    *,
    seed: int,
) -> tuple[ReconstructionNetwork, list[str]]:
    """A network that is fitted to events, and a line about each of its stages.

    Args:
        events: as they are seen from a rough vertex.
        truth: of them.
        recipe: how each stage learns.
        seed: decides every random number.

    Raises:
        TrainingError: there are fewer events than a batch holds.
    """
    if len(events.vertex) < recipe.batch:
        message = (
            f"a reconstruction learns from a batch of events at least, got {len(events.vertex)} "
            f"for a batch of {recipe.batch}: give more events"
        )
        raise TrainingError(message)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        network = ReconstructionNetwork().to(events.vertex.device)
    generator = torch.Generator().manual_seed(seed)
    shift = events.brightness.new_zeros(len(events.vertex), 4)
    aim = torch.cat([truth.vertex - events.vertex, (truth.emission - events.emission)[:, None]], 1)
    lines = []
    for number, stage in enumerate(cast("Iterable[VertexStage]", network.stages), 1):
        hits, vertex = pictures(events, shift), events.vertex + shift[:, :3]
        _fit_stage(stage, hits, vertex, aim - shift, recipe, generator=generator)
        with torch.no_grad():
            shift = shift + stage(hits, vertex)
        rest = (aim - shift)[:, :3].square().sum(1).mean().sqrt()
        lines.append(
            f"stage {number}: vertices {100 * float(rest):.1f} cm off (three axes together)"
        )
    _fit_light(network, events, events.vertex + shift[:, :3], truth.energy)
    return network.eval(), lines


def pictures(
    events: RoughEvents, shift: Float[Tensor, "event 4"]
) -> Float[Tensor, "event channel 4"]:
    """What a stage sees of all events."""
    light, n_event, parts = events.light, len(events.vertex), []
    for first in range(0, n_event, AT_ONCE):
        last = min(first + AT_ONCE, n_event)
        rows = torch.nonzero((light.event >= first) & (light.event < last))[:, 0]
        part = type(light)(
            light.event[rows] - first,
            light.kind[rows],
            light.residual[rows],
            light.from_vertex[rows],
            light.energy[first:last],
        )
        parts.append(seen_from(part, shift[first:last]))
    return torch.cat(parts)


def _fit_stage(
    stage: VertexStage,
    hits: Float[Tensor, "event channel 4"],
    vertex: Float[Tensor, "event 3"],
    aim: Float[Tensor, "event 4"],
    recipe: Recipe,
    *,
    generator: torch.Generator,
) -> None:
    """Least squares of what a stage leaves."""
    unit = aim.new_tensor([METRE, METRE, METRE, NANOSECOND])
    optimiser = torch.optim.AdamW(stage.parameters(), recipe.rate)
    n_batch = len(aim) // recipe.batch
    steps, step = recipe.epochs * n_batch, 0
    stage.train()
    for _ in range(recipe.epochs):
        order = torch.randperm(len(aim), generator=generator).to(aim.device)
        for rows in order[: n_batch * recipe.batch].view(n_batch, -1):
            for group in optimiser.param_groups:
                group["lr"] = recipe.rate * (1.0 + math.cos(math.pi * step / steps)) / 2.0
            left = (stage(hits[rows], vertex[rows]) - aim[rows]) / unit
            loss = nn.functional.huber_loss(left, torch.zeros_like(left), delta=3.0)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            step += 1
    stage.eval()


def _fit_light(
    network: ReconstructionNetwork,
    events: RoughEvents,
    vertex: Float[Tensor, "event 3"],
    energy: Float[Tensor, " event"],
) -> None:
    """Least squares of the logarithm of the energy, by few steps of a second-order method."""
    light = network.light_yield
    optimiser = torch.optim.LBFGS(
        light.parameters(), max_iter=100, line_search_fn="strong_wolfe", tolerance_change=1e-12
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss: Tensor = (light(events.brightness, vertex) - energy.log()).square().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
