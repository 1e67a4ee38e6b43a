"""How fast the charges of all PMTs are fitted at once, beside a loop of iminuit fits.

    python benchmarks/spe_fit.py [--charges 2000] [--tubes 1879] [--repeat 3] [--device cpu]
        [--write docs/benchmarks.md]

Every PMT gets charges of single photoelectrons, drawn with a gain and a width of its own. The
batched fit finds gain and width of all PMTs at once; the loop maximises the same binned
likelihood, written in numpy, of one PMT after the other. Both know the shape of the type. The
fits are run in turns, and the medians compared. Exit code 1 if the batched fit is less than 20
times as fast, or if the widths of the pulls differ by more than one error.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from iminuit import Minuit
from pages import table, write_part
from scipy.special import erf
from torch import Tensor

from kzcal.calibrate.charge_spectra import N_BINS
from kzcal.calibrate.single_pe import SinglePeFit, fit_single_pe
from kzcal.geometry import load_detector
from kzcal.response.charge import ChargeShape, sample_charge

T = TypeVar("T")
LEAST_RATIO = 20.0
WAYS = ("batched", "iminuit")
STEP = 1 / 32
OFFSET = STEP / 4
"""Charges come in steps of 1/64 p.e.; a bin holds two of them."""
FRACTION, SCALE, THRESHOLD, THRESHOLD_WIDTH = 0.13, 0.35, 0.30, 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Toy:
    """Charges of PMTs whose constants are known."""

    kind: Tensor
    gain: Tensor
    width: Tensor
    counts: Tensor
    charge: Tensor
    shape: ChargeShape

    @property
    def width_start(self) -> Tensor:
        """Nominal width of each PMT."""
        return torch.where(self.kind == 1, 0.55, 0.40)


def toy(n_pmt: int, n_charges: int, device: torch.device) -> Toy:
    """Draw constants, and as many charges above threshold for every PMT."""
    generator = torch.Generator().manual_seed(2026)
    kind = torch.from_numpy((load_detector().diameter_inch == 20).astype(np.int64))[:n_pmt]

    def spread(mean: Tensor) -> Tensor:
        return mean * (1 + 0.09 * torch.randn(n_pmt, generator=generator, dtype=torch.float64))

    gain = spread(torch.ones(n_pmt, dtype=torch.float64))
    width = spread(torch.where(kind == 1, 0.58, 0.40).double())
    counts = torch.zeros(n_pmt, N_BINS, dtype=torch.float64)
    missing = torch.full((n_pmt,), n_charges)
    while bool((missing > 0).any()):
        pmt = torch.repeat_interleave(torch.arange(n_pmt), missing)
        like = torch.ones_like(pmt, dtype=torch.float64)
        charge = sample_charge(
            gain[pmt], width[pmt], FRACTION * like, SCALE * like, generator=generator
        )
        noise = torch.randn(len(pmt), generator=generator, dtype=torch.float64)
        bins = torch.round(charge * 2 / STEP).long() // 2
        passed = (charge > THRESHOLD + THRESHOLD_WIDTH * noise) & (bins < N_BINS)
        found = torch.bincount((pmt * N_BINS + bins)[passed], minlength=n_pmt * N_BINS)
        counts += found.reshape(n_pmt, N_BINS)
        missing = (n_charges - counts.sum(1)).long()
    charge = torch.arange(N_BINS, dtype=torch.float64, device=device) * STEP + OFFSET
    constants = (FRACTION, SCALE, THRESHOLD, THRESHOLD_WIDTH)
    columns = (torch.full((n_pmt,), c, dtype=torch.float64, device=device) for c in constants)
    return Toy(kind.to(device), gain, width, counts.to(device), charge, ChargeShape(*columns))


class OneTube:
    """Negative log likelihood of one PMT's histogram by its gain and width."""

    def __init__(self, charge: np.ndarray, counts: np.ndarray) -> None:
        filled = np.flatnonzero(counts)[-1] + 1
        self.charge, self.counts = charge[:filled], counts[:filled]
        pull = (self.charge - THRESHOLD) / THRESHOLD_WIDTH
        self.passes = 0.5 * (1 + erf(pull / math.sqrt(2)))

    def __call__(self, gain: float, width: float) -> float:
        """At a gain [p.e.] and relative width."""
        y = self.charge / gain
        kept = 0.5 * (1 + math.erf(1 / (width * math.sqrt(2))))
        gauss = np.exp(-0.5 * ((y - 1) / width) ** 2) / (math.sqrt(2 * math.pi) * width * kept)
        low = np.exp(-y / SCALE) / SCALE
        model = ((1 - FRACTION) * gauss + FRACTION * low) * self.passes + 1e-30
        return -float(self.counts @ np.log(model / model.sum()))


