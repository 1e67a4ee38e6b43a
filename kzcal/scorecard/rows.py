"""The rows of a scorecard from what was summed of two files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from jaxtyping import Float64, UInt8

from kzcal.calibrate.arrivals import N_ENERGY
from kzcal.geometry import Detector
from kzcal.scorecard.classifiers import TwoSample
from kzcal.scorecard.config import ScorecardConfig
from kzcal.scorecard.deals import Chance, Deals
from kzcal.scorecard.features import EVENT_FEATURES, FEATURES, SPATIAL_FEATURES
from kzcal.scorecard.moments import of_events
from kzcal.scorecard.quantities import QUANTITIES, Correlation, PmtComparison
from kzcal.scorecard.row import Row
from kzcal.scorecard.shares import MeanComparison, ShareComparison, by_class
from kzcal.scorecard.tally import Tally
from kzcal.scorecard.whole import compare_whole, resolutions

UNITS = {"nhit": "hits", "charge": "p.e.", "mean_residual": "ns", "early_share": "1"}
BY_ENERGY = ("nhit", "mean_residual")
"""Features that are also compared within each energy class."""
SHARES, SPREAD, SIGMAS = "largest difference of shares", "from PMT to PMT", "rms, event spreads"


def event_rows(fake: Tally, data: Tally, deals: Deals, *, paired: bool) -> Iterator[Row]:
    """Distributions over events, means by energy, and patterns of hits."""
    for name in EVENT_FEATURES:
        shares = shares_of(fake, data, FEATURES.index(name))
        chance = deals.chance(shares.statistic, shares.distance**2, 2)
        number = partial(_mean_feature, column=FEATURES.index(name))
        found = compare_whole(name, UNITS[name], number, fake, data, paired=paired)
        absolute = name == "mean_residual"
        yield Row(
            name,
            "events",
            UNITS[name],
            found.first,
            found.second,
            found.first - found.second if absolute else found.difference,
            found.error * abs(found.second) if absolute else found.error,
            "absolute" if absolute else "relative",
            chance.probability,
            chance.at_reach,
            chance.order,
        )
    for name in BY_ENERGY:
        column = FEATURES.index(name)
        blocks = [by_class(t, column, N_ENERGY, len(t.n_events)) for t in (fake, data)]
        yield _means(f"{name}_by_energy", MeanComparison(*blocks), deals)
    columns = [FEATURES.index(name) for name in SPATIAL_FEATURES]
    yield _means("hit_pattern", pattern(fake, data, columns), deals)


def pattern(fake: Tally, data: Tally, columns: list[int]) -> MeanComparison:
    """Some features of events."""
    return MeanComparison(
        *(of_events(t.features[:, columns], t.event_block, len(t.n_events)) for t in (fake, data))
    )


def shares_of(fake: Tally, data: Tally, column: int) -> ShareComparison:
    """Distribution of a feature."""
    return ShareComparison.of(
        (fake.features[:, column], data.features[:, column]),
        (fake.event_block, data.event_block),
        (len(fake.n_events), len(data.n_events)),
    )


def pmt_rows(
    comparisons: tuple[PmtComparison, ...], alike: Correlation, deals: Deals
) -> Iterator[Row]:
    """Quantities of every PMT, and the correlation of the occupancy."""
    for comparison in comparisons:
        if not comparison.compared.any():
            continue
        first, second = len(comparison.first.number), len(comparison.second.number)
        truth = np.repeat([1.0, 0.0], [first, second])[None]
        away = float(comparison.statistic(truth)[0])
        chance = deals.chance(comparison.statistic, away, int(comparison.compared.sum()))
        name, unit = comparison.quantity.name, comparison.quantity.unit
        per = 1e9 if name == "dark_rate" else 1.0
        fake, data = (per * value for value in comparison.means)
        spread = float(np.sqrt(max(comparison.excess, 0.0)))
        shown = "Hz" if name == "dark_rate" else unit
        yield _dealt(Row(name, "pmts", shown, fake, data, spread, measure=SPREAD), chance)
    yield Row(
        "occupancy_correlation",
        "pmts",
        "1",
        alike.found,
        alike.attainable,
        alike.ratio,
        measure="of the attainable",
    )


def whole_rows(
    fake: Tally, data: Tally, diameter: UInt8[np.ndarray, " pmt"], blur: float, *, paired: bool
) -> Iterator[Row]:
    """Dark share and resolutions; one that the data do not have is left out.

    One that the first file does not have, such as the width of a peak that is not there, differs.
    """
    for name, (unit, number) in resolutions(diameter, blur).items():
        found = compare_whole(name, unit, number, fake, data, paired=paired)
        if np.isfinite(found.second) and found.second > 0:
            yield Row(
                name,
                "whole",
                unit,
                found.first,
                found.second,
                found.difference,
                found.error,
                probability=found.probability,
                differs=not np.isfinite(found.first),
            )


def classifier_row(name: str, found: TwoSample) -> Row:
    """The area under a curve beside its floor."""
    return Row(
        name,
        "classifiers",
        "1",
        found.auc,
        found.floor,
        found.auc - found.floor,
        found.error,
        "absolute",
        found.probability,
    )


def score_row(
    name: str,
    scores: tuple[Float64[np.ndarray, " event"], Float64[np.ndarray, " other"]],
    fake: Tally,
    data: Tally,
    deals: Deals,
) -> tuple[Row, ShareComparison]:
    """A classifier's score over the physics events of both files."""
    first, second = scores[0][fake.row], scores[1][data.row]
    blocks, numbers = (
        (fake.event_block, data.event_block),
        (len(fake.n_events), len(data.n_events)),
    )
    shares = ShareComparison.of((first, second), blocks, numbers)
    chance = deals.chance(shares.statistic, shares.distance**2, 2)
    means = float(first.mean()), float(second.mean())
    row = Row(name, "scores", "1", *means, shares.distance, measure=SHARES)
    return _dealt(row, chance), shares


