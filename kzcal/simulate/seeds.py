"""Generators that depend on what is simulated, and on nothing else.

A block of decays has its own generators for every stage. Their seeds are made from the user's
seed, the run, the component and the number of the block, so that neither the number of events,
nor of workers, nor the order in which blocks are simulated changes a number.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True, slots=True)
class BlockKey:
    """Names one block of decays.

    Args:
        seed: the user's.
        run: run number.
        component: of the simulation, unique in it.
        block: number of the block within the component.
    """

    seed: int
    run: int
    component: str
    block: int

    def numpy(self, stage: str) -> np.random.Generator:
        """The generator of a stage that draws with NumPy."""
        return np.random.Generator(np.random.Philox(self._sequence(stage)))

    def torch(
        self, stage: str, device: torch.device | str = "cpu", constants: str = ""
    ) -> torch.Generator:
        """The generator of a stage that draws with PyTorch.

        Args:
            stage: its name.
            device: where it draws; each kind of device has numbers of its own. On a CPU PyTorch
                uses 32 bits of a seed, so that of a million blocks some may share a stream.
            constants: digest of the constants that the stage works with; the same light meets
                other chance under other constants.
        """
        (state,) = self._sequence(stage + constants).generate_state(1, np.uint64)
        generator = torch.Generator(device)
        generator.manual_seed(int(state) >> 1)
        return generator

    def _sequence(self, stage: str) -> np.random.SeedSequence:
        entropy = [self.seed, self.run, self.block, *_words(self.component), *_words(stage)]
        return np.random.SeedSequence(entropy)


def _words(text: str) -> list[int]:
    """A text as numbers that seeds are made from."""
    digest = hashlib.sha256(text.encode()).digest()
    return [int(word) for word in np.frombuffer(digest[:16], np.dtype("<u4"))]
