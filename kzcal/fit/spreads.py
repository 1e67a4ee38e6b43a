"""Transit-time spreads of single PMTs with the means that the global fit found.

The calibration of every PMT learns delays of light from the very hits, and what it takes for delay
it misses in the spread, of all PMTs of a type alike. The global fit compares times with traced
light, and knows the mean.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from kzcal.calibrate.driver import RunResult
from kzcal.fit.parameters import ParameterSet
from kzcal.fit.run import CalibratedRun
from kzcal.parts import Minimum

MEANS = ("tts_mean_17", "tts_mean_20")
"""Parameters of the mean spreads, by type."""


def with_fitted_spreads(
    minimum: Minimum, parameters: ParameterSet, run: CalibratedRun
) -> RunResult:
    """The run's calibration, with the mean spreads and their errors where these are free.

    Args:
        minimum: of the free parameters.
        parameters: of the fit, in the same order.
        run: that was fitted.
    """
    result, names = run.result, [p.name for p in parameters.free]
    free = [k for k, name in enumerate(MEANS) if name in names]
    if not free:
        return result
    rows = [names.index(MEANS[k]) for k in free]
    simple = result.timing.simple
    mean, covariance = simple.tts.clone(), simple.covariance.clone()
    found = torch.from_numpy(minimum.values[rows]).to(mean)
    errors = torch.from_numpy(minimum.covariance[rows][:, rows]).to(covariance)
    mean[free] = found
    covariance[free, :] = covariance[:, free] = 0.0
    relative = errors / (found[:, None] * found).to(covariance)
    covariance[torch.tensor(free)[:, None], torch.tensor(free)] = relative
    kind, counting = run.stream.detector.kind, run.weight > 0
    timing = result.timing.with_mean_spreads(mean, kind, counting)
    timing = replace(timing, simple=replace(timing.simple, covariance=covariance))
    return replace(result, timing=timing)
