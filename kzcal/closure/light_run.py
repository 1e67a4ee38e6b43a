"""A run with known light: every photon traced in a detector at the injected truth.

Vertices, energies and emission times are the true ones with Gaussian errors, as a reconstruction
with these resolutions would find them (kzcal.simulate.smearing).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.stats import truncnorm

from kzcal.calibrate.demo import draw_truth
from kzcal.calibrate.pulse_steps import GLOBAL_BOUNDS, GLOBAL_SIGMA, GLOBAL_START
from kzcal.conditions.database import Database
from kzcal.conditions.nominal import bookkeeping
from kzcal.conditions.payload import Column, GlobalBlock, Lineage, Payload
from kzcal.conditions.quantities import GLOBAL_FIT, GOOD, QUANTITIES, RESPONSE
from kzcal.geometry import Detector, load_detector
from kzcal.simulate.cocktail import Cocktail, ForcedTriggers, Ingredient
from kzcal.simulate.constants import Constants
from kzcal.simulate.muons import MuonRates
from kzcal.simulate.run import write_simulation
from kzcal.simulate.setup import Setup
from kzcal.simulate.smearing import SMEARED

RUN, TAG, DAY_S = 1, "truth", 86_400.0
DECAYS: Mapping[str, int] = {"bi210": 600, "po210": 1000, "c11": 1000, "bipo214": 600}
CAPTURES, FORCED = 2000, 1000
CAPTURES_PER_MUON = 0.19
DARK_ABOVE_THRESHOLD = 0.8
"""Share of dark pulses that pass the discriminator, roughly."""
HIDDEN = ("exponential_fraction", "exponential_scale")
"""Of the charge of single photoelectrons; the first two that all PMTs of a type share."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """Errors of the reconstruction.

    Args:
        vertex: standard deviation at 1 MeV, three axes together, m.
        t0: of the emission time, ns.
    """

    vertex: float
    t0: float


def write_run(
    path: Path,
    scratch: Path,
    truth: Mapping[str, float],
    resolution: Resolution,
    *,
    scale: float,
    seed: int,
) -> None:
    """Write a run of calibration samples.

    Args:
        path: the event file.
        scratch: directory for a database with the truth.
        truth: values of global parameters, by the names of the global fit.
        resolution: of the reconstruction.
        scale: of the number of events.
        seed: decides everything, the constants of the PMTs included.
    """
    detector = load_detector()
    place = str(scratch / "truth.db")
    with Database.init(place) as db:
        payloads = [constants(detector, truth, seed=seed), shared(truth)]
        db.store(TAG, RUN, RUN, payloads, "injected", description="truth of a closure")
    errors = f"{SMEARED}:{resolution.vertex}:{resolution.t0}"
    cocktail = replace(_cocktail(scale, seed), vertex=errors)
    write_simulation(Setup(cocktail, Constants.stored(place, TAG, RUN)), path)


def constants(detector: Detector, truth: Mapping[str, float], *, seed: int) -> Payload:
    """Constants of every PMT, drawn about the means that the truth gives."""
    drawn = draw_truth(detector, seed=seed)
    status = np.where(drawn.status == "swapped", GOOD, drawn.status)
    values = {q.name: np.array(getattr(drawn, q.name), np.float64) for q in QUANTITIES}
    values["dark_rate"] *= DARK_ABOVE_THRESHOLD
    values["time_offset"] -= values["time_offset"][status == GOOD].mean()
    for size in (17, 20):
        rows = detector.diameter_inch == size
        good = rows & (status == GOOD)
        values["qe"][rows] /= values["qe"][good].mean()
        wanted = truth.get(f"tts_mean_{size}")
        if wanted is not None:
            values["tts"][rows] *= wanted / np.sqrt((values["tts"][good] ** 2).mean())
    columns = bookkeeping(status)
    for q in QUANTITIES:
        errors = np.zeros(detector.n_pmt)
        columns[q.name] = Column(values[q.name], q.unit, q.doc, errors)
    return Payload(RESPONSE, columns, low_charges(seed), Lineage(seed=seed))


def drawn_from(
    prior: tuple[float, float], bounds: tuple[float, float], generator: np.random.Generator
) -> float:
    """A value of a Gaussian prior, mean and standard deviation, within its bounds."""
    mean, sigma = prior
    limits = [(bound - mean) / sigma for bound in bounds]
    return float(truncnorm(*limits, mean, sigma).rvs(random_state=generator))


def low_charges(seed: int) -> GlobalBlock:
    """Low exponentials of both types, drawn from the priors of the calibration.

    What hides below the threshold is known in part by these alone: errors that contain them are
    right for truths that are drawn from them.
    """
    generator = np.random.default_rng([seed, 2])
    names = tuple(f"{name}_{size}" for size in (17, 20) for name in HIDDEN)
    values = []
    for row in (0, 1) * 2:
        prior = GLOBAL_START[row], GLOBAL_SIGMA[row]
        values.append(drawn_from(prior, GLOBAL_BOUNDS[row], generator))
    n = len(names)
    return GlobalBlock(names, np.array(values), ("1",) * n, np.zeros((n, n)), ("injected",) * n)


def shared(truth: Mapping[str, float]) -> Payload:
    """The truth of the global parameters as a global fit would store it, without errors."""
    names, n = tuple(truth), len(truth)
    values = np.array(list(truth.values()), np.float64)
    block = GlobalBlock(names, values, ("1",) * n, np.zeros((n, n)), ("injected",) * n)
    return Payload(GLOBAL_FIT, {}, block, Lineage())


def _cocktail(scale: float, seed: int) -> Cocktail:
    """A day with the calibration samples."""
    parts = (Ingredient(name, "ls", number=round(scale * n)) for name, n in DECAYS.items())
    return Cocktail(
        RUN,
        tuple(parts),
        seed=seed,
        duration_s=DAY_S,
        light="full",
        muons=MuonRates(rate_hz=scale * CAPTURES / CAPTURES_PER_MUON / DAY_S),
        forced=ForcedTriggers(number=round(scale * FORCED)),
    )
