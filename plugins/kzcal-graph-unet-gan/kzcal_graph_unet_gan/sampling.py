"""Pulses drawn from the generator's densities, with gradients where the adversary wants them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from kzcal_graph_unet_gan.generator import PulseDensity, sampled_charge
from kzcal_graph_unet_gan.light import DEAD_TIME


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """The first and the second pulse of each PMT with light; the second only with the first.

    Args:
        present: 1 or 0; its gradient is that of the probability.
        charge: p.e.
        time: residual, ns.
    """

    present: Float[Tensor, "lit 2"]
    charge: Float[Tensor, "lit 2"]
    time: Float[Tensor, "lit 2"]


def draw(densities: tuple[PulseDensity, PulseDensity], *, generator: torch.Generator) -> Drawn:
    """Draw pulses; each PMT on its own, given what the network found."""
    first, second = densities
    present = _present(first.logit, generator)
    both = present * _present(second.logit, generator)
    rows, again = (torch.nonzero(there > 0.5)[:, 0] for there in (present, both))
    empty = torch.zeros_like(present)
    some = first[rows]
    charge = _charge(some, generator)
    begun = empty.index_copy(0, rows, some.time.sample(generator=generator))
    more = second[again]
    late = more.time.sample_beyond(begun[again] + DEAD_TIME, generator=generator)
    charge_2 = _charge(more, generator)
    return Drawn(
        torch.stack([present, both], dim=1),
        torch.stack(
            [empty.index_copy(0, rows, charge), empty.index_copy(0, again, charge_2)], dim=1
        ),
        torch.stack(
            [
                begun.index_add(0, rows, some.delay(charge)),
                empty.index_copy(0, again, late + more.delay(charge_2)),
            ],
            dim=1,
        ),
    )


def _charge(pulse: PulseDensity, generator: torch.Generator) -> Tensor:
    return sampled_charge(pulse.charge, pulse.gain, generator=generator)


def _present(logit: Tensor, generator: torch.Generator) -> Tensor:
    chance = functional.sigmoid(logit)
    uniform = torch.rand(chance.shape, generator=generator, device=chance.device)
    return (uniform < chance).float() + chance - chance.detach()
