"""Two-sample tests by classifiers: whether anything learned tells the two files apart.

The area under the curve of a classifier that never saw the events it judges is one half if both
files follow one law. What the same classifier finds between halves of the data is its floor.
Source: Lopez-Paz and Oquab (2017), arXiv:1610.06545.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64
from scipy.stats import rankdata, t

FOLDS = 4
TREES = 60
"""Trees of the boosted classifier."""
KNOWN = 10
"""Shuffles that the scatter of a fixed score is worth."""


@dataclass(frozen=True, slots=True)
class TwoSample:
    """What a classifier found.

    Args:
        auc: area under its curve, 0.5 for no difference.
        error: one standard deviation of it.
        floor: mean area between halves of the data.
        spread: standard deviation of that from shuffle to shuffle.
        probability: that one law gives so large an area.
        n_events: of each file.
    """

    auc: float
    error: float
    floor: float
    spread: float
    probability: float
    n_events: int


def judged(area: float, floors: Float64[np.ndarray, " shuffle"], n_events: int) -> TwoSample:
    """An area with its error, and its chance by Student's law.

    The scatter of the floor is known from few shuffles; it is put together with that of a fixed
    score (Mann and Whitney's), which counts as KNOWN shuffles. Source: Smyth (2004),
    doi:10.2202/1544-6115.1027.
    """
    n = len(floors)
    floor, spread = float(floors.mean()), float(floors.std(ddof=1))
    known = (2 * n_events + 1) / (12 * n_events**2)
    variance = (KNOWN * known + (n - 1) * spread**2) / (KNOWN + n - 1)
    chance = float(t.sf((area - floor) / np.sqrt(variance * (1 + 1 / n)), KNOWN + n - 1))
    return TwoSample(area, auc_error(area, n_events), floor, spread, chance, n_events)


def auc(first: Float[np.ndarray, " event"], second: Float[np.ndarray, " other"]) -> float:
    """Share of pairs in which the first has the larger score; ties count half."""
    ranks = rankdata(np.concatenate([first, second]))[: len(first)]
    n, m = len(first), len(second)
    return float((ranks.sum() - n * (n + 1) / 2) / (n * m))


def auc_error(area: float, n: int) -> float:
    """Standard deviation of an area from as many events on either side.

    Source: Hanley and McNeil (1982), Radiology 143, 29, doi:10.1148/radiology.143.1.7063747.
    """
    area = min(max(area, 1e-3), 1 - 1e-3)
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (n - 1) * (one + two - 2 * area**2)
    return float(np.sqrt(variance)) / n


def boosted_auc(
    first: Float[np.ndarray, "event feature"],
    second: Float[np.ndarray, "event feature"],
    *,
    seed: int,
) -> float:
    """Area under the curve of gradient-boosted trees on features of as many events of either.

    Row i of both is in the same fold, so that nothing that the two share is learned from.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    n = len(first)
    fold = np.arange(n) % FOLDS
    both, label = np.concatenate([first, second]), np.repeat([1, 0], n)
    areas = []
    for left in range(FOLDS):
        out = np.tile(fold == left, 2)
        trees = HistGradientBoostingClassifier(
            max_iter=TREES, max_leaf_nodes=15, early_stopping=False, random_state=seed
        )
        trees.fit(both[~out], label[~out])
        score = trees.predict_proba(both[out])[:, 1]
        areas.append(auc(score[label[out] == 1], score[label[out] == 0]))
    return float(np.mean(areas))
