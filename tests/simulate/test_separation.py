"""Decays whose energy comes in several lots come apart into events."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzcal.particles import ELECTRON, Deposits
from kzcal.simulate.separation import SEPARATION_NS, part_events

TIMES = st.lists(st.lists(st.floats(0, 2000), max_size=5), max_size=6)


def deposits(times: list[list[float]]) -> Deposits:
    flat = np.array([t for decay in times for t in decay])
    n = len(flat)
    return Deposits(
        np.concatenate([[0], np.cumsum([len(decay) for decay in times], dtype=int)]),
        np.full(n, ELECTRON, np.int32),
        np.arange(n) + 1.0,
        np.stack([np.arange(n)] * 3, axis=1).astype(float),
        np.zeros((n, 3)),
        flat,
        np.zeros(n, np.int32),
    )


@given(TIMES)
def test_no_deposit_is_lost_and_every_event_is_short(times: list[list[float]]):
    before = deposits(times)
    parted = part_events(before)
    after = parted.deposits
    assert np.array_equal(np.sort(after.energy), before.energy)
    assert np.array_equal(after.position[:, 0], after.energy - 1)
    assert len(after) == len(parted.decay) >= len(times)
    assert (np.diff(after.offsets) >= 0).all()
    assert set(parted.decay) == set(range(len(times)))
    assert (after.time >= 0).all()
    assert (after.time <= SEPARATION_NS).all()
    original = before.time[after.energy.astype(int) - 1]
    assert np.allclose(after.time + parted.begin[after.event], original)


@given(TIMES)
def test_events_of_a_decay_follow_at_a_distance(times: list[list[float]]):
    parted = part_events(deposits(times))
    follows = np.flatnonzero(parted.part > 0)
    assert (parted.decay[follows] == parted.decay[follows - 1]).all()
    assert (parted.part[follows] == parted.part[follows - 1] + 1).all()
    assert (parted.begin[follows] - parted.begin[follows - 1] > SEPARATION_NS).all()


@pytest.mark.parametrize(
    ("times", "begins"),
    [([0, 100], [0]), ([0, 251], [0, 251]), ([0, 200, 300, 700], [0, 300, 700]), ([], [0])],
)
def test_the_window_of_an_event_begins_with_its_first_deposit(times, begins):
    assert part_events(deposits([times])).begin.tolist() == begins
