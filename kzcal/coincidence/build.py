"""Files of candidates from files of events, in memory that does not grow with the runs."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from kzcal.candidates import IBD, SPALLATION, Candidates
from kzcal.coincidence.config import NS_PER_S, NS_PER_US, IbdSettings, SpallationSettings
from kzcal.coincidence.histories import check_history
from kzcal.coincidence.pairs import PairSearch
from kzcal.coincidence.scored import ScoreStream
from kzcal.coincidence.slabs import Slab, slabs
from kzcal.coincidence.spallation import SpallationSearch
from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.hits import Muons
from kzcal.io.candidates import CandidateHeader
from kzcal.io.candidates_writer import candidate_writer
from kzcal.io.timeline import EVENTS_PER_BLOCK, Timeline

S_PER_DAY = 86400.0
Advance = Callable[[float], None]
Scores = Sequence[Mapping[str, Path]]


@dataclass(frozen=True, slots=True)
class Built:
    """What a build wrote and saw.

    Args:
        out: the file.
        purpose: what the candidates are for.
        runs: numbers of the runs.
        n_events: events read.
        n_muons: muons read.
        livetime_s: of all runs together.
        windows: time windows that pairs were looked for in, see CandidateHeader.
        n_candidates: candidates written.
        per_day: rate of candidates, less what further windows add; NaN without livetime.
        per_day_error: one standard deviation, of the number alone.
        counts: what was seen on the way, by name.
    """

    out: Path
    purpose: str
    runs: tuple[int, ...]
    n_events: int
    n_muons: int
    livetime_s: float
    windows: float
    n_candidates: int
    per_day: float
    per_day_error: float
    counts: Mapping[str, int]


def build_candidates(
    runs: Sequence[Path],
    settings: SpallationSettings | IbdSettings,
    out: Path,
    detector: Detector,
    *,
    scores: Scores = (),
    events_per_block: int = EVENTS_PER_BLOCK,
    advance: Advance = lambda _: None,
) -> Built:
    """Write the candidates of some runs to a file.

    Args:
        runs: event files, each of a run of its own.
        settings: what is looked for.
        out: the file, which appears whole or not at all.
        detector: that the runs are of.
        scores: for each run files of scores by name, whose score of the prompt event becomes a
            column of the pair; none, or one mapping for each run.
        events_per_block: how many are held in memory at once.
        advance: called with numbers of events as they are done.

    Raises:
        ConfigurationError: the runs do not allow what is looked for, or the file is one of them.
        FileFormatError: a file breaks its format, or its events or muons are not in time order.
    """
    _check_out(out, [*runs, *(path for files in scores for path in files.values())])
    with ExitStack() as stack:
        timelines = [stack.enter_context(Timeline(path)) for path in runs]
        _check(timelines, settings, detector, scores)
        header = _header(timelines, settings, detector)
        notes = {"settings": json.dumps(asdict(settings))}
        append = stack.enter_context(candidate_writer(out, header, notes=notes))
        seen: Counter[str] = Counter()
        n = 0
        for i, timeline in enumerate(timelines):
            with ScoreStream(scores[i] if scores else {}) as stream:
                search = _Search(timeline, settings, detector, stream, n, events_per_block)
                for candidates in search.found(advance):
                    append(candidates)
                    n += len(candidates)
            seen.update(search.counts)
        return _built(out, header, timelines, n, seen)


def _built(
    out: Path,
    header: CandidateHeader,
    timelines: Sequence[Timeline],
    n: int,
    seen: Mapping[str, int],
) -> Built:
    """What was written and seen, with the rate of candidates."""
    days = (header.livetime_s or math.nan) * header.windows / S_PER_DAY
    return Built(
        out,
        header.purpose,
        tuple(timeline.header.run for timeline in timelines),
        sum(timeline.n_events for timeline in timelines),
        sum(timeline.n_muons for timeline in timelines),
        header.livetime_s or math.nan,
        header.windows,
        n,
        n / days,
        math.sqrt(n) / days,
        dict(seen),
    )


class _Search:
    """The search of one run."""

    def __init__(
        self,
        timeline: Timeline,
        settings: SpallationSettings | IbdSettings,
        detector: Detector,
        scores: ScoreStream,
        first: int,
        per_block: int,
    ) -> None:
        self._timeline, self._scores, self._per_block = timeline, scores, per_block
        run = timeline.header.run
        self._search: SpallationSearch | PairSearch
        if isinstance(settings, SpallationSettings):
            inner = detector.media[0].outer_radius_m
            self._search = SpallationSearch(
                settings,
                decay_radius=settings.radius or inner,
                scintillator_radius=detector.scintillator_radius,
                run=run,
            )
        else:
            self._search = PairSearch(
                settings,
                run=run,
                score_names=scores.names,
                has_truth=timeline.has_truth,
                first=first,
            )
        self.counts = self._search.counts

    def found(self, advance: Advance) -> Iterator[Candidates]:
        """Candidates slab by slab; one set at least, which has none where there are no events."""
        search = self._search
        for slab in self._slabs():
            if isinstance(search, PairSearch):
                yield search.take(slab, self._scores.next(slab.events.event))
            else:
                yield search.take(slab)
            advance(len(slab.events))
        self._scores.check_end()
        if isinstance(search, PairSearch):
            yield search.last()

    def _slabs(self) -> Iterator[Slab]:
        timeline = self._timeline
        if timeline.n_events:
            yield from slabs(timeline.events(self._per_block), timeline.muons())
        else:
            yield Slab(timeline.no_events(), Muons.none(), 0, 0)


def _check(
    timelines: Sequence[Timeline],
    settings: SpallationSettings | IbdSettings,
    detector: Detector,
    scores: Scores,
) -> None:
    """Refuse runs that do not allow what is looked for."""
    if not timelines:
        message = "candidates are looked for in at least one run, got none"
        raise ConfigurationError(message)
    runs = [timeline.header.run for timeline in timelines]
    for timeline in timelines:
        path, run = timeline.path, timeline.header.run
        if timeline.header.detector != detector.name:
            message = (
                f"{path}: the run must be of the detector {detector.name}, got "
                f"{timeline.header.detector}: give --detector"
            )
            raise ConfigurationError(message)
        if runs.count(run) > 1:
            message = (
                f"{path}: candidates are named by run and event, so that every file must be a "
                f"run of its own, got run {run} twice"
            )
            raise ConfigurationError(message)
        if isinstance(settings, SpallationSettings) and not timeline.n_muons:
            message = f"{path}: spallation is looked for after muons, got a run without muons"
            raise ConfigurationError(message)
        if isinstance(settings, SpallationSettings):
            check_history(timeline, settings)
    _check_scores(scores, len(timelines), settings)


def _check_out(out: Path, read: Sequence[Path]) -> None:
    """Refuse to replace a file that is read."""
    for path in read:
        if out.exists() and path.exists() and out.samefile(path):
            message = (
                f"{out}: candidates need a file of their own, got one that is read: change --out"
            )
            raise ConfigurationError(message)


def _check_scores(scores: Scores, n_runs: int, settings: SpallationSettings | IbdSettings) -> None:
    """Refuse scores that do not go with the runs."""
    if scores and (len(scores) != n_runs or isinstance(settings, SpallationSettings)):
        message = (
            f"scores are those of prompt events, a file for every run ({n_runs}) under each "
            f"name, got {len(scores)}: leave them out for spallation"
        )
        raise ConfigurationError(message)
    names = {tuple(files) for files in scores}
    if len(names) > 1:
        message = f"every run must have scores under the same names, got {sorted(names)}"
        raise ConfigurationError(message)


def _header(
    timelines: Sequence[Timeline],
    settings: SpallationSettings | IbdSettings,
    detector: Detector,
) -> CandidateHeader:
    """What the file says about its candidates.

    A window that is moved away by s finds no pair in the first s of a run: it counts as the share
    of the livetime that is left.
    """
    livetimes = np.array([timeline.livetime_ns() for timeline in timelines], np.float64)
    total = float(livetimes.sum())
    if isinstance(settings, SpallationSettings):
        return CandidateHeader(SPALLATION, detector.name, total / NS_PER_S or None)
    shifts = np.array(settings.shifts) * NS_PER_US
    left = np.clip(livetimes[:, None] - shifts, 0, None).sum()
    windows = float(left) / total if total and left > 0 else float(len(shifts))
    return CandidateHeader(IBD, detector.name, total / NS_PER_S or None, windows)
