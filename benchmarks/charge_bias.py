"""Charges of PMTs with few hits: are gain, width and share above threshold biased?

    python benchmarks/charge_bias.py [--seeds 8] [--write docs/calibration.md]

Each PMT of 600 has a gain and a width of its own; single photoelectrons pass a soft threshold.
The mean over seeds stands with its error. The truth lies within the weak priors of the fit.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from pages import table, write_part

from kzcal.calibrate.charge_spectra import N_BINS, ChargeSpectra
from kzcal.calibrate.pulses import fit_charge
from kzcal.response.charge import ChargeShape, detection_efficiency, sample_charge

PMTS, STEP = 600, 2 / 64
GAIN_SPREAD, WIDTH_SPREAD = 0.08, 0.09
"""Standard deviations over their means."""
CASES = {"17-inch": (0.1, 0.3, 0.4), "20-inch": (0.2, 0.3, 0.58)}
"""Share and scale of the exponential and mean width; those of detector_db."""
HITS = (200, 400, 700, 3000)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Charges of many PMTs and what they were drawn from."""

    spectra: ChargeSpectra
    gain: torch.Tensor
    width: torch.Tensor
    shape: ChargeShape


def drawn(fraction: float, scale: float, width: float, hits: int, seed: int) -> Drawn:
    """About so many hits of every PMT."""
    stream = torch.Generator().manual_seed(seed)
    gain = (1 + GAIN_SPREAD * torch.randn(PMTS, generator=stream)).clamp(min=0.6)
    widths = width * (1 + WIDTH_SPREAD * torch.randn(PMTS, generator=stream)).clamp(min=0.5)
    shape = ChargeShape(*(torch.full((PMTS,), v) for v in (fraction, scale, 0.3, 0.05)))
    passing = float(detection_efficiency(gain, widths, shape)[0].mean())
    pmt = torch.arange(PMTS).repeat_interleave(round(hits / passing))
    some = (shape.exponential_fraction[pmt], shape.exponential_scale[pmt])
    charge = sample_charge(gain[pmt], widths[pmt], *some, generator=stream)
    kept = charge > 0.3 + 0.05 * torch.randn(len(pmt), generator=stream)
    bins = torch.round(charge * 64).long() // 2
    kept &= (bins >= 0) & (bins < N_BINS)
    counts = torch.bincount((pmt * N_BINS + bins)[kept], minlength=PMTS * N_BINS).double()
    spectra = ChargeSpectra(
        counts.reshape(PMTS, 1, N_BINS), torch.zeros(PMTS, 1).double(), STEP, STEP / 4
    )
    return Drawn(spectra, gain, widths, shape)


def offsets(case: str, hits: int, seed: int) -> tuple[float, float, float, float]:
    """Gain, width and share above threshold found over true, %; the share's stated error, %."""
    fraction, scale, width = CASES[case]
    data = drawn(fraction, scale, width, hits, seed)
    kind, everyone = torch.zeros(PMTS, dtype=torch.long), torch.ones(PMTS, dtype=torch.bool)
    found = fit_charge(data.spectra, kind, everyone, everyone, width_start=(width, 0.57))
    share = detection_efficiency(found.gain, found.width, found.shape(kind))[0]
    true = detection_efficiency(data.gain, data.width, data.shape)[0]
    ratios = (found.gain / data.gain, found.width / data.width, share / true)
    gain, spread, passing = (100 * (float(r.mean()) - 1) for r in ratios)
    return gain, spread, passing, 100 * float(found.passing_error[0])


def main() -> None:
    """Draw, fit, print, and write the part of the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    rows = []
    for case in CASES:
        for hits in HITS:
            found = np.array([offsets(case, hits, seed) for seed in range(options.seeds)])
            mean, error = found.mean(0), found.std(0, ddof=1) / np.sqrt(len(found))
            cells = [f"{m:+.2f} ± {e:.2f}" for m, e in zip(mean[:3], error[:3], strict=True)]
            scatter = f"{found[:, 2].std(ddof=1):.2f}, {mean[3]:.2f}"
            rows.append((case, hits, *cells, scatter))
    header = (
        "shape",
        "hits per PMT",
        "gain, %",
        "width, %",
        "share above threshold, %",
        "its scatter, and stated error, %",
    )
    text = table(header, rows)
    print(text)
    if options.write:
        write_part(options.write, "charge_bias", text)


if __name__ == "__main__":
    main()
