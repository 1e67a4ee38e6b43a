"""The laws that every payload obeys: names, shapes, units, errors and covariance."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Shaped

from kzcal.errors import DatabaseError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,127}")
SURROGATES = (0xD800, 0xDFFF)
"""Code points that UTF-8 cannot express."""
SYMMETRY = 1e-9
"""Largest asymmetry and most negative eigenvalue of a covariance, over its largest entry."""


def check_name(what: str, name: str) -> None:
    """A name of letters, digits and ``_ . + -`` that begins with a letter or digit."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        message = (
            f"the name of a {what} has up to 128 letters, digits and the signs _ . + - and "
            f"begins with a letter or digit, got {name!r}"
        )
        raise DatabaseError(message)


def check_values(name: str, values: Shaped[np.ndarray, "..."], unit: str) -> None:
    """Numbers, booleans or text that can be stored, numbers with a unit."""
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "biufU":
        found = values.dtype if isinstance(values, np.ndarray) else type(values).__name__
        message = f"a column is an array of numbers, booleans or text, got {found} for {name!r}"
        raise DatabaseError(message)
    if values.dtype.kind == "f" and values.dtype.itemsize > 8:
        message = f"a column has at most 64 bits per number, got {values.dtype} for {name!r}"
        raise DatabaseError(message)
    if values.dtype.kind == "U":
        _check_text(name, values)
    elif not unit:
        message = f"a column of numbers states its unit ('1' for none), got '' for {name!r}"
        raise DatabaseError(message)
    if values.dtype.kind == "f" and np.isinf(values).any():
        message = (
            f"a value is finite, or NaN where nothing was measured, "
            f"got infinity at {_first(np.isinf(values))} of column {name!r}"
        )
        raise DatabaseError(message)


def _check_text(name: str, values: Shaped[np.ndarray, "..."]) -> None:
    points = np.ascontiguousarray(values).view(np.uint32)
    if ((points >= SURROGATES[0]) & (points <= SURROGATES[1])).any():
        message = f"text can be written as UTF-8, got a lone surrogate in column {name!r}"
        raise DatabaseError(message)


def check_errors(
    name: str, values: Shaped[np.ndarray, "..."], errors: Shaped[np.ndarray, "..."]
) -> None:
    """An error for each value, finite and not negative; NaN only where the value is NaN."""
    if not isinstance(errors, np.ndarray) or errors.dtype.kind != "f":
        message = f"errors are an array of floating-point numbers, got {errors!r} for {name!r}"
        raise DatabaseError(message)
    if values.dtype.kind not in "iuf" or errors.shape != values.shape:
        message = (
            f"errors belong to numbers and have their shape, got errors {errors.shape} "
            f"for values {values.shape} of type {values.dtype} in column {name!r}"
        )
        raise DatabaseError(message)
    known = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(values.shape, bool)
    fine = np.isfinite(errors) & (errors >= 0.0)
    wrong = ~fine & (known | ~np.isnan(errors))
    if wrong.any():
        place = _first(wrong)
        message = (
            f"an error is finite and not negative wherever the value is known, "
            f"got {errors[wrong][0]} at {place} of column {name!r}"
        )
        raise DatabaseError(message)


def check_block(
    names: Sequence[str],
    values: Float64[np.ndarray, " parameter"],
    units: Sequence[str],
    docs: Sequence[str],
) -> None:
    """Global parameters with different names, one finite value, unit and doc each."""
    for name in names:
        check_name("global parameter", name)
    if len(set(names)) != len(names):
        message = f"global parameters have different names, got {list(names)}"
        raise DatabaseError(message)
    if values.shape != (len(names),) or not len(names) == len(units) == len(docs):
        message = (
            f"global parameters have one value, unit and doc each, got {len(names)} names, "
            f"values {values.shape}, {len(units)} units and {len(docs)} docs"
        )
        raise DatabaseError(message)
    for name, value, unit in zip(names, values, units, strict=True):
        if not np.isfinite(value) or not unit:
            message = (
                f"a global parameter is finite and states its unit ('1' for none), "
                f"got {name} = {value} with unit {unit!r}"
            )
            raise DatabaseError(message)


def check_covariance(covariance: Float64[np.ndarray, "n n"], size: int) -> None:
    """A finite, symmetric, positive semi-definite matrix of the given size."""
    if covariance.shape != (size, size) or not np.isfinite(covariance).all():
        message = f"a covariance is finite and {size} x {size}, got shape {covariance.shape}"
        raise DatabaseError(message)
    if size == 0:
        return
    scale = float(np.abs(covariance).max())
    asymmetry = float(np.abs(covariance - covariance.T).max())
    lowest = float(np.linalg.eigvalsh(covariance).min())
    if asymmetry > SYMMETRY * scale or lowest < -SYMMETRY * scale:
        message = (
            f"a covariance is symmetric and positive semi-definite, got an asymmetry of "
            f"{asymmetry:.3g} and a lowest eigenvalue of {lowest:.3g} (largest entry {scale:.3g})"
        )
        raise DatabaseError(message)


def _first(where: Shaped[np.ndarray, "..."]) -> str:
    """Index of the first true entry, as in ``[17]``."""
    return "[" + ", ".join(str(i) for i in np.argwhere(where)[0]) + "]"
