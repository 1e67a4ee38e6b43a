"""Rates of single events."""

import numpy as np
import pytest

from kzcal.geometry import load_detector
from kzcal.plugins import load
from kzcal.simulate.cocktail import Cocktail, Ingredient
from kzcal.simulate.setup import components_of
from kzcal.simulate.singles import SINGLES, times_as_often

DAY_S = 86_400.0


def test_every_kind_comes_at_its_rate():
    cocktail = Cocktail(1, times_as_often(SINGLES, 0.1), duration_s=DAY_S)
    parts, _ = components_of(cocktail, load_detector(), load(installed=False).sources)
    for part, kind in zip(parts, SINGLES, strict=True):
        expected = 0.1 * kind.rate_per_day
        assert part.kind == kind.label
        assert abs(part.n_decays - expected) <= 5 * np.sqrt(expected)


def test_a_number_of_decays_stays():
    (part,) = times_as_often([Ingredient("c11", "ls", number=7)], 3.0)
    assert part.number == 7


def test_xenon_decays_as_its_half_life_says():
    (xenon,) = (part for part in SINGLES if part.source == "xe136-2nbb")
    # 745 kg of xenon with 90.9 % of 136Xe, 2.23e21 years.
    atoms = 745e3 * 0.909 / 135.9 * 6.022e23
    assert xenon.rate_per_day == pytest.approx(np.log(2) * atoms / (2.23e21 * 365.25), rel=0.02)
