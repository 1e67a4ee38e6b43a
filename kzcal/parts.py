"""What the records of plugins build: protocols, and the results that pass between parts and kzcal.

A part is whatever keeps its protocol; it inherits from nothing. ``kzcal.components`` has the
records that say how parts are called and made, ``kzcal.learning`` the parts that learn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int16

from kzcal.hits import Events, Muons, RunHeader
from kzcal.particles import Primaries

if TYPE_CHECKING:
    from kzcal.conditions.payload import Column, Payload
    from kzcal.geometry import Detector


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The events of one calibration sample in a run.

    Args:
        rows: which events of the run belong to it.
        purity: share of these events that are what the sample is named after, 0 to 1; found from
            the run itself.
        purity_error: one standard deviation of the purity.
        note: how the purity was found, in one sentence for the report.
    """

    rows: Bool[np.ndarray, " event"]
    purity: float
    purity_error: float
    note: str


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationChunk:
    """Consecutive events of the run that is calibrated, as an estimator sees them.

    Args:
        events: the events with their hits.
        residual: hit time less t0 and less the time of flight from the vertex to where the cable
            was found to end, ns; NaN for the hits of forced triggers.
        sample: which sample each event belongs to, as an index into ``sample_names``; -1 none; of
            several, the one with the fewest events.
        sample_names: names of the samples.
        detector: the detector.
        header: the run.
    """

    events: Events
    residual: Float32[np.ndarray, " hit"]
    sample: Int16[np.ndarray, " event"]
    sample_names: tuple[str, ...]
    detector: Detector
    header: RunHeader


@dataclass(frozen=True, slots=True)
class Parameter:
    """A global parameter of a fit: where it starts and the range that makes sense.

    Args:
        name: what results call it.
        start: where a fit begins.
        lower: smallest value that makes sense.
        upper: largest.
        unit: of all of these; "1" for a pure number.
        prior: mean and standard deviation of what is known of it beforehand; None for nothing.
        summary: what it is, in one line.
        source: where range and prior come from.
    """

    name: str
    start: float
    lower: float
    upper: float
    unit: str
    prior: tuple[float, float] | None = None
    summary: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Effort:
    """How far a fitter may go, and where it keeps what it has tried.

    Args:
        trials: values of the parameters that it may try, those of earlier efforts included.
        workers: processes that try them.
        storage: "journal:FILE" or the URL of a database that several processes share; "" keeps
            trials in memory.
        study: name under which trials are kept.
        resume: whether trials that are kept there already count; without it a study of that name
            must not exist.
    """

    trials: int = 200
    workers: int = 1
    storage: str = ""
    study: str = "kzcal"
    resume: bool = False


DEFAULT_EFFORT = Effort()
"""What a fitter goes to when nobody says how far."""


@dataclass(frozen=True, slots=True, eq=False)
class Minimum:
    """Where a fitter ended.

    Args:
        values: best value of each parameter, in its unit.
        covariance: of the values, for an objective that is -2 log L or a chi-square.
        objective: objective there.
        n_calls: how often the objective was evaluated.
    """

    values: Float64[np.ndarray, " parameter"]
    covariance: Float64[np.ndarray, "parameter parameter"]
    objective: float
    n_calls: int


class ParticleSource(Protocol):
    """One kind of decay."""

    def sample(self, n: int, *, generator: np.random.Generator) -> Primaries:
        """Draw ``n`` decays; the same generator state gives the same decays."""


class SampleSelection(Protocol):
    """A pure function from a run's event-level columns to the events of one sample."""

    def select(
        self, events: Events, muons: Muons, header: RunHeader, detector: Detector
    ) -> Selection:
        """Select from all events of a run (their hits are left out) without using labels."""


class PmtEstimator(Protocol):
    """Estimates quantities of every PMT while a run streams past; one object for one run."""

    def accumulate(self, chunk: CalibrationChunk) -> None:
        """Take in the next events; the split into chunks must not matter."""

    def estimate(self) -> Mapping[str, Column]:
        """One column per quantity, a row per PMT, with unit and errors, from what was seen."""


class HitTranslator(Protocol):
    """Turns the hits of one kind of events into another: GTQ to DTQ, or simulation to data."""

    def translate(
        self, events: Events, detector: Detector, *, generator: np.random.Generator
    ) -> Events:
        """The same events with other hits; the same generator state gives the same hits."""


class EventClassifier(Protocol):
    """Scores events one by one, or by their neighbours in the run (coincidences)."""

    def score(
        self, events: Events, muons: Muons, detector: Detector
    ) -> Float64[np.ndarray, " event"]:
        """A finite number per event, the larger the more signal-like."""


class Objective(Protocol):
    """What a fit minimises, -2 log L, priors included; can be pickled."""

    @property
    def noise(self) -> float:
        """One standard deviation of what randomness adds to the difference of two values."""

    def __call__(self, values: Float64[np.ndarray, " parameter"]) -> float:
        """The objective at values of the parameters, each in its unit."""

    def partial(self, values: Float64[np.ndarray, " parameter"]) -> Iterator[float]:
        """The objective of more and more of the data; the last one is that of all of them.

        A fitter that sees early that a point is poor need not wait for the rest.
        """

    def slopes(
        self, values: Float64[np.ndarray, " parameter"]
    ) -> tuple[Float64[np.ndarray, " parameter"], Float64[np.ndarray, "parameter parameter"]]:
        """First derivatives, and twice the Fisher information in place of the second ones."""


class Minimiser(Protocol):
    """Finds the global parameters that minimise an objective."""

    def minimise(
        self,
        objective: Objective,
        parameters: Sequence[Parameter],
        *,
        seed: int,
        effort: Effort = DEFAULT_EFFORT,
    ) -> Minimum:
        """Minimise within the parameters' ranges; the same seed gives the same answer."""


class SectionRenderer(Protocol):
    """Draws one section of the calibration report."""

    def render(
        self,
        calibration: Payload,
        diagnostics: Payload,
        detector: Detector,
        previous: Payload | None,
    ) -> str:
        """A self-contained fragment of HTML; ``previous`` is the calibration before this one."""
