"""Fixed sparse matrices that act on features of nodes, gradients included."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class _Product(torch.autograd.Function):
    """The matrix times features; the gradient takes the transposed matrix, made once."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, matrix: Tensor, transposed: Tensor) -> Tensor:  # noqa: ANN401  torch's own context
        ctx.save_for_backward(transposed)
        return torch.as_tensor(torch.sparse.mm(matrix, features))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        (transposed,) = ctx.saved_tensors
        return torch.sparse.mm(transposed, gradients[0].contiguous()), None, None


class SparseMap(nn.Module):
    """A fixed linear map from nodes to nodes.

    The matrix and its transpose are made once, so that a step neither builds a matrix nor keeps
    one. torch-geometric's GraphUNet squares its adjacency at every forward instead.

    Args:
        row: node that an entry contributes to.
        column: node that it takes from.
        weight: of the entry.
        shape: numbers of nodes after and before.
    """

    def __init__(
        self,
        row: Int[Tensor, " entry"],
        column: Int[Tensor, " entry"],
        weight: Float[Tensor, " entry"],
        shape: tuple[int, int],
    ) -> None:
        super().__init__()
        matrix = _coalesced(torch.stack([row, column]), weight, shape)
        transposed = _coalesced(torch.stack([column, row]), weight, (shape[1], shape[0]))
        self.register_buffer("matrix", matrix, persistent=False)
        self.register_buffer("transposed", transposed, persistent=False)

    def forward(
        self, features: Float[Tensor, "before event channel"]
    ) -> Float[Tensor, "after event channel"]:
        """Apply the map to every event and channel."""
        flat = features.reshape(len(features), -1)
        mapped: Tensor = _Product.apply(flat, self.matrix, self.transposed)  # type: ignore[no-untyped-call]
        return mapped.reshape(-1, *features.shape[1:])


def _coalesced(index: Tensor, weight: Tensor, shape: tuple[int, int]) -> Tensor:
    return torch.sparse_coo_tensor(
        index, weight, shape, dtype=torch.float32, check_invariants=True
    ).coalesce()
