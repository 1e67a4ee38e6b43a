"""Samples: the events that the calibration rests on, and how pure they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from kzcal.calibrate.report.picture import FULL, drawing, embedded, logarithmic
from kzcal.calibrate.report.templating import absence, fill

if TYPE_CHECKING:
    from kzcal.conditions.payload import Payload
    from kzcal.geometry import Detector

NEEDED = ("sample_names", "sample_counts", "sample_purity", "sample_notes")
SPECTRA = ("energy_edges", "sample_energy")
COLOURS = ("#20639b", "#d1701c", "#2e8b57", "#7b3fa0", "#c0392b", "#1b1b1b", "#8c6d31", "#17becf")


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One sample.

    Args:
        name: of the sample.
        count: number of events.
        purity: share of them that are what the sample is named after.
        purity_error: one standard deviation.
        note: how the purity was found.
    """

    name: str
    count: int
    purity: float
    purity_error: float
    note: str


class Samples:
    """A table and the energy spectra."""

    def render(
        self,
        calibration: Payload,  # noqa: ARG002  as the protocol
        diagnostics: Payload,
        detector: Detector,  # noqa: ARG002
        previous: Payload | None,  # noqa: ARG002
    ) -> str:
        """Counts, purities with errors and notes, then the spectra."""
        if missing := absence(diagnostics, NEEDED):
            return missing
        rows = sample_rows(diagnostics)
        spectra = absence(diagnostics, SPECTRA) or _spectra(diagnostics, rows)
        return fill("samples.html", rows=rows, spectra=spectra)


def sample_rows(diagnostics: Payload) -> list[SampleRow]:
    """The samples in the order of the calibration."""
    names, counts, purity, notes = (diagnostics.columns[name] for name in NEEDED)
    errors = np.full(len(purity.values), np.nan) if purity.errors is None else purity.errors
    columns = (names.values, counts.values, purity.values, errors, notes.values)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [SampleRow(str(n), int(c), float(p), float(e), str(t)) for n, c, p, e, t in rows]


def _spectra(diagnostics: Payload, rows: list[SampleRow]) -> str:
    edges, counts = (np.asarray(diagnostics.columns[n].values, np.float64) for n in SPECTRA)
    with drawing(FULL, 3.4) as figure:
        axes = figure.subplots()
        for i, (row, spectrum) in enumerate(zip(rows, counts, strict=True)):
            if spectrum.any():
                colour = COLOURS[i % len(COLOURS)]
                axes.stairs(spectrum, edges, color=colour, label=row.name, baseline=None)
        logarithmic(axes, float(counts.max(initial=0.0)))
        axes.set_xlabel("visible energy [MeV]")
        axes.set_ylabel(f"events per {_width(edges)} MeV")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(ncols=8, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0)
        alt = f"Energy spectra of the samples {', '.join(row.name for row in rows)}."
        return embedded(figure, alt, "Reconstructed visible energy of each sample's events.")


def _width(edges: Float64[np.ndarray, " bin_plus_1"]) -> str:
    return f"{float(edges[1] - edges[0]):.3g}"
