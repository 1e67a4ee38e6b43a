"""The records that plugins' hooks yield; ``kzcal.parts`` has what each one builds.

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
                                           HitClassifier       the same, learned from their hits
                                           CandidateClassifier scores groups of events, learned
    kzcal_fitters          Fitter          Minimiser           minimises over global parameters
    kzcal_report_sections  ReportSection   SectionRenderer     draws a section of the report
    kzcal_commands         Command         click.Command       adds a command to kzcal
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, TypeVar, cast

import click

from kzcal.errors import ConfigurationError
from kzcal.parts import (
    EventClassifier,
    HitTranslator,
    Minimiser,
    ParticleSource,
    PmtEstimator,
    SampleSelection,
    SectionRenderer,
)

if TYPE_CHECKING:
    from pathlib import Path

    from kzcal.io.source import EventReader  # noqa: F401  named in a string below
    from kzcal.learning import (
        CandidateClassifier,
        HitClassifier,
        LearningCandidateClassifier,
        LearningClassifier,
        LearningTranslator,
        Trained,
    )

HITS = "hits"
"""What a classifier of single events learns from; ``kzcal.candidates`` names the others."""

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
class Classifier(Component["EventClassifier | HitClassifier | CandidateClassifier"]):
    """A score of events or of their coincidences.

    Args:
        build: makes the classifier. One without ``learn`` is an EventClassifier and takes nothing;
            one that learns is a HitClassifier or a CandidateClassifier and takes what training
            left, a Trained.
        learn: begins a training, from a ClassifierTask or a CandidateTask and every option by
            name; None for a classifier that has nothing to learn.
        options: of ``learn``.
        presets: values of several options under one name, for ``--preset``.
        export: writes what training left, a Trained, to an ONNX file, and says in one line what
            goes in and what comes out; None for a classifier that cannot be written so.
        check: raises a ConfigurationError if values of the options, by name, cannot be, before
            events are read; None where ``learn`` alone can tell.
        takes: what it learns from and scores: hits of single events, or candidates for spallation
            or ibd.
    """

    build: Callable[..., EventClassifier | HitClassifier | CandidateClassifier]
    learn: Callable[..., LearningClassifier | LearningCandidateClassifier] | None = None
    options: tuple[Option, ...] = ()
    presets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    export: Callable[[Trained, Path], str] | None = None
    check: Callable[[Mapping[str, float]], object] | None = None
    takes: str = HITS

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
