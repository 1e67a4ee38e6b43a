"""Runs of known light for the sharing out of light over PMTs, and their fits."""

from dataclasses import replace

import numpy as np
from traced_run import points_of

from kzcal.fit.light.lost import LostByTime
from kzcal.fit.light.occupancy import OccupancyCounts
from kzcal.fit.light.traced import traced
from kzcal.fit.newton import Newton
from kzcal.fit.objective import FitObjective
from kzcal.optics.tracer import SLOPES
from kzcal.parts import Parameter

TRUTHS = {
    "absorption_scale": (0.75, 1.2),
    "scattering_scale": (0.85, 1.2),
    "pmt_reflectivity": (0.12, 0.24),
    "angular_slope": (0.1, 0.5),
    "efficiency_20": (0.8, 0.95),
}
"""Ranges that true values are drawn from."""

TRUTH_IN_THE_MIDDLE = {name: sum(ends) / 2 for name, ends in TRUTHS.items()}


def ball(n, radius=5.5, seed=1):
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=(n, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return radius * np.cbrt(rng.random((n, 1))) * direction


def term_of(run, photons, seed=1, *, light=None):
    """The term of all events of a run, in which light has such parameters."""
    shining = run if light is None else replace(run, detector=light)
    counts = OccupancyCounts.of(shining, {"one": np.arange(len(run.stream.events.used))})
    for batch in run.stream.batches():
        counts.add(batch, LostByTime(run).behind(batch))
    for block in traced(points_of(run), shining, photons, seed=seed):
        counts.add_light(block)
    return counts.term()


def free_parameters(**start):
    """Those of TRUTHS, without priors."""
    return [
        Parameter(
            name=name,
            start=start.get(name, middle),
            lower=0.05,
            upper=0.6 if name == "pmt_reflectivity" else 3.0,
            unit="1",
            prior=None,
            summary="",
            source="",
        )
        for name, middle in TRUTH_IN_THE_MIDDLE.items()
    ]


def fitted(run, photons, seed):
    """Two rounds of trace and fit, from the middle of what truths may be."""
    start = TRUTH_IN_THE_MIDDLE
    for turn in range(2):
        light = {name: value for name, value in start.items() if name in SLOPES}
        moved = replace(run.detector, light=replace(run.detector.light, **light))
        term = term_of(run, photons, seed + turn, light=moved)
        parameters = free_parameters(**start)
        found = Newton().minimise(FitObjective((term,), parameters), parameters, seed=1)
        start = dict(zip(TRUTHS, found.values.tolist(), strict=True))
    return found
