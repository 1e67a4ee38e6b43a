r"""What all PMTs of a type share, improved by one step: densities, walk, efficiency by distance.

Densities go the way of expectation and maximisation. Where the data have w times the share of the
translated hits, whatever hidden number made those hits was w times as frequent, so that a density
becomes itself times the mean of w over the hits that each of its bins has made. On light that is
spread by scintillation and optics this is Richardson's and Lucy's deconvolution, and pile-up,
threshold and dark hits are in it. Sources: Richardson (1972), 10.1364/JOSA.62.000055; Lucy (1974),
10.1086/111605.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from kzcal_fitted_response.constants import Constants, Shapes
from kzcal_fitted_response.grids import (
    CORE_HALF_WIDTH,
    N_CORE,
    N_DELAY,
    SIGHT_NODES,
    WALK_NODES,
    interpolated,
    standardised,
)
from kzcal_fitted_response.sampling import Reported
from kzcal_fitted_response.scoring import score_step
from kzcal_fitted_response.slopes import SHARED, Slopes
from kzcal_fitted_response.statistics import HitTable, View, by_type, medians
from kzcal_fitted_response.tubes import Comparison

PRIOR_COUNTS = 200.0
"""Hits that a bin of a density is worth before it has any: they speak for no change."""
LATENESS_EDGES = (
    *(-15.0, -12.5, -10.0, -8.0, -6.5, -5.0, -4.0, -3.0),
    *(-2.5 + 0.5 * i for i in range(16)),
    *(6.0, 7.0, 8.5, 10.0, 12.0, 14.0, 17.0, 20.0, 25.0, 30.0, 40.0, 50.0, 65.0, 80.0, 100.0),
)
"""Bins in which the residuals of data and translation are compared, ns."""
NEAR_PEAK = 6.0
"""Residuals within this of the offset tell the walk, ns."""
RELAXATION = 1.7
"""Power of the weights in densities of time: steps go further than those of maximisation, which
are slow where arrivals are spread. Powers below 2 still lead uphill."""
DAMPING = 0.05
"""Of steps of shared constants; see ``score_step``."""
LARGEST_STEP = 0.05
"""Of a shared constant of the charge in one turn."""
SHAPE_RANGE = {
    "low_share": (0.0, 0.6),
    "low_scale": (0.05, 1.0),
    "threshold": (0.02, 1.0),
    "threshold_width": (0.005, 0.3),
}
"""What shared constants can be."""


def improved(
    constants: Constants,
    data: HitTable,
    found: HitTable,
    reported: Reported,
    view: View,
    *,
    densities: bool,
    share: float,
) -> Shapes:
    """The shapes after one step.

    Args:
        constants: that the translation was made with.
        data: hits of the data.
        found: translated hits.
        reported: what made them.
        view: of the hits.
        densities: whether densities may change, too.
        share: of the walk's step that is taken.
    """
    shapes = replace(
        constants.shapes,
        walk=torch.lerp(constants.shapes.walk, _walk(constants, data, found, view), share),
        sight=_sight(constants, data, found, view),
    )
    if not densities:
        return shapes
    late = _weights_of_lateness(constants, data, found, view)
    return replace(
        shapes,
        charge=_charge(constants, data, found, reported, view),
        transit=_transit(constants, found, reported, view, late),
        delay=_delay(constants, found, reported, view, late),
    )


def scored(
    shapes: Shapes, both: Comparison, by: Slopes, kind: Int[Tensor, " pmt"], *, rate: float
) -> Shapes:
    """The shapes after a step of scoring of the charge's shared constants.

    Gain and width of all PMTs of a type are free in the step and left where they are: each PMT
    has a step of its own.

    Args:
        shapes: before.
        both: data and translation.
        by: slopes of the histograms.
        kind: type of each PMT.
        rate: share of the step that is taken.
    """
    n_types = len(shapes.low_share)
    data, found = (by_type(c, kind, n_types) for c in (both.data.charge, both.found.charge))
    counts = both.found.charge.sum(1)
    flat = by_type(counts[:, None] * by.charge.flatten(1), kind, n_types)
    mean = flat / by_type(counts[:, None], kind, n_types).clamp(min=1)
    slope = mean.reshape(n_types, *by.charge.shape[1:])
    share = (found + 0.5) / (found + 0.5).sum(1, keepdim=True)
    step = score_step(data, found, share, slope, damping=DAMPING)
    changed = {}
    for column, name in enumerate(SHARED, start=slope.shape[1] - len(SHARED)):
        delta = rate * step.delta[:, column].clamp(-LARGEST_STEP, LARGEST_STEP)
        changed[name] = (getattr(shapes, name) + delta).clamp(*SHAPE_RANGE[name]).float()
    return replace(shapes, **changed)


def _ratio(data: Tensor, found: Tensor, n_types: int, n_bins: int) -> Float[Tensor, "type bin"]:
    """Share of the data over share of the translation in each bin, from flat bin numbers."""
    both = [torch.bincount(rows, minlength=n_types * n_bins).double() for rows in (data, found)]
    of_data, of_found = (counts.reshape(n_types, n_bins) for counts in both)
    scale = of_found.sum(1, keepdim=True) / of_data.sum(1, keepdim=True).clamp(min=1)
    return (of_data * scale + PRIOR_COUNTS) / (of_found + PRIOR_COUNTS)


def _multiplied(
    density: Float[Tensor, "type bin"],
    index: Int[Tensor, " hit"],
    weight: Float[Tensor, " hit"],
    power: float = 1.0,
) -> Float[Tensor, "type bin"]:
    """The density times a power of the mean weight of the hits of each bin."""
    n = density.numel()
    count = torch.bincount(index, minlength=n).double()
    total = torch.bincount(index, weight.double(), minlength=n)
    factor = ((total + PRIOR_COUNTS) / (count + PRIOR_COUNTS)).reshape(density.shape)
    moved = density.double() * factor**power
    return (moved / moved.sum(1, keepdim=True)).to(density.dtype)


def _core_bin(value: Tensor) -> Tensor:
    position = (value + CORE_HALF_WIDTH) / (2 * CORE_HALF_WIDTH) * N_CORE
    return position.long().clamp(0, N_CORE - 1)


def _charge(
    constants: Constants, data: HitTable, found: HitTable, reported: Reported, view: View
) -> Float[Tensor, "type core"]:
    """Main part of the single-p.e. charge, from hits of little light."""
    tubes, n_types = constants.tubes, len(constants.shapes.charge)

    def place(hits: HitTable) -> Tensor:
        pull = (hits.charge / tubes.gain[hits.pmt] - 1) / tubes.spe_width[hits.pmt]
        return view.kind[hits.pmt] * N_CORE + _core_bin(pull)

    at = place(found)
    ratio = _ratio(place(data)[data.single], at[found.single], n_types, N_CORE)
    core = reported.arrivals.core[reported.first]
    rows = torch.nonzero(found.single & reported.single & torch.isfinite(core))[:, 0]
    index = view.kind[found.pmt[rows]] * N_CORE + _core_bin(core[rows])
    moved = _multiplied(constants.shapes.charge, index, ratio.reshape(-1)[at[rows]])
    return standardised(_smoothed(moved, constants.shapes.charge))


def _lateness_bin(constants: Constants, hits: HitTable, view: View) -> Tensor:
    edges = torch.tensor(LATENESS_EDGES, device=hits.pmt.device)
    off = hits.residual - constants.tubes.time_offset[hits.pmt]
    row = (torch.searchsorted(edges, off.contiguous(), right=True) - 1).clamp(0, len(edges) - 2)
    return view.kind[hits.pmt] * (len(edges) - 1) + row


def _weights_of_lateness(
    constants: Constants, data: HitTable, found: HitTable, view: View
) -> Float[Tensor, " hit"]:
    """By how much the data have more hits than the translation at each of its hits' residuals."""
    n_types, n_bins = len(constants.shapes.charge), len(LATENESS_EDGES) - 1
    of_data = _lateness_bin(constants, data, view)[data.light]
    at = _lateness_bin(constants, found, view)
    ratio = _ratio(of_data, at[found.light], n_types, n_bins)
    return torch.where(found.light, ratio.reshape(-1)[at], torch.nan)


