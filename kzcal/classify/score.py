"""Scores of all events or candidates of a file, in its order, some at a time."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from kzcal.classify.corrected import Correction, corrected
from kzcal.classify.material import Scorer
from kzcal.errors import TrainingError
from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.io.atomic import replacing
from kzcal.io.candidates import CandidateFile
from kzcal.io.scores import HEADER
from kzcal.io.source import EventSource
from kzcal.learning import HitClassifier

HITS_AT_ONCE = 500_000
EVENTS_AT_ONCE = 500
"""Events that are scored together, so that memory stays flat."""
POINTS_AT_ONCE = 200_000
"""The same of candidates and of their points."""
UNSCORED = -1000.0
"""Score of an event without vertex, energy or emission time, such as a forced trigger: as a logit,
background beyond doubt, since nothing can be said for it."""


@dataclass(frozen=True, slots=True)
class ScoredFile:
    """What was written.

    Args:
        out: the file.
        n_events: rows of it: events, or candidates.
        n_scored: those that the classifier saw; other events have no vertex.
        n_dropped: hits left out because time or charge is not a number.
    """

    out: Path
    n_events: int
    n_scored: int
    n_dropped: int = 0


def score_file(
    classifier: HitClassifier,
    source: EventSource,
    correction: Correction,
    detector: Detector,
    out: Path,
    *,
    advance: Callable[[float], None] = lambda _events: None,
) -> ScoredFile:
    """Write a row ``event,score`` for every event of a file, in its order.

    Args:
        classifier: trained.
        source: the file, open.
        correction: of its run.
        detector: whose PMTs the hits belong to.
        out: CSV file to write; it appears whole or not at all.
        advance: told how many events have been scored.

    Raises:
        TrainingError: the classifier gives a number that is not finite.
    """
    n_events = n_scored = 0
    with score_writer(out) as append:
        for chunk in source.chunks(HITS_AT_ONCE):
            for first in range(0, len(chunk), EVENTS_AT_ONCE):
                part = chunk[first : first + EVENTS_AT_ONCE]
                append(part.event, scores_of(classifier, part, correction, detector))
                n_events += len(part)
                n_scored += int(part.reconstructed.sum())
                advance(len(part))
    return ScoredFile(out, n_events, n_scored, source.dropped)


def score_candidates(
    classifier: Scorer,
    file: CandidateFile,
    out: Path,
    *,
    advance: Callable[[float], None] = lambda _candidates: None,
) -> ScoredFile:
    """Write a row ``event,score`` for every candidate of a file, in its order.

    Args:
        classifier: trained, for candidates of this purpose.
        file: of candidates, open.
        out: CSV file to write; it appears whole or not at all.
        advance: told how many candidates have been scored.

    Raises:
        TrainingError: the classifier gives a number that is not finite.
    """
    with score_writer(out) as append:
        for part in file.chunks(POINTS_AT_ONCE):
            append(part.event, finite(classifier.score(part.blind()), part.event))
            advance(len(part))
    return ScoredFile(out, len(file), len(file))


Append = Callable[[Int64[np.ndarray, " event"], Float64[np.ndarray, " event"]], None]


@contextmanager
def score_writer(out: Path) -> Iterator[Append]:
    """A file of scores that appears whole or not at all; yields what appends rows to it."""
    with replacing(out) as unfinished, unfinished.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADER)

        def append(
            event: Int64[np.ndarray, " event"], score: Float64[np.ndarray, " event"]
        ) -> None:
            pairs = zip(event.tolist(), score.tolist(), strict=True)
            writer.writerows([number, repr(value)] for number, value in pairs)

        yield append


def scores_of(
    classifier: HitClassifier, events: Events, correction: Correction, detector: Detector
) -> Float64[np.ndarray, " event"]:
    """Scores of events of one run; UNSCORED for those that were not reconstructed.

    Raises:
        TrainingError: a score is not finite.
    """
    rows = events.reconstructed
    scores = np.full(len(events), UNSCORED)
    if rows.any():
        scores[rows] = classifier.score(corrected(events.take(rows), correction, detector))
    return finite(scores, events.event)


def finite(
    scores: Float64[np.ndarray, " event"], event: Int64[np.ndarray, " event"]
) -> Float64[np.ndarray, " event"]:
    """The same scores.

    Raises:
        TrainingError: one is not finite.
    """
    wrong = np.flatnonzero(~np.isfinite(scores))
    if len(wrong):
        message = (
            f"a score is a finite number, got {scores[wrong[0]]} for event "
            f"{event[wrong[0]]}: train again, or tell the author of the classifier"
        )
        raise TrainingError(message)
    return scores
