"""Fakes of the past, which a critic sees beside those of now.

Source: Shrivastava et al. (2017), arXiv:1612.07828, section 2.3, as used by arXiv:1703.10593.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal_cyclegan.images import SIDE


class ImagePool:
    """The last fakes, some replaced at each step; its tensors are part of a training's state.

    Args:
        size: images that it holds; none for 0.
        device: where they are.
    """

    def __init__(self, size: int, device: torch.device) -> None:
        self.images = torch.zeros(size, 2, SIDE, SIDE, device=device)
        self.filled = torch.zeros((), dtype=torch.int64)

    def exchange(
        self, fakes: Float[Tensor, "event 2 64 64"], *, generator: torch.Generator
    ) -> Float[Tensor, "event 2 64 64"]:
        """As many images; until it is full those given, then each by even chance an old one."""
        size = len(self.images)
        if size == 0:
            return fakes
        result = fakes.clone()
        device = generator.device
        old = torch.rand(len(fakes), generator=generator, device=device) < 0.5
        place = torch.randint(size, (len(fakes),), generator=generator, device=device)
        for row, fake in enumerate(fakes):
            if int(self.filled) < size:
                self.images[int(self.filled)] = fake
                self.filled += 1
            elif bool(old[row]):
                result[row] = self.images[place[row]]
                self.images[place[row]] = fake
        return result