def _transit(
    constants: Constants, found: HitTable, reported: Reported, view: View, late: Tensor
) -> Float[Tensor, "type core"]:
    """Core of the transit time."""
    core = reported.arrivals.transit[reported.first]
    rows = torch.nonzero(torch.isfinite(late) & torch.isfinite(core))[:, 0]
    index = view.kind[found.pmt[rows]] * N_CORE + _core_bin(core[rows])
    moved = _multiplied(constants.shapes.transit, index, late[rows], RELAXATION)
    return standardised(_smoothed(moved, constants.shapes.transit))


def _delay(
    constants: Constants, found: HitTable, reported: Reported, view: View, late: Tensor
) -> Float[Tensor, "type delay"]:
    """Further delays, no delay at all among them."""
    delay = reported.arrivals.delay[reported.first]
    rows = torch.nonzero(torch.isfinite(late) & (delay >= 0))[:, 0]
    index = view.kind[found.pmt[rows]] * N_DELAY + delay[rows]
    return _multiplied(constants.shapes.delay, index, late[rows], RELAXATION)


def _smoothed(
    moved: Float[Tensor, "type core"], before: Float[Tensor, "type core"]
) -> Float[Tensor, "type core"]:
    """The change of a density, evened out over neighbouring bins."""
    change = (moved.clamp(min=1e-9) / before.clamp(min=1e-9)).log()[:, None]
    kernel = torch.tensor([1.0, 2.0, 3.0, 2.0, 1.0], device=moved.device)[None, None] / 9
    padded = torch.nn.functional.pad(change, (2, 2), mode="replicate")
    even = torch.nn.functional.conv1d(padded, kernel)[:, 0]
    density = before * even.clamp(-0.3, 0.3).exp()
    return density / density.sum(1, keepdim=True)


