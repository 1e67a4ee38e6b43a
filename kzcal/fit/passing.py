r"""What hides below the discriminator's threshold, as an error of the amount of light.

Terms count hits; the share of photoelectrons that pass is known from charge spectra above the
threshold alone, to an error that is common to the PMTs of a type. Hits fix the products
:math:`Y p_{17}` and :math:`Y e_{20} p_{20}` of light yield, relative efficiency and share. So an
error of a share goes into the covariance of the first two and moves nothing else.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float64

from kzcal.fit.parameters import ParameterSet
from kzcal.fit.run import CalibratedRun
from kzcal.parts import Minimum


def with_passing_error(minimum: Minimum, parameters: ParameterSet, run: CalibratedRun) -> Minimum:
    """The minimum with the errors of both types' shares in its covariance.

    Args:
        minimum: of the free parameters.
        parameters: of the fit, in the same order.
        run: with the charge spectra's fit.
    """
    names = [p.name for p in parameters.free]
    if not {"light_yield", "efficiency_20"} & set(names):
        return minimum
    slopes = passing_slopes(names, minimum.values, _hit_shares(run))
    error = run.result.charge.passing_error.cpu().numpy()
    more = slopes @ np.diag(error**2) @ slopes.T
    return replace(minimum, covariance=minimum.covariance + more)


def passing_slopes(
    names: list[str],
    values: Float64[np.ndarray, " parameter"],
    hits: Float64[np.ndarray, " 2"],
) -> Float64[np.ndarray, "parameter 2"]:
    """By how much each parameter moves for a relative error of each type's share above threshold.

    Where the relative efficiency of the 20-inch tubes is not free, the light yield takes up the
    error of each type by its part of the hits. Where the light yield is not free, occupancies have
    a free height of their own, and the relative efficiency follows the ratio of the shares.

    Args:
        names: of the free parameters.
        values: of these.
        hits: part of all hits that 17-inch and 20-inch tubes have.
    """
    slopes = np.zeros((len(names), 2))
    twenty_is_free = "efficiency_20" in names
    for row, name in enumerate(names):
        if name == "light_yield":
            slopes[row] = (-1.0, 0.0) if twenty_is_free else -hits
        elif name == "efficiency_20":
            slopes[row] = 1.0, -1.0
        slopes[row] *= values[row]
    return slopes


def _hit_shares(run: CalibratedRun) -> Float64[np.ndarray, " 2"]:
    """Parts of the hits by type, of light that comes evenly from everywhere."""
    light = run.weight.double() * torch.from_numpy(run.detector.aperture_radius**2).to(
        run.weight.device
    )
    kind = run.stream.detector.kind
    total = torch.stack([light[kind == k].sum() for k in (0, 1)])
    return (total / total.sum()).cpu().numpy()
