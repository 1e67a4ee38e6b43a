"""The records that plugins' hooks yield, and what each one builds.

A record is a name, one line about it and ``build``, a function without arguments that makes
the part itself (that of a source takes the source's options by name, that of a translator that
learns what its training left). Records are made when kzcal starts, so heavy imports belong into
``build``.

    hook                   record          build() gives
    kzcal_event_formats    EventFormat     EventReader         opens a file of events
    kzcal_sources          Source          ParticleSource      draws decays, as particles
    kzcal_samples          Sample          SampleSelection     selects a calibration sample
    kzcal_estimators       Estimator       PmtEstimator        estimates something of every PMT
    kzcal_translators      Translator      HitTranslator       changes hits, simulation to data
    kzcal_classifiers      Classifier      EventClassifier     scores events or their neighbours
    kzcal_fitters          Fitter          Minimiser           minimises over global parameters
    kzcal_report_sections  ReportSection   SectionRenderer     draws a section of the report
    kzcal_commands         Command         click.Command       adds a command to kzcal
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, cast

import click
import numpy as np
from jaxtyping import Bool, Float32, Float64, Int16

from kzcal.errors import ConfigurationError
from kzcal.hits import Events, Muons, RunHeader
from kzcal.particles import Primaries

if TYPE_CHECKING:
    from kzcal.conditions.payload import Column, Payload
    from kzcal.geometry import Detector
    from kzcal.io.source import EventReader  # noqa: F401  named in a string below
    from kzcal.learning import HitClassifier, LearningClassifier, LearningTranslator

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


@dataclass(frozen=True, slots=True)
class Option:
    """A number, or several, that a user may choose, such as an energy or a number of layers.

    Args:
        name: keyword of ``Source.build`` or ``Translator.learn``, key of a configuration, and
            ``--name`` on the command line with hyphens for underscores.
        default: the value when none is given; a tuple takes any number of values.
        unit: of the value.
        summary: one line about it.
    """

    name: str
    default: float | tuple[float, ...]
    unit: str
    summary: str

    def parse(self, value: object) -> float | tuple[float, ...]:
        """The value as a number, or as a tuple of numbers where the default is one.

        Raises:
            ConfigurationError: it is something else.
        """
        several = isinstance(self.default, tuple)
        values: Sequence[object] = (value,)
        if several and isinstance(value, list | tuple):
            values = value
        numbers = tuple(
            float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)
        )
        if len(numbers) < len(values):
            kind = "a list of numbers" if several else "a number"
            message = f"{self.name} is {kind} [{self.unit}], got {value!r}"
            raise ConfigurationError(message)
        return numbers if several else numbers[0]


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


class EventFormat(Component["EventReader"]):
    """A file format that events are read from."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Source(Component[ParticleSource]):
    """A kind of decay, or a set of particles, that can be simulated.

    Args:
        build: makes the source; takes every option by name and needs none of them.
        half_life: s; None for what does not decay.
        q_value: MeV, the most that the particles of one decay share (of a chain all its steps);
            None where the options decide.
        data: where the decay data come from.
        options: what a user may choose.
    """

    build: Callable[..., ParticleSource]
    half_life: float | None = None
    q_value: float | None = None
    data: str = ""
    options: tuple[Option, ...] = ()

    def prepare(self, chosen: Mapping[str, object] = MappingProxyType({})) -> ParticleSource:
        """Build the source with the chosen options, and the defaults of the others.

        Args:
            chosen: value by option name.

        Raises:
            ConfigurationError: the source has no such option, or the value is no number.
        """
        known = {option.name: option for option in self.options}
        for name in chosen:
            if name not in known:
                choices = ", ".join(known) or "none"
                message = f"source {self.name} has no option {name!r} (choices: {choices})"
                raise ConfigurationError(message)
        return self.build(**{name: known[name].parse(value) for name, value in chosen.items()})


class Sample(Component[SampleSelection]):
    """A calibration sample that can be selected from a run."""

    __slots__ = ()


class Estimator(Component[PmtEstimator]):
    """A per-PMT estimate made while a run streams past."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Translator(Component[HitTranslator]):
    """A change of hits, such as the detector response.

    Args:
        build: makes the translator; that of one that learns takes what training left, a Trained.
        learn: begins a training, from a TranslatorTask and every option by name; None for a
            translator that has nothing to learn.
        options: of ``learn``.
    """

    build: Callable[..., HitTranslator]
    learn: Callable[..., LearningTranslator] | None = None
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class Classifier(Component["EventClassifier | HitClassifier"]):
    """A score of events or of their coincidences.

    Args:
        build: makes the classifier. One without ``learn`` is an EventClassifier and takes nothing;
            one that learns is a HitClassifier and takes what training left, a Trained.
        learn: begins a training, from a ClassifierTask and every option by name; None for a
            classifier that has nothing to learn.
        options: of ``learn``.
        presets: values of several options under one name, for ``--preset``.
    """

    build: Callable[..., EventClassifier | HitClassifier]
    learn: Callable[..., LearningClassifier] | None = None
    options: tuple[Option, ...] = ()
    presets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def untrained(self) -> EventClassifier:
        """Build a classifier that has nothing to learn.

        Raises:
            ConfigurationError: it has.
        """
        if self.learn is not None:
            message = (
                f"{self.name} is a classifier that learns and needs a model: train one by "
                f"`kzcal train {self.name}` and use `kzcal score`"
            )
            raise ConfigurationError(message)
        return cast("EventClassifier", self.build())


@dataclass(frozen=True, slots=True)
class Fitter(Component[Minimiser]):
    """A way to minimise over global parameters.

    Args:
        keeps_trials: whether it keeps its trials in the storage of an effort, for several workers
            and to be resumed.
        takes_slopes: whether it makes use of derivatives.
    """

    keeps_trials: bool = False
    takes_slopes: bool = False


class ReportSection(Component[SectionRenderer]):
    """A section of the calibration report."""

    __slots__ = ()


class Command(Component[click.Command]):
    """A command of ``kzcal``."""

    __slots__ = ()
