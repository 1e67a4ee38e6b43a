"""Everything that is said about an experiment, in the order of its page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from kzcal.sensitivity.binned import (
    Expected,
    expected,
    signal_events,
    total,
    two_neutrino_events,
)
from kzcal.sensitivity.counting import unified_sensitivity
from kzcal.sensitivity.cuts import Cut, CutCurve
from kzcal.sensitivity.experiment import Experiment
from kzcal.sensitivity.halflife import UNIT
from kzcal.sensitivity.limits import expected_limit, toy_limits
from kzcal.sensitivity.scans import (
    CutScan,
    RadiusScan,
    Variation,
    scan_cuts,
    scan_radius,
    variations,
    with_cut,
)
from kzcal.sensitivity.shells import UNIFORM, shares
from kzcal.sensitivity.spectra import peak, spectrum

CENTRAL = (0.15865525393145707, 0.5, 0.8413447460685429)


@dataclass(frozen=True, slots=True)
class Counted:
    """Counting in the reference's region: no spectra, no shells, backgrounds known.

    Args:
        signal: events at the unit half-life.
        backgrounds: events of each.
        half_life: by the mean upper limit of Feldman and Cousins, years.
        two_neutrinos: in the region by the half-life instead of the published count, events
            with the reference's livetime and xenon.
    """

    signal: float
    backgrounds: dict[str, float]
    half_life: float
    two_neutrinos: float


@dataclass(frozen=True, slots=True, eq=False)
class Sensitivity:
    """The sensitivity of an experiment.

    Args:
        experiment: with the cuts that were taken.
        expected: events in all bins.
        half_life: that it is expected to exclude, years.
        toys: half-lives that made-up data sets exclude, years.
        counted: in one bin.
        cut_scans: of scores.
        radius_scans: by the rejection of the film's events.
        variations: of what is assumed.
    """

    experiment: Experiment
    expected: Expected
    half_life: float
    toys: Float64[np.ndarray, " set"]
    counted: Counted
    cut_scans: tuple[CutScan, ...]
    radius_scans: tuple[RadiusScan, ...]
    variations: tuple[Variation, ...]

    @property
    def band(self) -> tuple[float, float, float]:
        """Median limit of made-up data, between the ends of the central 68 %, years."""
        low, middle, high = np.quantile(self.toys, CENTRAL)
        return float(low), float(middle), float(high)

    @property
    def fiducial(self) -> tuple[float, float, float]:
        """What the film's events cost.

        Returns:
            Outermost radius, m, that is best for counting by energy alone; what shells out to the
            film gain over that; and what they gain when most of the film's events are rejected.
        """
        plain, clean = self.radius_scans[0], self.radius_scans[-1]
        best = int(np.argmax(plain.volumes))
        base = plain.volumes[best]
        return plain.radii[best], plain.half_lives[-1] / base, clean.half_lives[-1] / base

    def as_dict(self) -> dict[str, Any]:
        """Every number, by name."""
        low, middle, high = self.band
        return {
            "experiment": asdict(self.experiment),
            "exposure_kg_yr": self.experiment.exposure,
            "half_life": self.half_life,
            "toys": {"n": len(self.toys), "low": low, "median": middle, "high": high},
            "counted": asdict(self.counted),
            "cuts": [asdict(one) for one in self.cut_scans],
            "radius": [asdict(one) for one in self.radius_scans],
            "variations": [asdict(one) for one in self.variations],
        }


def study(
    experiment: Experiment,
    rejections: Sequence[Cut | CutCurve] = (),
    *,
    toys: int,
    seed: int,
    advance: Callable[[float], None] = lambda _: None,
) -> Sensitivity:
    """Find what an experiment is expected to exclude, and what that hangs on.

    Args:
        experiment: with its own cuts.
        rejections: cuts in place of them, or scores on which the best cut is sought, in order.
        toys: data sets that are made up.
        seed: decides them.
        advance: told how many of six parts are done.
    """
    scans = []
    for one in rejections:
        if isinstance(one, CutCurve):
            scans.append(scan_cuts(experiment, one))
            experiment = with_cut(experiment, scans[-1].cuts[scans[-1].best])
        else:
            experiment = with_cut(experiment, one)
    advance(1)
    whole = expected(experiment)
    half_life = expected_limit(whole, experiment.excess)
    advance(1)
    drawn = toy_limits(whole, experiment.excess, toys, generator=np.random.default_rng(seed))
    advance(1)
    radii = scan_radius(experiment)
    advance(1)
    changed = variations(experiment)
    advance(1)
    counted = count(experiment)
    advance(1)
    return Sensitivity(experiment, whole, half_life, drawn, counted, tuple(scans), radii, changed)


def count(experiment: Experiment) -> Counted:
    """Count in the reference's region."""
    reference = experiment.reference
    edges, radius = np.array(reference.energy), np.array([0.0, reference.radius])

    def inside(name: str, place: str, length: float) -> float:
        energy = spectrum(name, edges, experiment.resolution, experiment.scale)
        return float(energy[0] * shares(place, radius, experiment.balloon, length)[0])

    events = {
        one.name: total(experiment, one) * inside(one.spectrum, one.place, one.length)
        for one in experiment.backgrounds
    }
    near = shares(UNIFORM, radius, experiment.balloon, 0.0)[0]
    seen = peak(edges, experiment.resolution, experiment.scale)[0]
    signal = float(signal_events(experiment) * near * seen)
    limit = unified_sensitivity(sum(events.values()))
    return Counted(signal, events, UNIT * signal / limit, two_neutrino_events(experiment))