def most_rows(detector: Detector, config: ScorecardConfig, n_models: int) -> int:
    """Rows with a probability that a scorecard has at most."""
    n_events = len(EVENT_FEATURES) + len(BY_ENERGY) + 1
    n_whole = len(resolutions(detector.diameter_inch, 0.0))
    n_classifiers = 2 if config.graph_events else 1
    return n_events + len(QUANTITIES) + n_whole + n_classifiers + n_models


def aimed(rows: Sequence[Row], targets: Mapping[str, float]) -> Iterator[Row]:
    """Rows with their targets; what the data do not have, or cannot tell, has none."""
    for row in rows:
        target = next((targets[key] for key in targets if row.name.startswith(key)), None)
        is_correlation = row.name == "occupancy_correlation"
        unknown = np.isnan(row.difference if is_correlation else row.data)
        if target is None or unknown:
            yield row
        elif is_correlation:
            yield row.aimed(target, figure=row.difference, most=False)
        else:
            is_area = row.group == "classifiers"
            yield row.aimed(target, figure=row.fake if is_area else abs(row.difference))


def _means(name: str, comparison: MeanComparison, deals: Deals) -> Row:
    """Several means of events as one row."""
    truth = np.repeat([1.0, 0.0], [len(comparison.first.number), len(comparison.second.number)])
    found = float(comparison.statistic(truth[None])[0])
    chance = deals.chance(comparison.statistic, found, comparison.first.number.shape[1])
    spread = float(np.sqrt(max(comparison.excess, 0.0)))
    nothing = float("nan")
    return _dealt(Row(name, "events", "", nothing, nothing, spread, measure=SIGMAS), chance)


def _dealt(row: Row, chance: Chance) -> Row:
    """The row with what the deals say of it."""
    return replace(
        row, probability=chance.probability, at_reach=chance.at_reach, order=chance.order
    )


def _mean_feature(tally: Tally, weight: Float64[np.ndarray, " block"], column: int) -> float:
    each = weight[tally.event_block]
    return float(each @ tally.features[:, column]) / max(float(each.sum()), 1e-12)