def one_by_one(toy: Toy) -> tuple[np.ndarray, np.ndarray]:
    """Gain and width of every PMT and their errors, from iminuit."""
    charge, counts = toy.charge.cpu().numpy(), toy.counts.cpu().numpy()
    starts = toy.width_start.cpu().numpy()
    values, errors = np.zeros((len(counts), 2)), np.zeros((len(counts), 2))
    for i, row in enumerate(counts):
        minuit = Minuit(OneTube(charge, row), gain=1.0, width=float(starts[i]))
        minuit.errordef = Minuit.LIKELIHOOD
        minuit.limits = [(0.2, 5.0), (0.1, 1.5)]
        minuit.migrad()
        values[i], errors[i] = minuit.values, minuit.errors
    return values, errors


def pull_widths(toy: Toy, values: np.ndarray, errors: np.ndarray) -> list[float]:
    """Standard deviations of the pulls of gain and width."""
    true = torch.stack([toy.gain, toy.width], dim=1).numpy()
    return [float(width) for width in ((values - true) / errors).std(axis=0)]


def batched(toy: Toy) -> SinglePeFit:
    """All PMTs at once."""
    fit = fit_single_pe(toy.counts, toy.charge, toy.shape, toy.width_start)
    if toy.kind.is_cuda:
        torch.cuda.synchronize()
    return fit


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Wall time, s, and result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def measure(n_pmt: int, n_charges: int, repeat: int, device: torch.device) -> dict[str, float]:
    """All figures."""
    drawn = toy(n_pmt, n_charges, device)
    batched(drawn)
    pairs = [
        (timed(lambda: batched(drawn)), timed(lambda: one_by_one(drawn))) for _ in range(repeat)
    ]
    ours, loop = (statistics.median(p[i][0] for p in pairs) for i in (0, 1))
    fit, (values, errors) = pairs[0][0][1], pairs[0][1][1]
    both = torch.stack([fit.gain, fit.width], dim=1).cpu().numpy()
    error = fit.covariance.diagonal(dim1=1, dim2=2).sqrt().cpu().numpy()
    found = {"batched_s": ours, "iminuit_s": loop, "ratio": loop / ours}
    widths = zip(pull_widths(drawn, both, error), pull_widths(drawn, values, errors), strict=True)
    for name, (a, b) in zip(("gain", "spe_width"), widths, strict=True):
        found |= {f"pull_width_{name}_batched": a, f"pull_width_{name}_iminuit": b}
    return found | {"pull_width_error": 1 / math.sqrt(2 * n_pmt)}


def as_markdown(found: dict[str, float]) -> str:
    """The figures as a table and a sentence."""
    pulls = [
        (f"width of the pulls of {words}", *(found[f"pull_width_{name}_{way}"] for way in WAYS))
        for name, words in (("gain", "the gain"), ("spe_width", "the single-p.e. width"))
    ]
    rows = [("time, s", found["batched_s"], found["iminuit_s"]), *pulls]
    return (
        f"{table(('', *WAYS), rows)}\n\n{found['ratio']:.0f} times as fast (target: "
        f"{LEAST_RATIO:.0f}); a width of pulls has an error of {found['pull_width_error']:.3f}."
    )


def main() -> int:
    """Measure and judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--charges", type=int, default=2000)
    parser.add_argument("--tubes", type=int, default=1879)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    device = torch.device(options.device)
    found = measure(options.tubes, options.charges, options.repeat, device)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        print("\n".join(f"{name:32s} {value:12.4g}" for name, value in found.items()))
    if options.write:
        write_part(options.write, "spe_fit", as_markdown(found))
    apart = max(
        abs(found[f"pull_width_{name}_batched"] - found[f"pull_width_{name}_iminuit"])
        for name in ("gain", "spe_width")
    )
    return int(found["ratio"] < LEAST_RATIO or apart > found["pull_width_error"])


if __name__ == "__main__":
    sys.exit(main())
