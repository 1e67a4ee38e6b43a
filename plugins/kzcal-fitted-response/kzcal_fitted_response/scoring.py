r"""One step towards the constants whose translated hits are distributed as the data's are.

Hits of a PMT fall into the bins of a histogram with shares p, whose slopes J by its constants are
known. With the shares d of the data and s of the translated photoelectrons

.. math:: \delta = F^{-1} J^T p^{-1} (d - s), \qquad F = J^T p^{-1} J

is the step of Fisher's scoring, whose variance is :math:`F^{-1} (1/N_d + 1/N_s)`. Light that
piles up, the threshold and dark hits of a PMT are in its own s: no slope has to be right for the
step to vanish at the truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

TINY = 1e-9
"""Information that is added, so that a histogram without slopes gives a step all the same."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """How far constants are off.

    Args:
        delta: by which to move them.
        variance: of each, the others being moved too.
    """

    delta: Float[Tensor, "row parameter"]
    variance: Float[Tensor, "row parameter"]


def score_step(
    data: Float[Tensor, "row bin"],
    simulated: Float[Tensor, "row bin"],
    share: Float[Tensor, "row bin"],
    slope: Float[Tensor, "row parameter bin"],
    *,
    copies: float = 1.0,
    damping: float = 0.0,
) -> Step:
    """A step for every row of two tables of counts.

    Args:
        data: hits by bin.
        simulated: translated photoelectrons by bin.
        share: of each bin, roughly; above zero.
        slope: of the shares.
        copies: independent translations that later steps average over.
        damping: share by which the diagonal of the information is raised (Levenberg, Marquardt).
    """
    weight = slope / share[:, None]
    information = torch.einsum("rpb,rqb->rpq", weight, slope)
    diagonal = information.diagonal(dim1=1, dim2=2)
    inverse = torch.linalg.inv(information + torch.diag_embed(damping * diagonal + TINY))
    n_data, n_simulated = (counts.sum(1).clamp(min=1) for counts in (data, simulated))
    off = data / n_data[:, None] - simulated / n_simulated[:, None]
    score = torch.einsum("rpb,rb->rp", weight, off)
    delta = torch.einsum("rpq,rq->rp", inverse, score)
    noise = 1 / n_data + 1 / (n_simulated * copies)
    return Step(delta, inverse.diagonal(dim1=1, dim2=2) * noise[:, None])
