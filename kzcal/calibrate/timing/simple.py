"""Mean transit-time spread, decay times, alpha shares and early pulses from simple light.

Light of point-like events (alphas and betas, below 0.72 MeV) at less than seven metres: optical
delays there grow with the distance from nothing, so that they cannot pass for transit-time
spread. The errors of the reconstruction are inputs. Early pulses, half a per cent perhaps, blur
the rising edge that spreads are read from; their share is fitted beside them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.calibrate.arrivals import POINT_LIKE
from kzcal.calibrate.timing.cells import FIRST, N_BINS, STEP, Cells
from kzcal.calibrate.timing.multinomial import Prior, fit_multinomial
from kzcal.response.nominal import read_nominal
from kzcal.response.timing import (
    ALPHA_PROFILE,
    ELECTRON_PROFILE,
    angular_frequencies,
    bin_contents,
    delay,
    even_delay,
    exponential,
    gaussian,
    reported,
    scintillation,
    smeared,
)

N_TRANSFORM = 2048
NEAR = 5
"""Distance classes that count as near."""
FEW = 4
"""Classes of few expected photoelectrons, in which charges need not be told apart."""
SHORT_DELAYS = (1.5, 4.0, 9.0)
LONG_DELAYS = (20.0, 45.0, 110.0)
"""Mean delays of re-emitted, scattered and reflected light, ns: a basis, not constants."""
EARLY_SHARE = 0.003
"""Of photoelectrons: where the fit of early pulses starts and its prior lies, 2 wide in ln.
Assumption: 0.04 to 2 %, which holds the 0.5 % of detector_db/response.toml; hits at short
distance, which weigh far more than the prior, settle the share."""


@dataclass(frozen=True, slots=True)
class Smearing:
    """Errors of the reconstruction that all hits of an event share.

    Args:
        vertex: standard deviation of the vertex at 1 MeV, three axes together, m; falls with the
            square root of the energy.
        t0: standard deviation of the emission time, ns.
    """

    vertex: float
    t0: float

    def variance(self, energy: Tensor, light_speed: float) -> Tensor:
        """Variance that they add to a residual at this energy [MeV], ns^2."""
        return self.t0**2 + (self.vertex / light_speed) ** 2 / (3 * energy)


@dataclass(frozen=True, slots=True)
class SimpleLight:
    """What simple light tells.

    Args:
        tts: mean transit-time spread of each type (root mean square over PMTs), ns.
        decay_scale: decay times over the nominal ones.
        alpha_share: share of alphas' light in each point-like energy class.
        early_share: share of photoelectrons whose pulse comes early.
        early_ns: least and largest delay of such pulses of each type, ns.
        covariance: of (ln tts of each type, ln decay_scale).
    """

    tts: Float[Tensor, " type"]
    decay_scale: float
    alpha_share: Float[Tensor, " point_like"]
    early_share: float
    early_ns: Float[Tensor, "type 2"]
    covariance: Float[Tensor, "3 3"]


def fit_simple_light(
    counts: Float[Tensor, "type energy distance mean bin"],
    cells: Cells,
    smearing: Float[Tensor, " energy"],
    merging_time: float,
) -> SimpleLight:
    """Fit point-like light from near by.

    Args:
        counts: hits by cell and time bin.
        cells: what the cells hold.
        smearing: variance that the reconstruction adds in each energy class, ns^2.
        merging_time: ns.
    """
    chosen = counts[:, :POINT_LIKE, :NEAR, :FEW]
    start, prior = _start(counts.device)
    types = read_nominal().types
    early_ns = start.new_tensor([types[inch].early_ns for inch in sorted(types)])
    model = _SimpleModel(cells, smearing, merging_time, early_ns)
    values, information = fit_multinomial(model, chosen, start, prior)
    return SimpleLight(
        tts=torch.exp(values[:2]),
        decay_scale=float(torch.exp(values[2])),
        alpha_share=torch.sigmoid(values[4 : 4 + POINT_LIKE]),
        early_share=float(torch.exp(values[3])),
        early_ns=early_ns,
        covariance=torch.linalg.inv(information)[:3, :3],
    )


def _start(device: torch.device) -> tuple[Tensor, Prior]:
    """Where the fit starts, and its weak priors.

    The values are ln tts of each type, ln decay scale, ln share of early pulses, logit alpha
    shares, the shift of each distance, ln of linear and of square growth of each short delay, ln
    dispersion, and ln weight of each long delay at each distance.
    """
    rows = [
        (math.log(1.3), 1.0),
        (math.log(2.4), 1.0),
        (0.0, 0.05),
        (math.log(EARLY_SHARE), 2.0),
        *[(0.0, 3.0)] * POINT_LIKE,
        *[(0.0, 3.0)] * NEAR,
        *[(-4.0, 3.0)] * (2 * len(SHORT_DELAYS)),
        (-3.7, 0.7),
        *[(-4.0, 3.0)] * (NEAR * len(LONG_DELAYS)),
    ]
    start, sigma = torch.tensor(rows, dtype=torch.float64, device=device).T
    return start, Prior(start, sigma)


@dataclass(frozen=True, slots=True)
class _SimpleModel:
    """Time distributions of simple light as a function of the fit's values."""

    cells: Cells
    smearing: Tensor
    merging_time: float
    early_ns: Tensor

    def __call__(self, values: Tensor) -> Tensor:
        omega = angular_frequencies(N_TRANSFORM, STEP, values.device)
        tts, scale, early = values[:2], values[2], torch.exp(values[3])
        lengths = [POINT_LIKE, NEAR, 2 * len(SHORT_DELAYS), 1, NEAR * len(LONG_DELAYS)]
        alpha, shift, short, dispersion, long = torch.split(values[4:], lengths)
        distance = self.cells.distance[:NEAR, None]
        linear, square = torch.exp(short).chunk(2)
        growing = linear * distance + square * distance**2
        weights = torch.cat([growing, torch.exp(long).reshape(NEAR, -1)], dim=1)
        optics = delayed(omega, weights) * delay(omega, shift - FIRST)
        optics = optics * gaussian(omega, torch.exp(2 * dispersion) * distance[:, 0] ** 2)
        profile = profiles(omega, torch.exp(scale), torch.sigmoid(alpha))
        transit = gaussian(omega, torch.exp(2 * tts)) * at_times(omega, early, self.early_ns)
        emitted = transit[:, None] * profile
        share = bin_contents(emitted[:, :, None] * optics, omega, STEP, N_BINS)
        hits = reported(
            share[:, :, :, None],
            self.cells.mean[:, :POINT_LIKE, :NEAR, :FEW, None],
            self.cells.dark[:, None, None, None, None],
            round(self.merging_time / STEP),
        )
        return smeared(hits, self.smearing[:POINT_LIKE, None, None], STEP)


def at_times(
    omega: Tensor, early_share: Tensor | float, early_ns: Float[Tensor, "type 2"]
) -> Tensor:
    """Transforms of the delay of pulses of each type, some of which come early."""
    return 1 + early_share * (even_delay(omega, early_ns) - 1)


def profiles(
    omega: Tensor, scale: Tensor | float, alpha_share: Float[Tensor, " energy"]
) -> Tensor:
    """Transforms of scintillation by a mixture of electrons and alphas."""
    electron = scintillation(omega, ELECTRON_PROFILE, scale)
    alpha = scintillation(omega, ALPHA_PROFILE, scale)
    return electron + alpha_share[:, None] * (alpha - electron)


def delayed(omega: Tensor, weights: Float[Tensor, "*cell delay"]) -> Tensor:
    """Transform of optical delays: undelayed light of weight one, and the basis."""
    basis = torch.stack([exponential(omega, tau) for tau in SHORT_DELAYS + LONG_DELAYS])
    late = (weights[..., None] * basis).sum(-2)
    return (1 + late) / (1 + weights.sum(-1, keepdim=True))
