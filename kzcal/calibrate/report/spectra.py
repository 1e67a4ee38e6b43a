"""Measured against modelled spectra of every PMT, and how well they agree.

The agreement is Pearson's chi-square, whose expectation is one per bin at any expected number of
hits. Bins that expect fewer than five hits count together as one. The constants that the fit
took from a spectrum are subtracted from its degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Float64, Int64

from kzcal.conditions.payload import Payload

ENOUGH = 5.0
"""Expected hits from which a bin is compared on its own."""


@dataclass(frozen=True, slots=True)
class Observable:
    """What a spectrum is a spectrum of.

    Args:
        title: for a person.
        axis: label of the abscissa, unit included.
        fitted: number of constants of a PMT that this spectrum determines.
        steep: whether it falls over orders of magnitude.
    """

    title: str
    axis: str
    fitted: int
    steep: bool


OBSERVABLES: Mapping[str, Observable] = MappingProxyType(
    {
        "residual": Observable("time residual", "time residual [ns]", 2, True),
        "charge": Observable("charge", "charge [p.e.]", 2, True),
        "occupancy": Observable("occupancy", "distance of vertex and PMT [m]", 1, False),
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """One spectrum of every PMT.

    Args:
        name: as in OBSERVABLES.
        edges: of the bins, in the unit of the axis.
        counts: hits found.
        expected: hits expected by the model.
    """

    name: str
    edges: Float64[np.ndarray, " bin_plus_1"]
    counts: Float64[np.ndarray, "pmt bin"]
    expected: Float64[np.ndarray, "pmt bin"]

    @property
    def compared(self) -> Bool[np.ndarray, "pmt bin"]:
        """Bins that expect enough hits to be compared on their own."""
        return np.asarray(self.expected >= ENOUGH)

    @property
    def pulls(self) -> Float64[np.ndarray, "pmt bin"]:
        """Found less expected over the root of the expected; NaN in bins with too few."""
        enough = self.compared
        root = np.sqrt(np.where(enough, self.expected, np.nan))
        return np.asarray((self.counts - self.expected) / root)


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """How well found and expected hits of every PMT agree.

    Args:
        chi2: Pearson's chi-square.
        ndf: degrees of freedom; 0 where there is nothing to compare.
    """

    chi2: Float64[np.ndarray, " pmt"]
    ndf: Int64[np.ndarray, " pmt"]

    @property
    def reduced(self) -> Float64[np.ndarray, " pmt"]:
        """Chi-square per degree of freedom; NaN where there is none."""
        return np.asarray(self.chi2 / np.where(self.ndf > 0, self.ndf, np.nan))


def recorded(diagnostics: Payload) -> tuple[Spectrum, ...]:
    """The spectra that the calibration kept."""
    return tuple(
        _spectrum(diagnostics, name)
        for name in OBSERVABLES
        if all(column in diagnostics.columns for column in column_names(name))
    )


def _spectrum(diagnostics: Payload, name: str) -> Spectrum:
    columns = (diagnostics.columns[column].values for column in column_names(name))
    edges, counts, expected = (np.asarray(values, np.float64) for values in columns)
    return Spectrum(name, edges, counts, expected)


def column_names(name: str) -> tuple[str, str, str]:
    """The diagnostics that hold a spectrum."""
    return f"{name}_edges", f"{name}_counts", f"{name}_expected"


def agreement(spectrum: Spectrum) -> Agreement:
    """Chi-square and degrees of freedom of every PMT."""
    enough = spectrum.compared
    alone = np.nansum(spectrum.pulls**2, axis=1)
    rest = np.where(enough, 0.0, spectrum.counts - spectrum.expected).sum(axis=1)
    rest_expected = np.where(enough, 0.0, spectrum.expected).sum(axis=1)
    together = rest**2 / np.maximum(rest_expected, 1.0)
    bins = enough.sum(axis=1) + (rest_expected >= 1.0)
    ndf = np.maximum(bins - OBSERVABLES[spectrum.name].fitted, 0)
    return Agreement(alone + together, ndf * enough.any(axis=1))


def together(parts: Iterable[Agreement]) -> Agreement:
    """Several spectra as one."""
    chi2, ndf = zip(*((part.chi2, part.ndf) for part in parts), strict=True)
    return Agreement(np.sum(chi2, axis=0), np.sum(ndf, axis=0))
