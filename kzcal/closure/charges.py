"""The closure of the charge fit: what hides below the threshold, from charges that its model drew.

No light is simulated, so that a trial takes less than a minute and many resolve a bias that the
closure of the global fit cannot. Shape, pile-up and threshold are drawn from the fit's priors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.calibrate.charge_likelihood import N_SINGLE, shape_of
from kzcal.calibrate.charge_spectra import N_BINS, ChargeSpectra
from kzcal.calibrate.demo import draw_truth
from kzcal.calibrate.pulse_steps import GLOBAL_BOUNDS, GLOBAL_SIGMA, GLOBAL_START
from kzcal.calibrate.pulses import fit_charge
from kzcal.closure.experiment import Fitted
from kzcal.closure.light_run import drawn_from
from kzcal.conditions.quantities import GOOD
from kzcal.errors import ConfigurationError
from kzcal.geometry import load_detector
from kzcal.response.charge import ChargeShape, detection_efficiency, sample_charge
from kzcal.response.nominal import TYPES

FURTHER = (0.0045, 0.038, 0.087, 0.155, 0.245, 0.367, 0.558)
"""Expected further photoelectrons of the hits of each pile-up class."""
SHARES = (0.39, 0.20, 0.15, 0.10, 0.065, 0.052, 0.043)
"""Of the pulses in each class. Assumption for both: numbers of one run of the closure of light."""
MORE_20 = 1.18
"""Pulses of a 20-inch tube over those of a 17-inch one there."""
STEP = 2 / 64
"""Width of a charge bin, p.e., as in a calibration."""
FEWEST_PULSES = 50


@dataclass(frozen=True, slots=True)
class Charges:
    """Charge histograms of every PMT, drawn and fitted.

    Args:
        pulses: of each 17-inch tube, before the threshold.

    Raises:
        ConfigurationError: there are too few of them.
    """

    pulses: int = 700

    def __post_init__(self) -> None:
        if self.pulses < FEWEST_PULSES:
            message = f"a tube has {FEWEST_PULSES} pulses at least, got pulses={self.pulses}"
            raise ConfigurationError(message)

    @property
    def units(self) -> Mapping[str, str]:
        """Mean share of single photoelectrons above threshold, by type."""
        return {f"passing_{size}": "1" for size in TYPES}

    def run(self, *, seed: int) -> Fitted:
        """Draw PMTs, shapes and charges, and fit them."""
        detector = load_detector()
        drawn = draw_truth(detector, seed=seed)
        kind = torch.from_numpy((detector.diameter_inch == TYPES[1]).astype(np.int64))
        good = torch.from_numpy(drawn.status == GOOD)
        gain, width = (torch.from_numpy(rows).double() for rows in (drawn.gain, drawn.spe_width))
        shared = _shapes(np.random.default_rng([seed, 3]))
        spectra = self._spectra(gain, width, shared, kind, torch.Generator().manual_seed(seed))
        found = fit_charge(spectra, kind, good, good)

        def means(gain: Tensor, width: Tensor, shape: ChargeShape) -> list[float]:
            share = detection_efficiency(gain, width, shape)[0]
            return [float(share[good & (kind == k)].mean()) for k in range(len(TYPES))]

        values = means(found.gain, found.width, found.shape(kind))
        errors = found.passing_error.numpy() * values
        truth = means(gain, width, shape_of(shared, kind))
        return Fitted.of(list(self.units), truth, values, np.diag(errors**2))

    def _spectra(
        self,
        gain: Float[Tensor, " pmt"],
        width: Float[Tensor, " pmt"],
        shared: Float[Tensor, "type shared"],
        kind: Tensor,
        generator: torch.Generator,
    ) -> ChargeSpectra:
        """Charges by PMT and class; dead tubes have some too, and are not fitted."""
        n_pmt, n_class = len(kind), len(FURTHER)
        factors = shared[:, N_SINGLE:]
        shape = shape_of(shared, kind)
        counts = torch.zeros(n_pmt, n_class, N_BINS, dtype=torch.float64)
        each = self.pulses * torch.where(kind == 1, MORE_20, 1.0)
        for row, (further, part) in enumerate(zip(FURTHER, SHARES, strict=True)):
            number = torch.poisson(each * part, generator=generator).long()
            pulse = torch.arange(n_pmt).repeat_interleave(number)
            more = torch.poisson(further * factors[kind[pulse], row], generator=generator)
            of = torch.arange(len(pulse)).repeat_interleave(1 + more.long())
            pmt = pulse[of]
            low = shape.exponential_fraction[pmt], shape.exponential_scale[pmt]
            single = sample_charge(gain[pmt], width[pmt], *low, generator=generator)
            charge = torch.zeros(len(pulse), dtype=torch.float64).index_add_(0, of, single)
            bins = (charge / STEP).long()
            noise = torch.randn(len(charge), generator=generator, dtype=torch.float64)
            kept = charge > shape.threshold[pulse] + shape.threshold_width[pulse] * noise
            cell = (pulse * N_BINS + bins)[kept & (bins < N_BINS)]
            counts[:, row] = torch.bincount(cell, minlength=n_pmt * N_BINS).reshape(n_pmt, -1)
        pile_up = torch.tensor(FURTHER, dtype=torch.float64).expand(n_pmt, -1)
        return ChargeSpectra(counts, pile_up, STEP, STEP / 2)


def _shapes(generator: np.random.Generator) -> Float[Tensor, "type shared"]:
    """A shape of each type, from the priors of the fit."""
    priors = list(zip(GLOBAL_START, GLOBAL_SIGMA, GLOBAL_BOUNDS, strict=True))
    rows = [[drawn_from(p[:2], p[2], generator) for p in priors] for _ in TYPES]
    return torch.tensor(rows, dtype=torch.float64)
