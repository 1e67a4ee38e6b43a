"""Exchanged cables: found and paired wherever they are, and none where there is none."""

import numpy as np
import pytest
import torch

from kzcal.calibrate.cabling import find_cabling, pull_of_position
from kzcal.calibrate.light_model import first_model
from kzcal.calibrate.occupancy import fit_occupancy
from kzcal.calibrate.survey import survey

TWO_ROWS_M = 1.6


def cabling(run):
    look = survey(run.stream)
    model, sums = fit_occupancy(
        run.stream, look, run.counting, first_model(run.stream), look.arrivals, passes=2
    )
    return find_cabling(run.stream, model, sums, run.counting), sums


@pytest.fixture(scope="module")
def pairs(thin_run):
    """A pair far apart and one of neighbours two rows away, of one type each."""
    detector = thin_run(10).stream.detector
    apart = 8.5 * (detector.direction[:, None] - detector.direction).norm(dim=2)
    same = detector.kind[:, None] == detector.kind
    near = torch.where(same, (apart - TWO_ROWS_M).abs(), 99.0)
    c, d = divmod(int(near.argmin()), len(apart))
    far = torch.where(same, apart, 0.0)
    far[[c, d]] = 0.0
    a, b = divmod(int(far.argmax()), len(apart))
    assert abs(float(apart[c, d]) - TWO_ROWS_M) < 0.1
    return (min(a, b), max(a, b)), (min(c, d), max(c, d))


def test_exchanged_cables_are_found_and_paired(thin_run, pairs):
    run = thin_run(6000, exchanged=pairs, seed=5)
    found, sums = cabling(run)
    assert set(found.exchanged) == set(pairs)
    assert found.misplaced == {}
    place = np.arange(len(run.efficiency))
    for a, b in pairs:
        place[[a, b]] = b, a
    assert np.array_equal(found.place, place)
    pull = pull_of_position(sums)
    assert set(pull.topk(4).indices.tolist()) == {cable for pair in pairs for cable in pair}


def test_without_an_exchange_none_is_found(thin_run):
    """267 PMTs: a position gains e^15 by chance in 3e-7 of them; the mean pull is within 5 errors.

    Of the three numbers of a pull, efficiency and acceptance take up part of one.
    """
    run = thin_run(6000, seed=6)
    found, sums = cabling(run)
    assert found.exchanged == ()
    assert found.misplaced == {}
    assert np.array_equal(found.place, np.arange(len(run.efficiency)))
    assert abs(float(pull_of_position(sums).mean()) - 2.5) < 0.5 + 5 * (5 / 267) ** 0.5
