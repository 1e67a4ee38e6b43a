"""What ``kzcal evaluate`` reads: events with scores, a model with events, tagged data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kzcal.errors import ConfigurationError

if TYPE_CHECKING:
    from kzcal.classify.corrected import Correction
    from kzcal.cli.corrections import Corrections
    from kzcal.cli.session import Session
    from kzcal.evaluate.agreement import Agreement
    from kzcal.evaluate.config import EvaluationConfig
    from kzcal.evaluate.evaluation import Looked
    from kzcal.evaluate.populations import Population
    from kzcal.evaluate.scored import Labelled, Scored, ScoreFiles
    from kzcal.geometry import Detector
    from kzcal.io.source import EventSource


@dataclass(frozen=True, slots=True)
class Conditions:
    """Which constants correct hits.

    Args:
        corrections: where they come from; None without constants.
        runs: whose constants are taken, one for each file; None for the file's own.
    """

    corrections: Corrections | None
    runs: tuple[int | None, ...]

    @classmethod
    def of(cls, corrections: Corrections | None, runs: Sequence[int], n_files: int) -> Conditions:
        """One run for all files, one for each, or none.

        Raises:
            ConfigurationError: there are neither one nor as many as files.
        """
        if len(runs) not in {0, 1, n_files}:
            message = f"--run is given once, or once for each file, got {len(runs)} for {n_files}"
            raise ConfigurationError(message)
        return cls(corrections, tuple(runs) if len(runs) > 1 else (*runs, None)[:1] * n_files)

    def correction(
        self, number: int, source: EventSource, detector: Detector
    ) -> Correction | None:
        """The correction of the run of a file, given by its number; None without constants."""
        if self.corrections is None:
            return None
        run = self.runs[number]
        return self.corrections.of(source.header.run if run is None else run, detector)[0]

    def required(self, number: int, source: EventSource, detector: Detector) -> Correction:
        """The correction of the run of a file.

        Raises:
            ConfigurationError: there are no constants.
        """
        found = self.correction(number, source, detector)
        if found is None:
            message = (
                "a model sees hits corrected by constants of their run, got none: give --tag, or "
                "--nominal"
            )
            raise ConfigurationError(message)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class EventFiles:
    """Files of labelled events, open.

    Args:
        session: that opens files.
        detector: of all files.
        paths: of the files.
        sources: the same, open.
        labelled: their events of the kinds that are asked for.
        conditions: which constants correct hits.
    """

    session: Session
    detector: Detector
    paths: tuple[Path, ...]
    sources: tuple[EventSource, ...]
    labelled: tuple[Labelled, ...] = field(repr=False)
    conditions: Conditions

    @classmethod
    def of(
        cls,
        session: Session,
        stack: ExitStack,
        paths: Sequence[Path],
        detector: Detector,
        conditions: Conditions,
        kinds: tuple[Sequence[str], Sequence[str]],
        last: float,
    ) -> EventFiles:
        """Open files until the stack closes, and find their labelled events.

        Raises:
            ConfigurationError: a kind is in no file, or in both classes.
        """
        from kzcal.evaluate.kinds import check_kinds
        from kzcal.evaluate.scored import Labelled

        sources = tuple(stack.enter_context(session.open_events(p, detector)) for p in paths)
        check_kinds(*kinds, [source.table().truth for source in sources])
        labelled = []
        for number, source in enumerate(sources):
            correction = conditions.correction(number, source, detector)
            live = None if correction is None else int(correction.live.sum())
            labelled.append(Labelled.of(source, *kinds, last=last, live=live))
        return cls(session, detector, tuple(paths), sources, tuple(labelled), conditions)

    def scored(self, classifiers: Sequence[ScoreFiles]) -> Scored:
        """Their events with the scores of every classifier."""
        from kzcal.evaluate.scored import Scored

        events = [source.table().event for source in self.sources]
        scores = [one.read(events) for one in classifiers]
        return Scored.of([one.name for one in classifiers], self.labelled, scores)

    def looked(
        self, model: Path, device: str, config: EvaluationConfig, advance: Callable[[float], None]
    ) -> Looked:
        """What a model looks at in some of these events, evenly over all of them.

        Raises:
            ConfigurationError: the model is of another detector.
        """
        from kzcal.calibrate.machine import choose_device
        from kzcal.classify.corrected import corrected_events, together
        from kzcal.classify.model import opened
        from kzcal.evaluate.evaluation import look
        from kzcal.evaluate.occlusion import Probe

        found = opened(model, self.session.plugins().classifiers, choose_device(device))
        if found.detector.digest != self.detector.digest:
            message = (
                f"a model is asked about events of its detector, {found.detector.name}, got "
                f"another description for {self.detector.name}: give --detector"
            )
            raise ConfigurationError(message)
        total = sum(len(one.rows) for one in self.labelled)
        step = max(total / max(config.probed, config.probed_dead), 1.0)
        chosen = np.unique(np.arange(0, total, step).astype(np.int64))
        parts, signal, first = [], [], 0
        for number, one in enumerate(self.labelled):
            source = self.sources[number]
            mine = chosen[(chosen >= first) & (chosen < first + len(one.rows))] - first
            first += len(one.rows)
            correction = self.conditions.required(number, source, self.detector)
            parts.append(corrected_events(source, self.detector, correction, one.rows[mine]))
            signal.append(one.signal[mine])
        probe = Probe.of(found.classifier, together(parts), np.concatenate(signal), self.detector)
        return look(probe, config, advance)

    def background(self, classifier: ScoreFiles) -> Population:
        """Background events of all files with the scores of a classifier."""
        from kzcal.evaluate.populations import Population
        from kzcal.simulate.order import joined

        tables = [source.table() for source in self.sources]
        scores = classifier.read([table.event for table in tables])
        rows = [one.rows[~one.signal] for one in self.labelled]
        return Population(
            joined([table.take(r) for table, r in zip(tables, rows, strict=True)]),
            np.concatenate([s[r] for s, r in zip(scores, rows, strict=True)]),
        )

    def inputs(self, classifiers: Sequence[ScoreFiles]) -> dict[str, Any]:
        """The files, with the hashes of those that hold events."""
        files = zip(self.paths, self.sources, strict=True)
        return {
            "events": [{"file": str(path), "sha256": s.digest()} for path, s in files],
            "scores": {one.name: [str(path) for path in one.paths] for one in classifiers},
        }


def tagged(
    session: Session, detector: Detector, files: tuple[Path, Path], sample: str
) -> tuple[Population, tuple[float, float]]:
    """Events of a run that a sample selects, with their scores, and the sample's purity.

    Args:
        session: that opens files and knows samples.
        detector: of the run.
        files: of events and of scores.
        sample: name of the sample.
    """
    from kzcal.evaluate.populations import Population
    from kzcal.io.scores import read_scores

    events, scores = files
    selection = session.plugins().samples.choose(sample).build()
    with session.open_events(events, detector) as source:
        table = source.table()
        chosen = selection.select(table, source.muons, source.header, detector)
    found = Population(table, read_scores(scores, table.event)).within(chosen.rows)
    return found, (chosen.purity, chosen.purity_error)


def simulated(session: Session, detector: Detector, files: tuple[Path, Path]) -> Population:
    """All events of a simulated file with their scores."""
    from kzcal.evaluate.populations import Population
    from kzcal.io.scores import read_scores

    events, scores = files
    with session.open_events(events, detector) as source:
        table = source.table()
    return Population(table, read_scores(scores, table.event)).within(table.physics)


def agreed(
    opened: EventFiles,
    classifier: ScoreFiles,
    data: tuple[Path, Path],
    sample: str,
    made: tuple[Path, Path] | None,
    config: EvaluationConfig,
) -> Agreement:
    """Compare the score of tagged events of a run with that of simulated ones.

    Args:
        opened: the labelled events.
        classifier: whose scores these are.
        data: events of the run, and their scores.
        sample: that tags them.
        made: simulated events and their scores; None for the background of ``opened``.
        config: the settings.
    """
    from kzcal.evaluate.populations import compare

    found, purity = tagged(opened.session, opened.detector, data, sample)
    if made is None:
        other = opened.background(classifier)
    else:
        other = simulated(opened.session, opened.detector, made)
    return compare(found, other, purity, config)
