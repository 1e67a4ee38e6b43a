"""Groups of PMTs that change together."""

import numpy as np
import pytest

from kzcal.monitor.changes import Change
from kzcal.monitor.groups import densest, groups

N_PMT = 1879


def step(pmt, run=5, size=1.0, name="time_offset"):
    return Change(name, pmt, run, (0.0, 0.1), (size, 0.1), 7.0 * np.sign(size))


def test_a_crate_is_told_from_single_pmts():
    crate, others = range(320, 384), (7, 900, 1600)
    found = groups([step(p) for p in (*crate, *others)], N_PMT, 6)
    assert len(found) == 1
    assert found[0].cables == (320, 383)
    assert found[0].pmts == tuple(crate)
    assert found[0].size == pytest.approx(1.0)


def test_a_crate_of_which_some_are_missed_is_still_one():
    rng = np.random.default_rng(1)
    crate = np.sort(rng.choice(np.arange(480, 640), 110, replace=False)).tolist()
    (found,) = groups([step(p) for p in crate], N_PMT, 6)
    assert found.cables == (crate[0], crate[-1])


def test_two_crates_at_once_are_two_groups():
    found = groups([step(p) for p in (*range(100, 140), *range(1000, 1040))], N_PMT, 6)
    assert sorted(group.cables for group in found) == [(100, 139), (1000, 1039)]


def test_pmts_all_over_the_detector_are_a_group_without_a_place():
    pmts = np.random.default_rng(2).choice(N_PMT, 60, replace=False).tolist()
    (found,) = groups([step(p) for p in pmts], N_PMT, 6)
    assert found.cables is None
    assert found.pmts == tuple(sorted(pmts))


def test_a_few_are_no_group():
    assert groups([step(p) for p in (1, 2, 3, 4, 5)], N_PMT, 6) == ()
    assert groups([step(p, run=p % 3 + 1) for p in range(9)], N_PMT, 6) == ()


def test_a_neighbour_dated_a_run_late_belongs_to_its_crate():
    crate = [step(p) for p in range(320, 384) if p not in (330, 340)]
    late, wrong_way = step(330, run=6), step(340, run=6, size=-1.0)
    (found,) = groups([*crate, late, wrong_way], N_PMT, 6)
    assert 330 in found.pmts
    assert 340 not in found.pmts


def test_the_densest_stretch_is_where_most_are():
    assert densest([3, 50, 51, 52, 53, 54, 90], 100) == (50, 54)
