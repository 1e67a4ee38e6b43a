"""The records that plugins' hooks yield, and what each one builds.

A record is a name, one line about it and ``build``, a function without arguments that makes
the part itself. Records are made when kzcal starts, so heavy imports belong into ``build``.

    hook                   record          build() gives
    kzcal_event_formats    EventFormat     EventReader         opens a file of events
    kzcal_sources          Source          DepositSource       draws decays, as energy deposits
    kzcal_samples          Sample          SampleSelection     selects a calibration sample
    kzcal_estimators       Estimator       PmtEstimator        estimates something of every PMT
    kzcal_translators      Translator      HitTranslator       changes hits, simulation to data
    kzcal_classifiers      Classifier      EventClassifier     scores events or their neighbours
    kzcal_fitters          Fitter          Minimiser           minimises over global parameters
    kzcal_report_sections  ReportSection   SectionRenderer     draws a section of the report
    kzcal_commands         Command         click.Command       adds a command to kzcal
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import click
import numpy as np
from jaxtyping import Bool, Float32, Float64, Int16, Int32, Int64

from kzcal.hits import Events, Muons, RunHeader

if TYPE_CHECKING:
    from kzcal.conditions.payload import Column, Payload
    from kzcal.geometry import Detector
    from kzcal.io.source import EventReader  # noqa: F401  named in a string below

Built = TypeVar("Built")


@dataclass(frozen=True, slots=True)
class Component(Generic[Built]):
    """One part that a plugin offers.

    Args:
        name: what users and configurations call it: lower-case words joined by hyphens.
        summary: one line about it.
        build: makes the part; called when the part is used.
        provider: the distribution or file that offers it, filled in by kzcal.
    """

    name: str
    summary: str
    build: Callable[[], Built]
    provider: str = ""


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


@dataclass(frozen=True, slots=True, eq=False)
class Deposits:
    """Energy deposits of many decays as flat columns plus offsets.

    Args:
        offsets: deposits of decay i are rows ``offsets[i]`` to ``offsets[i + 1] - 1``.
        position: m, relative to the decay.
        time: ns after the decay.
        energy: MeV, before quenching.
        particle: PDG code of the particle that deposits it (11, -11, 22, 2212, 1000020040 ...).
    """

    offsets: Int64[np.ndarray, " decay_plus_1"]
    position: Float64[np.ndarray, "deposit 3"]
    time: Float64[np.ndarray, " deposit"]
    energy: Float64[np.ndarray, " deposit"]
    particle: Int32[np.ndarray, " deposit"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A global parameter of a fit: where it starts and the range that makes sense."""

    name: str
    start: float
    lower: float
    upper: float
    unit: str


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


class DepositSource(Protocol):
    """One kind of decay."""

    def sample(self, n: int, *, generator: np.random.Generator) -> Deposits:
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


class Minimiser(Protocol):
    """Finds the global parameters that minimise an objective."""

    def minimise(
        self,
        objective: Callable[[Float64[np.ndarray, " parameter"]], float],
        parameters: Sequence[Parameter],
        *,
        seed: int,
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


class EventFormat(Component["EventReader"]):
    """A file format that events are read from."""

    __slots__ = ()


class Source(Component[DepositSource]):
    """A kind of decay that can be simulated."""

    __slots__ = ()


class Sample(Component[SampleSelection]):
    """A calibration sample that can be selected from a run."""

    __slots__ = ()


class Estimator(Component[PmtEstimator]):
    """A per-PMT estimate made while a run streams past."""

    __slots__ = ()


class Translator(Component[HitTranslator]):
    """A change of hits, such as the detector response."""

    __slots__ = ()


class Classifier(Component[EventClassifier]):
    """A score of events or of their coincidences."""

    __slots__ = ()


class Fitter(Component[Minimiser]):
    """A way to minimise over global parameters."""

    __slots__ = ()


class ReportSection(Component[SectionRenderer]):
    """A section of the calibration report."""

    __slots__ = ()


class Command(Component[click.Command]):
    """A command of ``kzcal``."""

    __slots__ = ()
