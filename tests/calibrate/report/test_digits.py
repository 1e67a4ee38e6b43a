"""Numbers as a physicist quotes them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzcal.calibrate.report.digits import amount, fixed, measured, number, percent, rounded, words


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (1.01834, 0.00931, "1.0183 ± 0.0093"),
        (-0.0142, 0.0617, "−0.014 ± 0.062"),
        (21655.3, 922.4, "21,655 ± 922"),
        (0.13, 0.0, "0.130"),
        (2.5, math.nan, "2.50"),
        (math.nan, 1.0, "–"),
        (1.0, 0.0999, "1.000 ± 0.100"),
    ],
)
def test_a_value_is_quoted_to_the_second_digit_of_its_error(value, error, text):
    assert measured(value, error) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (7.3e6, "7.30e+06"),
        (690123.0, "690,123"),
        (3.2e-6, "3.20e−06"),
        (-1.5, "−1.50"),
    ],
)
def test_a_number_has_three_digits(value, text):
    assert number(value) == text


def test_amounts_are_whole_where_they_are():
    assert [amount(x) for x in (666.0, 7329937.0, 12.345, math.nan)] == [
        "666",
        "7,329,937",
        "12.35",
        "–",
    ]


def test_a_share_is_in_per_cent():
    assert percent(0.00931) == "0.93 %"
    assert percent(0.125) == "12 %"
    assert percent(math.inf) == "–"


@pytest.mark.parametrize(
    ("value", "decimals", "text"), [(-0.004, 2, "0.00"), (-3.391, 2, "−3.39"), (math.nan, 0, "–")]
)
def test_decimal_places_can_be_fixed(value, decimals, text):
    assert fixed(value, decimals) == text


def test_abbreviations_keep_their_capitals():
    assert words("spe_width") == "SPE width"
    assert words("bad-channels") == "bad channels"


def parsed(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-"))


@given(st.floats(-1e6, 1e6), st.floats(1e-4, 1e5))
def test_rounding_costs_less_than_a_tenth_of_the_error(value: float, error: float):
    assert abs(parsed(rounded(value, error)) - value) <= 0.051 * error


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_number_is_right_to_half_a_per_cent(value: float):
    assert parsed(number(value)) == pytest.approx(value, rel=5.1e-3, abs=1e-40)
