"""Tubes of another table find their cable numbers by direction."""

import numpy as np
from event_files import DETECTOR

from kzcal.io.tubes import OUTSIDE, cable_numbers


def test_any_numbering_and_radius_finds_every_pmt():
    number = np.random.default_rng(0).permutation(DETECTOR.n_pmt)
    found = cable_numbers(number, 8.6569 * DETECTOR.directions, DETECTOR)
    np.testing.assert_array_equal(found[number], np.arange(DETECTOR.n_pmt))


def test_a_tube_between_pmts_or_outside_the_tank_is_none_of_them():
    up = np.array([0.0, 0.0, 1.0])
    towards_one = DETECTOR.directions[0]
    position = np.stack([8.5 * up, 9.1 * towards_one, 6.4 * towards_one, 8.6 * towards_one])
    found = cable_numbers(np.arange(4), position, DETECTOR)
    np.testing.assert_array_equal(found, [OUTSIDE, OUTSIDE, OUTSIDE, 0])


def test_numbers_without_a_tube_are_outside():
    found = cable_numbers(np.array([3]), DETECTOR.positions[7:8], DETECTOR)
    np.testing.assert_array_equal(found, [OUTSIDE, OUTSIDE, OUTSIDE, 7])
