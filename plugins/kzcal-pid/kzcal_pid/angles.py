r"""Angles between all pairs of directions at the cost of one pass over the directions.

By the multinomial theorem the k-th power of the cosine between two unit vectors is a product of
two vectors that know one of them each,

.. math:: (n \cdot m)^k = \sum_{a + b + c = k} \phi_{abc}(n)\,\phi_{abc}(m), \quad
    \phi_{abc}(n) = \sqrt{k! / (a!\,b!\,c!)}\; n_x^a n_y^b n_z^c,

so that a sum over all pairs of hits needs none of them.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

HIGHEST = 4
"""Highest power of the cosine: sites some tens of centimetres apart make no finer pattern."""
EXPONENTS = [
    (a, b, k - a - b) for k in range(HIGHEST + 1) for a in range(k + 1) for b in range(k - a + 1)
]
"""Of x, y and z in each column."""


def degrees() -> Int64[np.ndarray, " column"]:
    """Power of the cosine that each column belongs to."""
    return np.asarray(np.sum(EXPONENTS, axis=1))


def columns(direction: Float[Tensor, "*hit 3"]) -> Float[Tensor, "*hit column"]:
    """The columns of unit vectors; products of two rows, by power, are powers of their cosine."""
    powers = [torch.ones_like(direction)]
    for _ in range(HIGHEST):
        powers.append(powers[-1] * direction)
    found = []
    for exponents in EXPONENTS:
        ways = math.factorial(sum(exponents)) / math.prod(map(math.factorial, exponents))
        x, y, z = (powers[n][..., axis] for axis, n in enumerate(exponents))
        found.append(math.sqrt(ways) * x * y * z)
    return torch.stack(found, -1)


def legendre() -> Float32[np.ndarray, "degree power"]:
    """Coefficients of Legendre polynomials by powers of their argument."""
    rows = np.eye(HIGHEST + 1)
    table = [np.polynomial.legendre.leg2poly(row) for row in rows]
    padded = [np.pad(row, (0, HIGHEST + 1 - len(row))) for row in table]
    return np.stack(padded).astype(np.float32)
