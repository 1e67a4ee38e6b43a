"""Numbers as a physicist quotes them: two digits of the error, and as many of the value."""

from __future__ import annotations

import math
from types import MappingProxyType

UNKNOWN = "–"
"""Stands for what was not measured."""
SMALLEST = 1e-5
"""Errors below count as none: they would need more digits than a page has."""
MINUS = str.maketrans("-", "−")


def number(value: float, digits: int = 3) -> str:
    """A value to so many significant digits, without an exponent where that stays short."""
    if not math.isfinite(value):
        return UNKNOWN
    if value == 0 or 1e-4 <= abs(value) < 10.0 ** (digits + 3):
        return f"{value:,.{_decimals(value, digits)}f}".translate(MINUS)
    return f"{value:.{digits - 1}e}".translate(MINUS)


def amount(value: float) -> str:
    """A number of things whole, and anything else to four digits."""
    whole = math.isfinite(value) and value == round(value)
    return fixed(value, 0) if whole else number(value, 4)


def rounded(value: float, error: float) -> str:
    """A value to the second digit of its error."""
    if not math.isfinite(value):
        return UNKNOWN
    if not math.isfinite(error) or error < SMALLEST:
        return number(value, 4)
    return f"{value:,.{_decimals(error, 2)}f}".translate(MINUS)


def fixed(value: float, decimals: int) -> str:
    """A value to so many decimal places, without a sign on zero."""
    if not math.isfinite(value):
        return UNKNOWN
    return f"{round(value, decimals) + 0.0:,.{decimals}f}".translate(MINUS)


def measured(value: float, error: float) -> str:
    """Value ± error, both to the second digit of the error."""
    if not math.isfinite(value) or not math.isfinite(error) or error < SMALLEST:
        return number(value)
    return f"{rounded(value, error)} ± {rounded(error, error)}"


def percent(fraction: float) -> str:
    """A fraction in per cent, to two significant digits."""
    if not math.isfinite(fraction):
        return UNKNOWN
    return f"{100 * fraction:.{min(_decimals(100 * fraction, 2), 2)}f} %".translate(MINUS)


def words(name: str) -> str:
    """A name as a physicist writes it: ``spe_width`` is SPE width, ``time-walk`` time walk."""
    plain = name.replace("_", " ").replace("-", " ")
    return " ".join(ABBREVIATIONS.get(word, word) for word in plain.split(" "))


ABBREVIATIONS = MappingProxyType({"qe": "QE", "spe": "SPE", "tts": "TTS", "pmt": "PMT"})


def _decimals(value: float, digits: int) -> int:
    """Decimal places that show so many significant digits."""
    if value == 0 or not math.isfinite(value):
        return 0
    return max(0, digits - 1 - math.floor(math.log10(abs(value))))
