"""The scorecard of two files: every row, and what its pictures are drawn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from kzcal.calibrate.config import CalibrationConfig
from kzcal.geometry import Detector
from kzcal.io.source import EventSource
from kzcal.parts import EventClassifier
from kzcal.scorecard.classifiers import TwoSample, boosted_auc, judged
from kzcal.scorecard.config import ScorecardConfig
from kzcal.scorecard.deals import Deals
from kzcal.scorecard.files import Pair
from kzcal.scorecard.graph import HitGraph, graph_auc
from kzcal.scorecard.quantities import Correlation, PmtComparison, compare_pmts, correlation
from kzcal.scorecard.row import MISSED, Row, corrected
from kzcal.scorecard.rows import (
    aimed,
    classifier_row,
    event_rows,
    most_rows,
    pmt_rows,
    score_row,
    whole_rows,
)
from kzcal.scorecard.shares import ShareComparison
from kzcal.scorecard.tally import Tally
from kzcal.scorecard.whole import blur

NO_MODELS: Mapping[str, EventClassifier] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class Scorecard:
    """How far two files are from following one law.

    Args:
        rows: every number.
        paired: whether the events are the same ones.
        n_events: physics events compared in the first file and in the data.
        n_forced: forced triggers.
        config: the settings.
        detector: of both files.
        pmts: quantities of every PMT.
        correlation: of their occupancy.
        tallies: sums of both files.
        scores: distribution of each downstream score, by its name.
        two_sample: what classifiers found, by name.
    """

    rows: tuple[Row, ...]
    paired: bool
    n_events: tuple[int, int]
    n_forced: tuple[int, int]
    config: ScorecardConfig
    detector: Detector
    pmts: tuple[PmtComparison, ...]
    correlation: Correlation
    tallies: tuple[Tally, Tally]
    scores: Mapping[str, ShareComparison]
    two_sample: Mapping[str, TwoSample]

    @property
    def differing(self) -> tuple[Row, ...]:
        """Rows that one law does not explain, the clearest first."""
        rows = [row for row in self.rows if row.differs]
        return tuple(sorted(rows, key=lambda row: row.place))

    @property
    def missed(self) -> tuple[Row, ...]:
        """Rows that miss their target."""
        return tuple(row for row in self.rows if row.verdict == MISSED)

    def row(self, name: str) -> Row:
        """The row of that name.

        Raises:
            KeyError: there is none.
        """
        return {row.name: row for row in self.rows}[name]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "rows": list(self.rows),
            "differing": [row.name for row in self.differing],
            "missed": [row.name for row in self.missed],
            "paired": self.paired,
            "events": list(self.n_events),
            "forced_triggers": list(self.n_forced),
            "two_sample": dict(self.two_sample),
            "settings": self.config.as_dict(),
        }


def score(
    fake: EventSource,
    data: EventSource,
    detector: Detector,
    *,
    config: ScorecardConfig | None = None,
    calibration: CalibrationConfig | None = None,
    device: torch.device | None = None,
    models: Mapping[str, EventClassifier] = NO_MODELS,
    advance: Callable[[float], None] = lambda _share: None,
) -> Scorecard:
    """Compare two files; memory does not grow with their hits.

    Args:
        fake: what is judged.
        data: what it should be like.
        detector: of both.
        config: the settings.
        calibration: which events take part, and the speed of light.
        device: where to calculate; None for the CPU.
        models: classifiers whose scores are compared, by name.
        advance: called with the share of the work done since the last call.

    Raises:
        ConfigurationError: there is no kind of event that both files have, or too few deals or
            blocks for what is asked.
        CalibrationError: there are too few events.
    """
    config, calibration = config or ScorecardConfig(), calibration or CalibrationConfig()
    device = device or torch.device("cpu")
    pair = Pair.of(fake, data, detector, calibration, config.blocks, device)
    config.require_reach(most_rows(detector, config, len(models)), paired=pair.paired)
    mine, other = pair.tallies()
    advance(0.2)
    generator = np.random.default_rng(config.seed)
    deals = Deals.drawn(config.blocks, config.deals, paired=pair.paired, generator=generator)
    pmts = compare_pmts(mine, other, detector.directions)
    alike = correlation(pmts[0], pmts[-1], detector.diameter_inch)
    rows = [
        *event_rows(mine, other, deals, paired=pair.paired),
        *pmt_rows(pmts, alike, deals),
        *whole_rows(mine, other, detector.diameter_inch, blur(calibration), paired=pair.paired),
    ]
    advance(0.2)
    two_sample = {"boosted_auc": _boosted(mine, other, config, generator)}
    advance(0.2)
    if config.graph_events:
        two_sample["graph_auc"] = _graph(pair, mine, other, config, generator)
    rows += [classifier_row(name, found) for name, found in two_sample.items()]
    advance(0.3)
    scores = {}
    for name, values in pair.scores(models).items():
        row, scores[name] = score_row(name, values, mine, other, deals)
        rows.append(row)
    advance(0.1)
    return Scorecard(
        rows=corrected(tuple(aimed(rows, config.targets)), config.false_alarm),
        paired=pair.paired,
        n_events=(len(mine.row), len(other.row)),
        n_forced=(int(mine.n_forced.sum()), int(other.n_forced.sum())),
        config=config,
        detector=detector,
        pmts=pmts,
        correlation=alike,
        tallies=(mine, other),
        scores=scores,
        two_sample=two_sample,
    )


def _boosted(
    fake: Tally, data: Tally, config: ScorecardConfig, generator: np.random.Generator
) -> TwoSample:
    """Boosted trees on features of events."""
    rows, halves = _drawn(len(data.row), config.events, config.shuffles, generator)
    first, second = fake.features, data.features
    area = boosted_auc(first[rows], second[rows], seed=config.seed)
    floors = [boosted_auc(second[a], second[b], seed=config.seed) for a, b in halves]
    return judged(area, np.array(floors), len(rows))


def _graph(
    pair: Pair,
    fake: Tally,
    data: Tally,
    config: ScorecardConfig,
    generator: np.random.Generator,
) -> TwoSample:
    """A graph network on hits."""
    rows, halves = _drawn(len(data.row), config.graph_events, config.graph_shuffles, generator)

    def graph(which: int, chosen: np.ndarray) -> HitGraph:
        tally = (fake, data)[which]
        events = pair.sample(which, tally.row[chosen])
        return HitGraph.of(events, pair.detector, pair.config, pair.device)

    area = graph_auc(graph(0, rows), graph(1, rows), seed=config.seed)
    floors = [graph_auc(graph(1, a), graph(1, b), seed=config.seed) for a, b in halves]
    return judged(area, np.array(floors), len(rows))


def _drawn(
    n_events: int, most: int, shuffles: int, generator: np.random.Generator
) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Events for a classifier, and halves of the data with as many each."""
    n = min(most, n_events // 2)
    rows = generator.permutation(n_events)[:n]
    orders = [generator.permutation(n_events) for _ in range(shuffles)]
    return rows, [(order[:n], order[n : 2 * n]) for order in orders]
