"""One rejection from several scores, judged by candidates that no part of it has seen."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from kzcal.errors import ConfigurationError
from kzcal.evaluate.config import EvaluationConfig
from kzcal.evaluate.curve import Ranking
from kzcal.evaluate.dependence import Column
from kzcal.evaluate.evaluation import Evaluation, evaluate
from kzcal.evaluate.scored import Scored
from kzcal.io.atomic import replacing
from kzcal.io.scores import HEADER
from kzcal.rejection.correlation import Correlation, correlations
from kzcal.rejection.crossing import Judged, chosen, folds
from kzcal.rejection.isotopes import Isotope, isotopes
from kzcal.rejection.material import COMBINED, Material
from kzcal.rejection.methods import METHODS, applicable

GRID = np.linspace(0.0, 1.0, 201)
"""Shares of the signal at which curves are told."""
AUTO = "auto"
DRAWS = 200
"""Draws of the events for the error of a correlation."""


@dataclass(frozen=True, slots=True, eq=False)
class Combination:
    """A combination as a whole.

    Args:
        evaluation: of the combined score, and then of each alone, on the same candidates.
        methods: all that were tried, the best first.
        method: name of the one that was taken.
        correlations: of each pair of scores within each class.
        isotopes: of the background.
        score: combined, of every candidate; of labelled ones by what others taught.
    """

    evaluation: Evaluation
    methods: tuple[Judged, ...]
    method: str
    correlations: tuple[Correlation, ...]
    isotopes: tuple[Isotope, ...]
    score: Float64[np.ndarray, " candidate"]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a product of single ratios would get wrong."""
        wrong = [one for one in self.correlations if one.significant]
        if self.method != "product":
            return ()
        return tuple(
            f"{one.first} and {one.second} are correlated in the {one.kind} "
            f"({one.value:+.3f} ± {one.error:.3f}), and a product takes them as independent"
            for one in wrong
        )

    def as_dict(self) -> dict[str, Any]:
        """Every number, by name."""
        scored = self.evaluation.scored
        curves = {
            name: Ranking.of(row, scored.signal).curve().rejection(GRID)
            for name, row in zip(scored.names, scored.scores, strict=True)
        }
        best = self.methods[0]
        return {
            **self.evaluation.as_dict(),
            "method": self.method,
            "methods": [
                {"name": one.name, "loss": one.mean, "worse": one.worse(best)}
                for one in self.methods
            ],
            "correlations": [asdict(one) for one in self.correlations],
            "warnings": self.warnings,
            "isotopes": [asdict(one) for one in self.isotopes],
            "curves": {"acceptance": GRID, "rejected": curves},
        }


def combine(material: Material, config: EvaluationConfig, *, method: str = AUTO) -> Combination:
    """Put scores together.

    Args:
        material: candidates and their scores.
        config: acceptances, draws and seed.
        method: name of one, or ``auto``: the one of the smallest loss on candidates that it did
            not learn from.

    Raises:
        ConfigurationError: there is no such method for so many scores.
    """
    _check_method(method, len(material.names))
    rows = np.flatnonzero(material.labelled)
    scores, signal = material.scores[:, rows], material.signal[rows]
    fold = folds(signal, material.group[rows], generator=np.random.default_rng([config.seed, 10]))
    tried = chosen(scores, signal, fold)
    taken = tried[0] if method == AUTO else next(one for one in tried if one.name == method)
    score = METHODS[taken.name](scores, signal)(material.scores)
    score[rows] = taken.score
    together = np.concatenate([score[None, rows], scores])
    columns = tuple(Column(c.name, c.unit, c.values[rows]) for c in material.columns)
    generator = np.random.default_rng([config.seed, 11])
    return Combination(
        evaluate(Scored((COMBINED, *material.names), together, signal, columns), config),
        tried,
        taken.name,
        correlations(material.names, scores, signal, draws=DRAWS, generator=generator),
        isotopes(together, signal, material.isotope[rows], config.acceptance),
        score,
    )


def _check_method(method: str, n_scores: int) -> None:
    choices = (AUTO, *applicable(n_scores))
    if method not in choices:
        message = f"{n_scores} scores are combined by one of {', '.join(choices)}, got {method!r}"
        raise ConfigurationError(message)


def write_scores(
    path: Path,
    event: Int64[np.ndarray, " candidate"],
    score: Float64[np.ndarray, " candidate"],
) -> None:
    """Write a row ``event,score`` for every candidate, whole or not at all.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    with replacing(path) as unfinished, unfinished.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADER)
        rows = zip(event.tolist(), score.tolist(), strict=True)
        writer.writerows([number, repr(value)] for number, value in rows)
