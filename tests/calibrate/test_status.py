"""Verdicts on PMTs: who is dead, low, hot or elsewhere, and in which words."""

import numpy as np
import pytest
import torch

from kzcal.calibrate.arrivals import N_DISTANCE, N_ENERGY, Arrivals
from kzcal.calibrate.cabling import Cabling
from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.status import first_status, judge
from kzcal.calibrate.survey import DarkCounts, Survey

N_PMT = 20
KIND = (torch.arange(N_PMT) >= 12).long()
CONFIG = CalibrationConfig()


def look(light, dark):
    """A survey in which PMTs of two types have so much light and so many dark hits."""
    n_events, livetime = 10_000, 0.01
    rate = torch.tensor(dark) / livetime
    none = Arrivals.of(torch.ones(N_ENERGY, N_DISTANCE, 10), 0.0, 1.0)
    n_hits = torch.tensor(light) + rate * 220e-9 * n_events
    return Survey(DarkCounts(torch.tensor(dark), livetime), n_hits, rate * 0, none, n_events)


def ordinary():
    return [1000.0 + 10 * i for i in range(12)] + [3000.0] * 8, [250.0] * 12 + [500.0] * 8


def nowhere(exchanged=(), misplaced=None):
    place = np.arange(N_PMT)
    for a, b in exchanged:
        place[[a, b]] = b, a
    return Cabling(place, exchanged, misplaced or {})


def test_pmts_like_their_type_are_good():
    first = first_status(look(*ordinary()), KIND, CONFIG)
    assert bool(first.counting.all())
    table = judge(first, nowhere(), CONFIG)
    assert bool(table.good.all())
    assert set(table.reason) == {""}
    assert set(table.partner) == {-1}


@pytest.mark.parametrize(
    ("light", "dark", "word", "reason"),
    [
        (5.0, 0.0, "dead", "0.005 of the light of its type, below 0.02"),
        (5.0, 9000.0, "dead", "0.005 of the light of its type, below 0.02"),
        (150.0, 250.0, "low", "0.14 of the light of its type, below 0.2"),
        (1050.0, 2500.0, "hot", "dark rate 10.0 times its type's median, above 5.0"),
    ],
)
def test_a_pmt_unlike_its_type_is_named_with_the_reason(light, dark, word, reason):
    lights, darks = ordinary()
    lights[3], darks[3] = light, dark
    first = first_status(look(lights, darks), KIND, CONFIG)
    table = judge(first, nowhere(), CONFIG)
    assert first.counting.tolist() == [i != 3 for i in range(N_PMT)]
    assert table.status[3] == word
    assert table.reason[3] == reason
    assert table.good.sum() == N_PMT - 1


def test_types_are_compared_with_themselves():
    lights, darks = ordinary()
    lights[15], darks[15] = 500.0, 4000.0
    first = first_status(look(lights, darks), KIND, CONFIG)
    assert torch.nonzero(first.low).tolist() == [[15]]
    assert torch.nonzero(first.hot).tolist() == [[15]]


def test_exchanged_cables_name_each_other_and_misplaced_ones_their_place():
    first = first_status(look(*ordinary()), KIND, CONFIG)
    table = judge(first, nowhere(((2, 7),), {5: 9}), CONFIG)
    assert table.status[[2, 7, 5]].tolist() == ["swapped", "swapped", "misplaced"]
    assert table.partner[[2, 7, 5]].tolist() == [7, 2, 9]
    assert "PMT 7" in table.reason[2]
    assert "PMT 2" in table.reason[7]
    assert "PMT 9" in table.reason[5]
    assert table.good.sum() == N_PMT - 3


def test_a_dead_pmt_is_dead_whatever_else_it_is():
    lights, darks = ordinary()
    lights[2], darks[2] = 0.0, 0.0
    first = first_status(look(lights, darks), KIND, CONFIG)
    assert judge(first, nowhere(misplaced={2: 4}), CONFIG).status[2] == "dead"
