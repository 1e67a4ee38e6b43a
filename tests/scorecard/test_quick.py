"""One number for how far two lots of events are apart."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scored_events import distorted, run_of, source

from kzcal.calibrate.config import CalibrationConfig
from kzcal.errors import CalibrationError
from kzcal.scorecard.files import Pair
from kzcal.scorecard.quick import WHOLE_TOLERANCE, quick
from kzcal.scorecard.whole import blur, resolutions

CONFIG = CalibrationConfig()


@pytest.fixture(scope="module")
def run():
    return run_of(1, 1200)


def test_the_same_events_are_no_distance_apart(run):
    found = quick(run.events, run.events, run.detector)
    assert found.distance == 0
    assert set(found.parts) > {"nhit", "occupancy", "dark_fraction", "time_resolution"}


@pytest.mark.parametrize(
    ("what", "parts"),
    [
        ("charge", {"charge", "charge_mean", "charge_width"}),
        ("time", {"time_resolution", "residual_width"}),
        ("crate", {"occupancy"}),
        ("dark", {"dark_fraction", "dark_rate"}),
    ],
)
def test_a_change_makes_the_parts_grow_that_it_touches(run, what, parts):
    found = quick(distorted(run, what), run.events, run.detector)
    assert found.distance > 0
    assert max(found.parts, key=lambda name: found.parts[name]) in parts
    untouched = {"occupancy", "hit_pattern"} - parts
    assert all(found.parts[name] < 1 for name in untouched)


def test_a_larger_change_is_a_larger_distance(run):
    events, rng = run.events, np.random.default_rng(1)
    near, far = (
        quick(_smeared(events, sigma, rng), events, run.detector).distance for sigma in (0.5, 2.0)
    )
    assert near < far


def _smeared(events, sigma, rng):
    from scored_events import with_hits

    late = rng.normal(0, sigma, len(events.hits.time)).astype(np.float32)
    return with_hits(events, time=events.hits.time + late)


def test_events_of_one_law_are_nearer_than_a_tolerance(run):
    other = run_of(2, 1200)
    assert quick(other.events, run.events, run.detector).distance < 1


def test_events_without_hits_are_far_away_and_no_error(run):
    events = run.events
    nothing = events.hits.where(np.zeros(len(events.hits.pmt), bool))
    found = quick(replace(events, hits=nothing), events, run.detector)
    assert np.isfinite(found.distance)
    assert found.distance > 100


def test_too_few_events_are_refused(run):
    few = run.events[0:20]
    with pytest.raises(CalibrationError, match="50 physics events"):
        quick(few, few, run.detector)


def test_resolutions_are_those_of_the_scorecard(run):
    fake = distorted(run, "time")
    found = quick(fake, run.events, run.detector)
    tallies = Pair.of(
        source(run, fake), source(run), run.detector, CONFIG, 1, torch.device("cpu")
    ).tallies()
    whole = resolutions(run.detector.diameter_inch, blur(CONFIG))
    gaps, weights = [], []
    for size in np.unique(run.detector.diameter_inch):
        number = whole[f"time_resolution_{size}_inch"][1]
        mine, other = (number(tally, np.ones(1)) for tally in tallies)
        gaps.append(mine / other - 1)
        weights.append(tallies[1].charge[:, run.detector.diameter_inch == size].sum())
    gap = np.average(gaps, weights=weights)
    assert found.parts["time_resolution"] == pytest.approx((gap / WHOLE_TOLERANCE) ** 2)
