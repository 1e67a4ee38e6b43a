"""Boosting on the logistic loss: what a learner of trees keeps between one tree and the next."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64
from torch import Tensor


class LogisticBoosting:
    """Logits of the examples so far, what the next tree has to mend, and on which examples.

    All randomness of the boosting is kept here, so that a resumed training grows the same trees.

    Args:
        signal: whether each example is signal.
        weight: of each in the loss.
        part: of the examples that each tree sees, drawn anew for every tree.
        seed: decides which.

    Source: J. Friedman (2001), doi:10.1214/aos/1013203451; (2002) for the part,
    doi:10.1016/S0167-9473(01)00065-2.
    """

    def __init__(
        self,
        signal: Bool[np.ndarray, " example"],
        weight: Float32[np.ndarray, " example"],
        *,
        part: float,
        seed: int,
    ) -> None:
        self._signal, self._weight = signal.astype(np.float64), weight.astype(np.float64)
        self._part = part
        self._logit = np.zeros(len(signal))
        self._generator = torch.Generator().manual_seed(seed)

    def loss(self) -> float:
        """Mean logistic loss of the logits so far, weighted."""
        loss = np.logaddexp(0.0, self._logit) - self._signal * self._logit
        return float(self._weight @ loss / self._weight.sum())

    def slopes(
        self,
    ) -> tuple[Float64[np.ndarray, " example"], Float64[np.ndarray, " example"]]:
        """First and second derivatives of the loss by the logits; zero for those left out."""
        drawn = torch.rand(len(self._logit), generator=self._generator).numpy() < self._part
        weight = self._weight * drawn
        chance = 1.0 / (1.0 + np.exp(-self._logit))
        return weight * (chance - self._signal), weight * chance * (1.0 - chance)

    def add(self, margin: Float64[np.ndarray, " example"]) -> None:
        """Take what a new tree says of every example."""
        self._logit += margin

    def state(self) -> Mapping[str, Tensor]:
        """Logits and the random state."""
        logit = torch.from_numpy(self._logit.copy())
        return {"logit": logit, "random": self._generator.get_state()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on exactly where ``state`` was taken."""
        self._logit = state["logit"].cpu().numpy().copy()
        self._generator.set_state(state["random"].cpu())
