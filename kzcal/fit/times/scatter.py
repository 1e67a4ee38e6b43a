r"""What the hits of an event share, as an error of the fit.

Bins hold Poisson numbers where hits come on their own. Hits of one event share the errors of its
vertex and emission time, and where and when its gammas shone: events, not hits, are independent.
A hit in a bin whose expectation has slopes s of its logarithm moves the fit by C s, C being the
covariance; the error of the fit is how these sums scatter from event to event. What they scatter
by more than their hits would alone,

.. math:: J = \sum_e \Big[\Big(\sum_{h \in e} s_h\Big) \Big(\sum_{h \in e} s_h\Big)^T
   - \sum_{h \in e} s_h s_h^T\Big],

adds C J C to the covariance.

Source: Liang and Zeger (1986), doi:10.1093/biomet/73.1.13, the covariance of clustered data.
Assumption: decays drawn for the expectation are so many that their own scatter does not count.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from kzcal.calibrate.stream import HitBatch
from kzcal.fit.objective import FitObjective
from kzcal.fit.terms import information_weight
from kzcal.fit.times.binned import N_CHARGE, N_TIMES, BinnedHits
from kzcal.fit.times.cells import N_CELLS, TimeCells
from kzcal.fit.times.term import TimeTerm
from kzcal.parts import Minimum

Matrix = Float64[np.ndarray, "parameter parameter"]


def with_event_scatter(
    minimum: Minimum, objective: FitObjective, cells: TimeCells, batches: Iterable[HitBatch]
) -> Minimum:
    """The minimum with what the hits of an event share in its covariance.

    Args:
        minimum: of the free parameters.
        objective: that it is the minimum of; without a term of times nothing is added.
        cells: of the run.
        batches: of the run's hits, events whole.
    """
    covariance = minimum.covariance
    for term in objective.terms:
        if isinstance(term, TimeTerm):
            slopes = hit_slopes(term, objective, minimum.values)
            covariance = covariance + added(
                minimum.covariance, excess(term, slopes, cells, batches)
            )
    return replace(minimum, covariance=covariance)


def hit_slopes(
    term: TimeTerm, objective: FitObjective, values: Float64[np.ndarray, " parameter"]
) -> Float[Tensor, "bin parameter"]:
    """By how much a hit in each bin of the term pulls at each parameter.

    How many hits a cell and charge has tells nothing, so that the mean of their slopes is zero.
    """

    def mean(point: Tensor) -> Tensor:
        return term.expected(objective.named(point)).mean

    at = objective.vector(values)
    expected = term.expected(objective.named(at))
    slopes = torch.func.jacfwd(mean)(at) * information_weight(expected)[:, None]
    weight = expected.mean.reshape(-1, N_TIMES, 1)
    by_charge = slopes.reshape(*weight.shape[:2], -1)
    centre = (weight * by_charge).sum(1, keepdim=True) / weight.sum(1, keepdim=True)
    centred: Tensor = (by_charge - centre).flatten(0, 1)
    return centred


def excess(
    term: TimeTerm,
    slopes: Float[Tensor, "bin parameter"],
    cells: TimeCells,
    batches: Iterable[HitBatch],
) -> Matrix:
    """J of the text: scatter of the events' sums of slopes beyond that of their hits."""
    place = torch.full((N_CELLS,), -1, device=slopes.device)
    place[term.cell] = torch.arange(len(term.cell), device=slopes.device)
    total = slopes.new_zeros(slopes.shape[1], slopes.shape[1])
    for batch in batches:
        hits = BinnedHits.of(batch, cells)
        cell = place[hits.box // N_CHARGE]
        index = (cell * N_CHARGE + hits.box % N_CHARGE) * N_TIMES + hits.time
        each = slopes[index[cell >= 0]]
        event = (hits.row - batch.rows.start)[cell >= 0]
        n_events = batch.rows.stop - batch.rows.start
        sums = slopes.new_zeros(n_events, slopes.shape[1]).index_add(0, event, each)
        total += sums.T @ sums - each.T @ each
    found: Matrix = total.cpu().numpy()
    return found


def added(covariance: Matrix, scatter: Matrix) -> Matrix:
    """C J C, without what the noise of J would take away from a variance."""
    variance, axes = np.linalg.eigh(covariance)
    root = axes * np.sqrt(np.maximum(variance, 0.0))
    size, own = np.linalg.eigh(root.T @ scatter @ root)
    sides = root @ own * np.sqrt(np.maximum(size, 0.0))
    more: Matrix = sides @ sides.T
    return more
