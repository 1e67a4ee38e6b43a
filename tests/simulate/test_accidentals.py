"""Pairs by accident: laws of independent events."""

from dataclasses import replace

import numpy as np
import pytest

from kzcal.coincidence.config import IbdSettings
from kzcal.errors import ConfigurationError
from kzcal.hits import Events, Hits
from kzcal.simulate.accidentals import (
    Pool,
    draw_pairs,
    paired_events,
    pairs_per_day,
)
from kzcal.simulate.order import joined
from kzcal.simulate.volumes import Shell

CUTS = IbdSettings(distance=1.6)
N = 4000


def singles(n: int = N, radius: float = 6.0, seed: int = 1) -> Events:
    """Events evenly in a sphere, half of them prompt-like alone and half delayed-like alone."""
    generator = np.random.default_rng(seed)
    none = np.zeros(0, np.float32)
    return Events(
        event=np.arange(n),
        timestamp=np.sort(generator.integers(0, 10**12, n)),
        trigger=np.zeros(n, np.uint8),
        vertex=Shell(0.0, radius).sample(n, generator=generator).astype(np.float32),
        energy=np.where(np.arange(n) % 2, 1.2, 2.2).astype(np.float32),
        t0=np.zeros(n, np.float32),
        hits=Hits.from_counts(np.zeros(n, np.int64), np.zeros(0, np.uint16), none, none),
        truth={"kind": np.full(n, b"made-up"), "group": np.full(n, -1)},
    )


def drawn(number: int = 20_000):
    pool = Pool.of([singles()], CUTS)
    return pool, draw_pairs(pool, CUTS, number, generator=np.random.default_rng(2))


def test_the_pool_keeps_what_can_be_half_a_pair():
    events = singles(radius=8.0)
    inside = np.linalg.norm(events.vertex, axis=1) < CUTS.radius
    pool = Pool.of([events[:1000], events[1000:]], CUTS)
    # 2.2 MeV passes both windows, 1.2 MeV the first alone.
    assert len(pool.prompt) == inside.sum()
    assert len(pool.delayed) == (inside & (events.energy > 1.8)).sum()


def test_captures_on_carbon_are_delayed_events_as_for_a_search():
    events = singles(400)
    carbon = replace(events, energy=np.where(events.energy > 1.8, 4.95, 3.5).astype(np.float32))
    pool = Pool.of([carbon], CUTS)
    assert (carbon.energy[pool.delayed] > 4.4).all()
    assert len(pool.delayed) == 200


def test_pairs_pass_the_cuts():
    pool, pairs = drawn()
    place = pool.events.vertex.astype(float)
    distance = np.linalg.norm(place[pairs.first] - place[pairs.second], axis=1)
    assert distance.max() < CUTS.distance
    assert (pairs.first != pairs.second).all()
    assert (pool.events.energy[pairs.second] > 1.8).all()
    low, high = (1e3 * edge for edge in CUTS.time)
    # Uniform delays: 5 sigma of the mean of 20,000.
    share = (pairs.delay_ns - low) / (high - low)
    assert abs(share.mean() - 0.5) < 5 / np.sqrt(12 * 20_000)


def test_as_many_are_near_as_two_places_in_a_sphere():
    _, pairs = drawn()
    d = CUTS.distance / CUTS.radius
    expected = d**3 - 9 / 16 * d**4 + d**6 / 32
    # The pool has 4,000 places, so that the share is known to a few per cent.
    assert pairs.near == pytest.approx(expected, rel=0.06)


def test_the_rate_is_that_of_a_run_in_which_pairs_are_counted():
    cuts = IbdSettings(distance=12.0, radius=6.0)
    span_s, rate = 2000.0, 30.0
    generator = np.random.default_rng(3)
    n = generator.poisson(rate * span_s)
    events = singles(n)
    time = np.sort(generator.uniform(0, span_s, n))
    pool = Pool.of([events], cuts)
    pairs = draw_pairs(pool, cuts, 100, generator=generator)
    expected = pairs_per_day(pool, pairs, cuts, span_s) * span_s / 86_400
    begin, end = (np.searchsorted(time, time + 1e-6 * edge) for edge in cuts.time)
    late = np.concatenate([[0], np.cumsum(events.energy > 1.8)])
    counted = int((late[end] - late[begin]).sum())
    # 900 pairs: 5 sigma of a Poisson number.
    assert abs(counted - expected) < 5 * np.sqrt(expected)


def test_pairs_are_written_in_time_order():
    pool, pairs = drawn(5000)
    events = joined(list(paired_events(pool, pairs)))
    assert np.array_equal(events.event, np.arange(10_000))
    assert (np.diff(events.timestamp) > 0).all()
    delay = events.timestamp[1::2] - events.timestamp[::2]
    assert np.abs(delay - pairs.delay_ns).max() <= 0.5
    assert np.array_equal(events.vertex[1::2], pool.events.vertex[pairs.second])


def test_the_same_seed_draws_the_same_pairs():
    _, one = drawn(300)
    _, two = drawn(300)
    assert np.array_equal(one.first, two.first)
    assert np.array_equal(one.delay_ns, two.delay_ns)


def test_a_pool_without_one_half_is_refused():
    events = singles(100)
    with pytest.raises(ConfigurationError, match="got 50 prompt and 0 delayed"):
        Pool.of([events.take(events.energy < 1.8)], CUTS)
    with pytest.raises(ConfigurationError, match="got 0 prompt and 0 delayed"):
        Pool.of([], CUTS)
