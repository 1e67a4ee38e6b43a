"""Everything that an evaluation finds, in the order of its page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from kzcal.evaluate.agreement import Agreement
from kzcal.evaluate.area import Areas, areas, chance
from kzcal.evaluate.config import EvaluationConfig
from kzcal.evaluate.dead import DeadPmts, dead_pmts
from kzcal.evaluate.dependence import Dependence, dependence
from kzcal.evaluate.occlusion import Patch, Probe, TimeBin, patches, time_bins
from kzcal.evaluate.reliability import Reliability, reliability
from kzcal.evaluate.resampling import Rejections, rejections
from kzcal.evaluate.scored import Scored


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two classifiers on the same events.

    Args:
        first: name of one.
        second: name of the other.
        rejected: background that the first rejects more at the common acceptance.
        error: one standard deviation of it, events drawn anew for both.
        probability: that classifiers of one law differ as much, by Gauss's law.
        area: of the first less that of the second.
        area_error: one standard deviation of it.
        area_probability: as ``probability``.
    """

    first: str
    second: str
    rejected: float
    error: float
    probability: float
    area: float
    area_error: float
    area_probability: float


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """What a model looks at.

    Args:
        probed: number of events that it was asked about.
        probed_dead: the same, with PMTs dead.
        area: under its curve for these.
        times: worth of each bin of the residual.
        bands: worth of times on bands about the axis of early light.
        patches: the same for parts of each band.
        dead: worth of PMTs.
    """

    probed: int
    probed_dead: int
    area: float
    times: tuple[TimeBin, ...]
    bands: tuple[Patch, ...]
    patches: tuple[Patch, ...]
    dead: tuple[DeadPmts, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """An evaluation as a whole.

    Args:
        config: the settings.
        scored: the events.
        areas: under the curves.
        rejections: at the acceptances of the settings.
        contrasts: of each pair of classifiers.
        dependences: of the first classifier on each column.
        reliabilities: of each classifier.
        looked: what the model looks at; None without a model.
        agreement: of data and simulation; None without data.
    """

    config: EvaluationConfig
    scored: Scored
    areas: Areas
    rejections: Rejections
    contrasts: tuple[Contrast, ...]
    dependences: tuple[Dependence, ...]
    reliabilities: tuple[Reliability, ...]
    looked: Looked | None = None
    agreement: Agreement | None = None

    def as_dict(self) -> dict[str, Any]:
        """Every number, by name."""
        found = self.rejections
        classifiers = [
            {
                "name": name,
                "area": self.areas.values[i],
                "area_error": self.areas.errors[i],
                "rejections": [
                    {
                        "acceptance": cut,
                        "rejected": found.values[i, j],
                        "error": found.errors[i, j],
                        "low": found.bounds[0, i, j],
                        "high": found.bounds[1, i, j],
                    }
                    for j, cut in enumerate(found.acceptance)
                ],
                "reliability": asdict(self.reliabilities[i]),
            }
            for i, name in enumerate(self.scored.names)
        ]
        return {
            "settings": self.config.as_dict(),
            "signal": int(self.scored.signal.sum()),
            "background": int((~self.scored.signal).sum()),
            "classifiers": classifiers,
            "contrasts": [asdict(one) for one in self.contrasts],
            "dependence": [asdict(one) for one in self.dependences],
            "model": None if self.looked is None else asdict(self.looked),
            "agreement": None if self.agreement is None else _without_events(self.agreement),
        }


def evaluate(scored: Scored, config: EvaluationConfig) -> Evaluation:
    """Judge scores by the truth.

    Args:
        scored: events of both classes.
        config: the settings.
    """
    generator = np.random.default_rng([config.seed, 0])
    found = rejections(
        scored.scores, scored.signal, config.cuts, draws=config.draws, generator=generator
    )
    area = areas(scored.scores, scored.signal)
    first = scored.scores[0]
    return Evaluation(
        config=config,
        scored=scored,
        areas=area,
        rejections=found,
        contrasts=_contrasts(scored, found, area, config),
        dependences=tuple(
            dependence(
                column,
                first,
                scored.signal,
                acceptance=config.acceptance,
                bins=config.bins,
                generator=np.random.default_rng([config.seed, 5]),
            )
            for column in scored.columns
            if column.tells(scored.signal)
        ),
        reliabilities=tuple(
            reliability(
                score,
                scored.signal,
                bins=config.reliability_bins,
                draws=config.draws,
                generator=np.random.default_rng([config.seed, 1]),
            )
            for score in scored.scores
        ),
    )


def _contrasts(
    scored: Scored, found: Rejections, area: Areas, config: EvaluationConfig
) -> tuple[Contrast, ...]:
    """Each pair of classifiers, the first with the second first."""
    cut = config.cuts.index(config.acceptance)
    contrasts = []
    for i, first in enumerate(scored.names):
        for j in range(i + 1, len(scored.names)):
            differences, errors = found.difference(i, j)
            difference, error = float(differences[cut]), float(errors[cut])
            apart, spread = area.difference(i, j)
            contrasts.append(
                Contrast(
                    first=first,
                    second=scored.names[j],
                    rejected=difference,
                    error=error,
                    probability=chance(difference, error),
                    area=apart,
                    area_error=spread,
                    area_probability=chance(apart, spread),
                )
            )
    return tuple(contrasts)


def look(
    probe: Probe, config: EvaluationConfig, advance: Callable[[float], None] = lambda _: None
) -> Looked:
    """Ask a model what it looks at, and what dead PMTs cost.

    Args:
        probe: model and events; of more than are asked for, some evenly over all.
        config: the settings.
        advance: called with the number of scorings done.
    """
    streams = [np.random.default_rng([config.seed, 2, i]) for i in range(3)]
    few, many = probe.thinned(config.probed), probe.thinned(config.probed_dead)
    bands, parts = patches(few, generator=streams[1], advance=advance)
    return Looked(
        probed=len(few.signal),
        probed_dead=len(many.signal),
        area=float(areas(many.score[None], many.signal).values[0]),
        times=time_bins(few, generator=streams[0], advance=advance),
        bands=bands,
        patches=parts,
        dead=dead_pmts(
            many, config.dead, config.acceptance, generator=streams[2], advance=advance
        ),
    )


def _without_events(record: Agreement) -> dict[str, Any]:
    """Its numbers, without the columns of single events."""
    kept = {f.name: getattr(record, f.name) for f in fields(record)}
    del kept["score"], kept["weight"]
    return {**kept, "impurity": record.impurity}
