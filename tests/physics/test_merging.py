"""Which deposits shine as one."""

import numpy as np

from kzcal.physics.merging import merged

MEV, METRE, NS = 0.5, 0.01, 0.05


def into(rows, kind=None, alone=None, offsets=None):
    sources = np.array([[energy, x, 0.0, 0.0, time] for energy, x, time in rows])
    n = len(rows)
    return merged(
        np.array([0, n] if offsets is None else offsets),
        sources,
        np.zeros(n, np.int64) if kind is None else np.array(kind),
        np.zeros(n, np.int64) if alone is None else np.array(alone),
    ).tolist()


def test_neighbours_become_one_and_others_stay():
    assert into([(MEV, 0, 0), (MEV, 0.9 * METRE, 0)]) == [0, 0]
    assert into([(MEV, 0, 0), (MEV, 1.1 * METRE, 0)]) == [0, 1]


def test_time_counts_as_distance():
    assert into([(MEV, 0, 0), (MEV, 0, 0.9 * NS)]) == [0, 0]
    assert into([(MEV, 0, 0), (MEV, 0, 1.1 * NS)]) == [0, 1]


def test_little_light_goes_further():
    assert into([(2.0, 0, 0), (0.01, 4.9 * METRE, 0)]) == [0, 0]
    assert into([(2.0, 0, 0), (0.01, 5.2 * METRE, 0)]) == [0, 1]
    assert into([(1.0, 0, 0), (0.0, 100.0, 0)]) == [0, 0]
    assert into([(0.0, 0, 0), (0.0, 1.0, 0)]) == [0, 0]


def test_each_goes_to_the_nearest():
    rows = [(MEV, 0, 0), (MEV, 10 * METRE, 0), (0.1, 9.5 * METRE, 0), (0.1, METRE, 0)]
    assert into(rows) == [0, 1, 1, 0]


def test_the_joint_place_moves():
    # The third is near the mean of the first two, not near the first.
    rows = [(0.02, 0, 0), (0.02, 4 * METRE, 0), (MEV, 2 * METRE, 0), (MEV, 2.5 * METRE, 0)]
    assert into(rows) == [0, 0, 0, 0]


def test_kinds_and_events_and_bright_tracks_stay_apart():
    same = [(MEV, 0, 0), (MEV, 0, 0)]
    assert into(same) == [0, 0]
    assert into(same, kind=[0, 1]) == [0, 1]
    assert into(same, alone=[1, 1]) == [0, 1]
    assert into(same, alone=[1, 0]) == [0, 0]
    assert into(same, offsets=[0, 1, 2]) == [0, 1]
    assert into([*same, (MEV, 0, 0)], alone=[1, 0, 1]) == [0, 0, 2]


def test_none():
    assert merged(np.array([0, 0]), np.empty((0, 5)), *[np.empty(0, np.int64)] * 2).tolist() == []
