"""How far two lots of events are apart, in one number and in a second or two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from kzcal.calibrate.config import CalibrationConfig
from kzcal.geometry import Detector
from kzcal.hits import Events, RunHeader
from kzcal.io.memory import MemorySource
from kzcal.scorecard.blocks import plans
from kzcal.scorecard.features import EVENT_FEATURES, FEATURES, SPATIAL_FEATURES
from kzcal.scorecard.moments import of_events
from kzcal.scorecard.populations import matched
from kzcal.scorecard.quantities import QUANTITIES, compare_pmts
from kzcal.scorecard.shares import MeanComparison, ShareComparison
from kzcal.scorecard.sphere import SphereTables
from kzcal.scorecard.tally import Tally, gather
from kzcal.scorecard.whole import blur, resolutions

SHARE_TOLERANCE = 0.03
"""Difference of cumulative distributions of a number per event that is small."""
MEAN_TOLERANCE = 0.1
"""Difference of means that is small, in standard deviations of one event."""
WHOLE_TOLERANCE = 0.02
"""Relative difference of the dark share or a resolution that is small."""
WORST = 100.0
"""What cannot be measured, such as the width of a peak that is not there, counts as this many
tolerances."""


@dataclass(frozen=True, slots=True)
class QuickScore:
    """How far two lots of events are apart.

    Args:
        parts: of each number of the scorecard, the squared difference over its squared tolerance;
            what counting explains of it is taken off where that is known, down to zero.
    """

    parts: Mapping[str, float]

    @property
    def distance(self) -> float:
        """Mean of the parts: zero for the same law, about one where all differ tolerably.

        It knows no significance: more events make it more certain and not larger.
        """
        return float(np.mean(list(self.parts.values())))


def quick(
    fake: Events,
    data: Events,
    detector: Detector,
    *,
    same_run: bool = True,
    device: torch.device | None = None,
    config: CalibrationConfig | None = None,
) -> QuickScore:
    """Compare events in memory; a second or two for a thousand of them.

    Args:
        fake: what a translator made.
        data: what it should be like; the same events, or others of the same kinds.
        detector: of both.
        same_run: whether both are of one run, so that equal numbers mean equal events.
        device: where to calculate; None for the CPU.
        config: which events take part, and the speed of light.

    Raises:
        CalibrationError: there are too few physics events.
    """
    config = config or CalibrationConfig()
    device = device or torch.device("cpu")
    header = RunHeader(0, detector.name)
    sources = [MemorySource(Path(), events, header) for events in (fake, data)]
    tables = (sources[0].table(), sources[1].table())
    first, second, _ = plans(tables, matched(*tables, same_run=same_run), config, 1)
    sphere = SphereTables.of(detector.directions, device)
    mine, other = (
        gather(source, plan, detector, config, device=device, tables=sphere)
        for source, plan in zip(sources, (first, second), strict=True)
    )
    return QuickScore(dict(_parts(mine, other, detector, blur(config))))


def _parts(
    fake: Tally, data: Tally, detector: Detector, blurred: float
) -> Iterator[tuple[str, float]]:
    n_blocks = (len(fake.n_events), len(data.n_events))
    blocks = (fake.event_block, data.event_block)
    for name in EVENT_FEATURES:
        column = FEATURES.index(name)
        values = (fake.features[:, column], data.features[:, column])
        excess = ShareComparison.of(values, blocks, n_blocks).excess
        yield name, max(excess, 0.0) / SHARE_TOLERANCE**2
    columns = [FEATURES.index(name) for name in SPATIAL_FEATURES]
    pattern = [
        of_events(tally.features[:, columns], tally.event_block, number)
        for tally, number in zip((fake, data), n_blocks, strict=True)
    ]
    yield "hit_pattern", max(MeanComparison(*pattern).excess, 0.0) / MEAN_TOLERANCE**2
    for quantity, comparison in zip(
        QUANTITIES, compare_pmts(fake, data, detector.directions), strict=True
    ):
        yield quantity.name, max(comparison.excess, 0.0) / quantity.tolerance**2
    yield from _whole(fake, data, detector, blurred).items()


def _whole(fake: Tally, data: Tally, detector: Detector, blurred: float) -> dict[str, float]:
    """Dark share and resolutions; the types of PMTs count by their hits in the data."""
    gaps: dict[str, list[tuple[float, float]]] = {}
    for name, (_, number) in resolutions(detector.diameter_inch, blurred).items():
        mine, other = (number(tally, np.ones(len(tally.n_events))) for tally in (fake, data))
        if not np.isfinite(other) or other <= 0:
            continue
        what, _, size = name.removesuffix("_inch").rpartition("_")
        rows = detector.diameter_inch == int(size) if size.isdecimal() else slice(None)
        weight = float(data.charge[:, rows].sum())
        gap = mine / other - 1 if np.isfinite(mine) else np.inf
        gaps.setdefault(what if size.isdecimal() else name, []).append((gap, weight))
    found = {}
    for name, pairs in gaps.items():
        gap, weight = np.array(pairs).T
        away = abs(float(np.average(gap, weights=weight + 1e-9))) / WHOLE_TOLERANCE
        found[name] = min(away, WORST) ** 2
    return found
