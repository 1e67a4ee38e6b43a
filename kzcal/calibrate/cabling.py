r"""Cables that lead elsewhere.

A PMT that is where it should be is hit by the events that lie near it. For each PMT the sum of
the vertices of its hits is compared with its expectation; where it is off, the hits are compared
with every position of the detector: with the light model the log likelihood of position k is

.. math:: \sum_j n_j \ln a_{kj} - N \ln \sum_j s_j a_{kj}

with the efficiency profiled. Two cables that each fit the other's place best are exchanged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.calibrate.light_model import LightModel, dense_share
from kzcal.calibrate.occupancy import OccupancySums
from kzcal.calibrate.stream import RunStream
from kzcal.calibrate.survey import LIGHT_WINDOW
from kzcal.optics.acceptance import sightline

SUSPICIOUS = 16.0
"""Chi-square of three numbers above which positions are compared: 1 in 900 by chance."""
CERTAIN = 15.0
"""Gain in log likelihood over the own position that proves another."""


@dataclass(frozen=True, slots=True)
class Cabling:
    """Where cables lead.

    Args:
        place: position at which each cable ends; its own number where nothing is wrong.
        exchanged: pairs of exchanged cables.
        misplaced: cables whose hits come from elsewhere, by the position that fits best.
    """

    place: np.ndarray
    exchanged: tuple[tuple[int, int], ...]
    misplaced: dict[int, int]


def pull_of_position(sums: OccupancySums) -> Float[Tensor, " pmt"]:
    """Chi-square of three numbers: where the vertices of a PMT's hits lie, against the model."""
    spread = sums.spread.double()
    scale = spread.diagonal(dim1=1, dim2=2).mean(1).clamp(min=1e-3)
    regular = spread + 1e-3 * torch.diag_embed(scale[:, None].expand(-1, 3))
    solved = torch.linalg.solve(regular, sums.pull.double()[..., None])[..., 0]
    chi_square: Tensor = (sums.pull.double() * solved).sum(1)
    return chi_square


def find_cabling(
    stream: RunStream, model: LightModel, sums: OccupancySums, alive: Tensor
) -> Cabling:
    """Compare suspicious PMTs with every position, in one pass over the run."""
    n_pmt = stream.detector.n_pmt
    own = np.arange(n_pmt)
    suspects = torch.nonzero(alive & (pull_of_position(sums) > SUSPICIOUS))[:, 0]
    if len(suspects) == 0:
        return Cabling(own, (), {})
    likelihood = _likelihood_of_places(stream, model, suspects).cpu().numpy()
    names = suspects.cpu().numpy()
    best = likelihood.argmax(1)
    gain = likelihood[np.arange(len(names)), best] - likelihood[np.arange(len(names)), names]
    moved = {int(n): int(b) for n, b, g in zip(names, best, gain, strict=True) if g > CERTAIN}
    exchanged = _pairs(names, likelihood, moved)
    place = own.copy()
    for a, b in exchanged:
        place[a], place[b] = b, a
    paired = {cable for pair in exchanged for cable in pair}
    misplaced = {cable: to for cable, to in moved.items() if cable not in paired}
    return Cabling(place, exchanged, misplaced)


def _pairs(
    names: np.ndarray, likelihood: np.ndarray, moved: dict[int, int]
) -> tuple[tuple[int, int], ...]:
    """Pairs of moved cables that fit each other's place as well as any place, best first."""
    row = {int(name): i for i, name in enumerate(names)}
    candidates = []
    for a in moved:
        for b in moved:
            if a >= b:
                continue
            to_b, to_a = likelihood[row[a]], likelihood[row[b]]
            lost = (to_b.max() - to_b[b]) + (to_a.max() - to_a[a])
            gained = (to_b[b] - to_b[a]) + (to_a[a] - to_a[b])
            if gained > 2 * CERTAIN and lost < CERTAIN:
                candidates.append((lost, a, b))
    taken: set[int] = set()
    pairs = []
    for _, a, b in sorted(candidates):
        if a not in taken and b not in taken:
            taken |= {a, b}
            pairs.append((a, b))
    return tuple(pairs)


def _likelihood_of_places(
    stream: RunStream, model: LightModel, suspects: Tensor
) -> Float[Tensor, "suspect place"]:
    detector, device = stream.detector, suspects.device
    row_of = torch.full((detector.n_pmt,), -1, dtype=torch.long, device=device)
    row_of[suspects] = torch.arange(len(suspects), device=device)
    total = torch.zeros(len(suspects), detector.n_pmt, dtype=torch.float64, device=device)
    expected = torch.zeros(detector.n_pmt, dtype=torch.float64, device=device)
    n_hits = torch.zeros(len(suspects), dtype=torch.float64, device=device)
    lower, upper = LIGHT_WINDOW
    for batch in stream.batches():
        n_events = batch.rows.stop - batch.rows.start
        row = row_of[batch.pmt]
        chosen = (row >= 0) & batch.used & (batch.time > 0) & (batch.time < upper - lower)
        hits = torch.zeros(len(suspects), n_events, device=device)
        hits.index_put_(
            (row[chosen], batch.event[chosen]), torch.ones((), device=device), accumulate=True
        )
        view = sightline(stream.events.vertex[batch.rows], detector.direction, detector.radius)
        share = dense_share(model.acceptance, view, stream)
        total += (hits @ torch.log(share)).double()
        expected += (model.light[batch.rows] @ share).double()
        n_hits += hits.sum(1).double()
    return total - n_hits[:, None] * torch.log(expected)
