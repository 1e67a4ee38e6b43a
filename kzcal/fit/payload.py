"""A global fit as the payload of kind "global-fit".

The global block has the values, and the covariance of the free ones. What a constant of a PMT
would be with another value of a parameter is a column: slopes, which are the cross terms of the
covariance, since the covariance of a constant and a parameter is slope times the parameter's.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from kzcal.conditions.payload import Column, GlobalBlock, Lineage, Payload
from kzcal.conditions.quantities import GLOBAL_FIT, PRIOR
from kzcal.fit.driver import GlobalFit
from kzcal.fit.spreads import MEANS
from kzcal.geometry import Detector
from kzcal.response.nominal import TYPES

MEAN_MEV = 0.5
"""Visible energy of the point-like light that spreads rest on, MeV."""


def fit_payload(found: GlobalFit, lineage: Lineage, detector: Detector) -> Payload:
    """The payload of a fit.

    Args:
        found: the fit.
        lineage: what made it.
        detector: whose PMTs they are.
    """
    columns = cross_terms(found, detector)
    for part in found.agreement:
        columns |= {
            f"{part.name}_counts": Column(part.counts, "1", "observed"),
            f"{part.name}_expected": Column(part.expected, "1", "expected"),
            f"{part.name}_variance": Column(part.variance, "1", "relative, of the expectation"),
        }
    columns[PRIOR] = Column(priors(found), "1", "mean and 1/variance of what was known before")
    rounds = found.rounds
    columns["round_moved"] = Column(
        np.array([r.moved for r in rounds]), "1", "farthest move, sigma"
    )
    columns["round_values"] = Column(np.stack([r.values for r in rounds]), "1", "after each round")
    return Payload(GLOBAL_FIT, columns, global_block(found), lineage)


def global_block(found: GlobalFit) -> GlobalBlock:
    """Free parameters with their covariance, then the fixed ones, which have none."""
    free, fixed = found.parameters.free, found.parameters.fixed
    names = (*(p.name for p in free), *fixed)
    n = len(names)
    covariance = np.zeros((n, n))
    covariance[: len(free), : len(free)] = found.minimum.covariance
    return GlobalBlock(
        names=names,
        values=np.array([*found.minimum.values, *fixed.values()]),
        units=tuple(found.parameters.units[name] for name in names),
        covariance=(covariance + covariance.T) / 2,
        docs=(*(p.summary for p in free), *("not fitted" for _ in fixed)),
    )


def priors(found: GlobalFit) -> Float64[np.ndarray, "parameter 2"]:
    """Mean and information of each prior, in the order of the global block; 0 where none is."""
    rows = [
        (p.prior[0], p.prior[1] ** -2) if p.prior else (0.0, 0.0) for p in found.parameters.free
    ]
    return np.array([*rows, *[(0.0, 0.0)] * len(found.parameters.fixed)])


def cross_terms(found: GlobalFit, detector: Detector) -> dict[str, Column]:
    """How spreads of transit times follow parameters of the fit.

    Where the mean spread of a type is free, all of its spreads move as it does. Where it is not,
    the calibration fixes the variance of a residual: spread, emission time and vertex together.
    Efficiencies, charges and offsets rest on no parameter of the global fit: the acceptance that
    efficiencies are counted against is learned from the run.
    """
    tts = found.result.timing.tts.double().cpu().numpy()
    values, free = found.parameters.values, {p.name for p in found.parameters.free}
    light_speed = found.calibration.light_speed
    diameter = detector.diameter_inch[found.result.cabling.place]
    columns, others = {}, np.zeros(detector.n_pmt)
    for name, size in zip(MEANS, TYPES, strict=True):
        of_type = diameter == size
        if name in free:
            columns[f"tts_by_{name}"] = _slope(of_type.astype(np.float64), "1")
        else:
            others += of_type / tts
    by_t0 = -values["t0_resolution"] * others
    by_vertex = -values["vertex_resolution"] / light_speed**2 / (3 * MEAN_MEV) * others
    return {
        **columns,
        "tts_by_t0_resolution": _slope(by_t0, "1"),
        "tts_by_vertex_resolution": _slope(by_vertex, "ns/m"),
    }


def _slope(values: Float64[np.ndarray, " pmt"], unit: str) -> Column:
    known = np.where(np.isfinite(values), values, 0.0)
    return Column(known, unit, "slope of a PMT's constant by a parameter of the global fit")