def _walk(
    constants: Constants, data: HitTable, found: HitTable, view: View
) -> Float[Tensor, "type charge_node"]:
    """Delay by charge: the peaks of data and translation brought together in each charge class.

    The delay at 1 p.e. stays, since the offsets of the PMTs say it already.
    """
    nodes = torch.tensor(WALK_NODES, device=view.kind.device).log()
    n_types, step = len(constants.shapes.walk), float(nodes[1] - nodes[0])
    peaks = []
    for hits in (data, found):
        off = hits.residual - constants.tubes.time_offset[hits.pmt]
        rows = torch.nonzero(hits.light & (off.abs() < NEAR_PEAK))[:, 0]
        node = ((hits.charge[rows].clamp(min=1e-3).log() - nodes[0]) / step).round().long()
        cell = view.kind[hits.pmt[rows]] * len(nodes) + node.clamp(0, len(nodes) - 1)
        size = torch.bincount(cell, minlength=n_types * len(nodes))
        peaks.append(medians(off[rows], cell, n_types * len(nodes)).where(size > 500, torch.nan))
    change = (peaks[0] - peaks[1]).nan_to_num(0.0).reshape(n_types, -1)
    kinds = torch.arange(n_types, device=nodes.device)
    at_one = interpolated(change, nodes, kinds, torch.zeros(n_types, device=nodes.device))
    return constants.shapes.walk + change - at_one[:, None]


def _sight(
    constants: Constants, data: HitTable, found: HitTable, view: View
) -> Float[Tensor, "type sight_node"]:
    """Factor on the efficiency by distance, whose mean over the light stays."""
    n_types, n_nodes = len(constants.shapes.sight), len(SIGHT_NODES)
    counts = []
    for hits in (data, found):
        node = (hits.distance[hits.light] - SIGHT_NODES[0]).round().long().clamp(0, n_nodes - 1)
        index = view.kind[hits.pmt[hits.light]] * n_nodes + node
        counts.append(torch.bincount(index, minlength=n_types * n_nodes).reshape(n_types, -1))
    of_data, of_found = (c.double() for c in counts)
    scale = of_found.sum(1, keepdim=True) / of_data.sum(1, keepdim=True).clamp(min=1)
    ratio = (of_data * scale + PRIOR_COUNTS) / (of_found + PRIOR_COUNTS)
    moved = constants.shapes.sight * ratio
    mean = (moved * of_found).sum(1, keepdim=True) / of_found.sum(1, keepdim=True).clamp(min=1)
    return (moved / mean).to(constants.shapes.sight.dtype)
