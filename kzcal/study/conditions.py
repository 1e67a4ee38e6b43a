"""How sure a rejection is: detectors as they might also be, and further dead PMTs.

Replicas of the detector are what a calibration's errors allow (`kzcal throw`). The same decays
are seen by each, and corrected and judged as if it were the detector that was calibrated. Hits
are drawn anew, so that a spread contains chance, at most as much as that of one sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace

import numpy as np

from kzcal.calibrate.report.digits import measured, percent
from kzcal.classify.augment import random_dead
from kzcal.parts import ParticleSource
from kzcal.simulate.workers import Simulation
from kzcal.study import pictures
from kzcal.study.bench import Bench, Sample
from kzcal.study.config import StudyConfig
from kzcal.study.findings import Findings, Table
from kzcal.study.signal import signal_sample
from kzcal.study.threshold import Threshold, rejection

SHARES = (0.0, 0.02, 0.05, 0.1, 0.2)
"""Of PMTs that die beside those that are dead already."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What becomes of the shares under one condition.

    Args:
        name: of it.
        accepted: share of the signal above the threshold of the calibrated detector.
        rejected: share of the background below it.
        rejected_anew: the same with a threshold of the condition's own.
    """

    name: str
    accepted: float
    rejected: float
    rejected_anew: float


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """Signal and background under one condition."""

    signal: Sample
    background: Sample

    @classmethod
    def of(cls, bench: Bench, name: str, source: ParticleSource, n: int) -> Classes:
        """As many events of both."""
        return cls(signal_sample(bench, n), bench.sample(name, source, n))

    def threshold(self, acceptance: float) -> Threshold:
        """What accepts so much of the signal."""
        return Threshold.of(self.signal.score, self.signal.energy, acceptance)

    def under(self, name: str, threshold: Threshold, acceptance: float) -> Condition:
        """The shares, by a threshold that was found elsewhere."""
        own = self.threshold(acceptance)
        background = self.background.score, self.background.energy
        return Condition(
            name,
            1.0 - threshold.rejected(self.signal.score, self.signal.energy),
            threshold.rejected(*background),
            own.rejected(*background),
        )

    def with_dead(self, bench: Bench, share: float, generator: np.random.Generator) -> Classes:
        """The same events with further dead PMTs."""
        parts = [
            replace(
                sample,
                score=bench.classifier.score(
                    random_dead(bench.corrected(sample.events), share, generator=generator)
                ),
            )
            for sample in (self.signal, self.background)
        ]
        return Classes(*parts)


def study_conditions(
    bench: Bench,
    background: tuple[str, ParticleSource],
    replicas: Iterable[Simulation],
    config: StudyConfig,
    advance: Callable[[float], None],
) -> Findings:
    """Judge a classifier under other conditions than it was calibrated for.

    Args:
        bench: with the detector that was calibrated.
        background: name and source of its decays.
        replicas: the same simulation with other detectors.
        config: of the study.
        advance: told of every condition that is done.
    """
    name, source = background
    central = Classes.of(bench, name, source, config.n)
    threshold = central.threshold(config.acceptance)
    advance(1)
    thrown = []
    for number, simulation in enumerate(replicas):
        moved = Classes.of(replace(bench, simulation=simulation), name, source, config.n)
        thrown.append(moved.under(f"replica {number}", threshold, config.acceptance))
        advance(1)
    generator = np.random.default_rng(config.seed)
    dead = []
    for share in SHARES:
        seen = central.with_dead(bench, share, generator)
        dead.append(seen.under(f"{percent(share)} more dead", threshold, config.acceptance))
        advance(1)
    statistical = rejection(
        (central.signal.score, central.signal.energy),
        (central.background.score, central.background.energy),
        config.acceptance,
        generator=generator,
    )
    systematic = _spread([one.rejected_anew for one in thrown])
    numbers = {
        "rejection": statistical.value,
        "statistical": statistical.error,
        "systematic": systematic,
        "systematic_fixed": _spread([one.rejected for one in thrown]),
        "acceptance_spread": _spread([one.accepted for one in thrown]),
        "replicas": [asdict(one) for one in thrown],
        "dead": [asdict(one) for one in dead],
    }
    tables = (
        _table("Replicas", "Detectors that the calibration's errors allow.", thrown),
        _table("Dead PMTs", "Other PMTs in every event.", dead, pictures.dead(dead, SHARES)),
    )
    verdict = f"{measured(statistical.value, statistical.error)} is rejected"
    if systematic is not None:
        verdict += f"; over {len(thrown)} replicas it spreads by {systematic:.3f}, which is "
        verdict += f"chance alone up to {statistical.error:.3f}"
    return Findings("conditions", f"{verdict}.", tables, numbers)


def _spread(values: list[float]) -> float | None:
    """Standard deviation; None of fewer than two."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def _table(title: str, summary: str, rows: list[Condition], picture: str = "") -> Table:
    header = ("condition", "signal accepted", "rejected", "rejected with its own threshold")
    cells = tuple(
        (
            row.name,
            f"{row.accepted:.3f}",
            f"{row.rejected:.3f}",
            f"{row.rejected_anew:.3f}",
        )
        for row in rows
    )
    return Table(title, summary, header, cells, picture)
