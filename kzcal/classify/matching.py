"""Weights that make a quantity alike in signal and background, so that no score hangs on it.

With them the classes have one distribution of the number of hits, or of the energy, and what is
left to tell them apart is the pattern. Source: KamNet resamples its classes to equal histograms
of the number of hits (arXiv:2203.01870); weights do the same and lose no event.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Float64

from kzcal.candidates import Candidates
from kzcal.errors import ConfigurationError
from kzcal.learning import CorrectedEvents

ENERGY = "energy"
MATCHED = ("nhit", ENERGY, "none")
MOST_BINS = 40
FEWEST_PER_BIN = 25
"""Events of each class that a bin holds on average at least."""


def matching_weights(
    events: CorrectedEvents | Candidates, signal: Bool[np.ndarray, " event"], match: str
) -> Float32[np.ndarray, " event"]:
    """A weight for every event; their mean is one in each class.

    Bins hold equally many events of both classes together. In each bin the classes weigh the
    same; what they weigh there is the smaller of their own shares, so that no weight exceeds that
    of an event without matching by more than the normalisation. Events where the other class has
    none weigh nothing.

    Args:
        events: of both classes, or candidates.
        signal: whether each is signal.
        match: nhit, energy or none.

    Raises:
        ConfigurationError: the classes share no bin, or candidates have no such number.
    """
    if match == "none" or not len(events):
        return np.ones(len(events), np.float32)
    values = _values(events, match)
    bin_of = _bins(values, signal)
    n = bin_of.max() + 1
    share = np.stack([np.bincount(bin_of[c], minlength=n) / c.sum() for c in (~signal, signal)])
    target = share.min(axis=0)
    if not target.sum():
        message = (
            f"signal and background are matched where both have events, got none with a like "
            f"{match}: choose other events, or --match none"
        )
        raise ConfigurationError(message)
    ratio = np.divide(target / target.sum(), share, out=np.zeros_like(share), where=share > 0)
    return np.asarray(ratio[signal.astype(np.int64), bin_of], np.float32)


def _values(events: CorrectedEvents | Candidates, match: str) -> Float64[np.ndarray, " event"]:
    """The quantity that is made alike."""
    if isinstance(events, CorrectedEvents):
        return (events.hits.counts if match == "nhit" else events.energy).astype(np.float64)
    if match != ENERGY or ENERGY not in events.columns:
        message = (
            f"candidates are matched by a column {ENERGY} or not at all, got --match {match} for "
            f"those with columns {', '.join(events.columns)}: choose --match none"
        )
        raise ConfigurationError(message)
    return events.columns[ENERGY].astype(np.float64)


def _bins(values: Float64[np.ndarray, " event"], signal: Bool[np.ndarray, " event"]) -> np.ndarray:
    """Bin of each event; edges are quantiles of both classes in equal parts.

    The first and the last bin hold what lies outside the range of one of the classes.
    """
    classes = values[signal], values[~signal]
    number = int(np.clip(min(map(len, classes)) // FEWEST_PER_BIN, 1, MOST_BINS))
    inner = np.linspace(0, 1, number + 1)[1:-1]
    edges = np.mean([np.quantile(of_class, inner) for of_class in classes], axis=0)
    lowest = max(of_class.min() for of_class in classes)
    highest = np.nextafter(min(of_class.max() for of_class in classes), np.inf)
    edges = np.sort([lowest, *edges.clip(min(lowest, highest), highest), highest])
    return np.asarray(np.searchsorted(edges, values, side="right"))
