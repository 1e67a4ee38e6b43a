"""Scores of all events of a file, in its order, some at a time."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from kzcal.classify.corrected import Correction, corrected
from kzcal.errors import TrainingError
from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.io.atomic import replacing
from kzcal.io.scores import HEADER
from kzcal.io.source import EventSource
from kzcal.learning import HitClassifier

HITS_AT_ONCE = 500_000
EVENTS_AT_ONCE = 500
"""Events that are scored together, so that memory stays flat."""
UNSCORED = -1000.0
"""Score of an event without vertex, energy or emission time, such as a forced trigger: as a logit,
background beyond doubt, since nothing can be said for it."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What was written.

    Args:
        out: the file.
        n_events: rows of it.
        n_scored: events that the classifier saw; the others have no vertex.
        n_dropped: hits left out because time or charge is not a number.
    """

    out: Path
    n_events: int
    n_scored: int
    n_dropped: int


def score_file(
    classifier: HitClassifier,
    source: EventSource,
    correction: Correction,
    detector: Detector,
    out: Path,
    *,
    advance: Callable[[float], None] = lambda _events: None,
) -> Scored:
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
    with replacing(out) as unfinished, unfinished.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADER)
        for chunk in source.chunks(HITS_AT_ONCE):
            for first in range(0, len(chunk), EVENTS_AT_ONCE):
                part = chunk[first : first + EVENTS_AT_ONCE]
                scores = scores_of(classifier, part, correction, detector)
                pairs = zip(part.event.tolist(), scores.tolist(), strict=True)
                writer.writerows([event, repr(score)] for event, score in pairs)
                n_events += len(part)
                n_scored += int(part.reconstructed.sum())
                advance(len(part))
    return Scored(out, n_events, n_scored, source.dropped)


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
    wrong = np.flatnonzero(~np.isfinite(scores))
    if len(wrong):
        message = (
            f"a score is a finite number, got {scores[wrong[0]]} for event "
            f"{events.event[wrong[0]]}: train again, or tell the author of the classifier"
        )
        raise TrainingError(message)
    return scores
