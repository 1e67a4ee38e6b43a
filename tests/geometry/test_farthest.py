"""Points far from each other, each the farthest from those before."""

import numpy as np

from kzcal.geometry import load_detector
from kzcal.geometry.farthest import farthest_points

DIRECTIONS = load_detector().directions


def test_chosen_points_are_spread_evenly():
    chosen = farthest_points(DIRECTIONS, 100)
    assert len(set(chosen.tolist())) == 100
    place = DIRECTIONS[chosen]
    apart = np.arccos(np.clip(place @ place.T - 2 * np.eye(100), -1, 1)).min()
    assert apart > 0.5 * np.sqrt(4 * np.pi / 100), "no two are near each other"


def test_each_point_is_the_farthest_from_those_before():
    chosen = farthest_points(DIRECTIONS, 12)
    assert chosen[0] == 0
    for i in range(1, 12):
        distance = np.linalg.norm(DIRECTIONS[:, None] - DIRECTIONS[chosen[:i]], axis=2).min(1)
        assert distance[chosen[i]] > distance.max() - 1e-9


def test_all_points_can_be_chosen():
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    assert sorted(farthest_points(axes, 6)) == list(range(6))
    assert farthest_points(axes, 2).tolist() == [0, 3]
