"""Gammas of one energy that shine at one site against those that shine at several.

If a classifier of electrons against betas with gammas tells them apart, and its score goes with
that of one trained on them, it looks at how many sites shine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64
from scipy.stats import spearmanr

from kzcal.calibrate.report.digits import measured
from kzcal.errors import ConfigurationError
from kzcal.evaluate.curve import Ranking
from kzcal.hits import Events
from kzcal.particles import GAMMA
from kzcal.physics.given import GivenParticle
from kzcal.study import pictures
from kzcal.study.bench import FEWEST, Bench
from kzcal.study.config import StudyConfig
from kzcal.study.findings import Findings, Table

GAMMA_MEV = 3.0
SINGLE_M, MULTI_M = 0.05, 0.15
"""Spread of the energy [m] below which a gamma counts as one site, and above which as several:
the first is below what light of 2 ns spread can tell, the second beyond it."""
SINGLE, BETWEEN, MULTI = b"single", b"between", b"multi"
DRAWS = 300


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Scores of gammas that are single or multi-site."""

    score: Float64[np.ndarray, " event"]
    single: Bool[np.ndarray, " event"]

    def area(self, rows: slice | np.ndarray = slice(None)) -> float:
        """Chance that a single-site gamma has the larger score."""
        return Ranking.of(self.score[rows], self.single[rows]).curve().area


def gammas(bench: Bench, n: int) -> Events:
    """Gammas in the bench's window, with the number of their sites as their kind."""
    source = GivenParticle(GAMMA, GAMMA_MEV)
    return labelled(bench.events("gamma", source, n))


def labelled(events: Events) -> Events:
    """Events with single, between or multi as their kind, by the spread of their energy."""
    spread = np.asarray(events.truth["rms"])
    kind = np.select([spread < SINGLE_M, spread > MULTI_M], [SINGLE, MULTI], BETWEEN)
    return replace(events, truth={**events.truth, "kind": kind})


def study_multisite(
    bench: Bench, events: Events, second: Bench | None, config: StudyConfig
) -> Findings:
    """Judge a classifier, and a second one that was trained on such gammas, by the same ones.

    Args:
        bench: with the classifier.
        events: gammas with the kinds of ``labelled``.
        second: with the other one, or None.
        config: of the study.

    Raises:
        ConfigurationError: too few gammas are single or multi-site.
    """
    kind = events.truth["kind"]
    known = np.isin(kind, (SINGLE, MULTI))
    counts = [int((kind == one).sum()) for one in (SINGLE, MULTI)]
    if min(counts) < FEWEST:
        message = (
            f"a study needs {FEWEST} single-site and as many multi-site gammas, got {counts[0]} "
            f"and {counts[1]}: simulate more with --n"
        )
        raise ConfigurationError(message)
    benches = {"first": bench} | ({} if second is None else {"second": second})
    scores = {name: one.score(events) for name, one in benches.items()}
    generator = np.random.default_rng(config.seed)
    areas = {
        name: _area(Judged(score[known], kind[known] == SINGLE), generator)
        for name, score in scores.items()
    }
    correlation = None if second is None else _correlation(scores, generator)
    numbers = {
        "single": counts[0],
        "multi": counts[1],
        "areas": areas,
        "correlation": correlation,
    }
    rows = tuple((name, measured(*pair)) for name, pair in areas.items())
    picture = pictures.multisite(scores, events.truth["rms"], kind)
    table = Table(
        "Sites",
        "Chance that a single-site gamma has a larger score than a multi-site one.",
        ("classifier", "area"),
        rows,
        picture,
    )
    return Findings("multisite", _verdict(areas["first"], correlation), (table,), numbers)


def _area(judged: Judged, generator: np.random.Generator) -> tuple[float, float]:
    n = len(judged.score)
    drawn = [judged.area(generator.integers(n, size=n)) for _ in range(DRAWS)]
    return judged.area(), float(np.std(drawn))


def _correlation(
    scores: dict[str, Float64[np.ndarray, " event"]], generator: np.random.Generator
) -> tuple[float, float]:
    """Spearman's correlation of both scores over all gammas, and its error."""
    first, second = scores.values()
    drawn = []
    for _ in range(DRAWS):
        rows = generator.integers(len(first), size=len(first))
        drawn.append(float(spearmanr(first[rows], second[rows]).statistic))
    return float(spearmanr(first, second).statistic), float(np.std(drawn))


def _verdict(area: tuple[float, float], correlation: tuple[float, float] | None) -> str:
    told = f"Single-site gammas have the larger score with chance {measured(*area)}"
    if correlation is not None:
        told += f"; the scores of both classifiers correlate by {measured(*correlation)}"
    return f"{told}."
