r"""Gain and single-p.e. width of every PMT from charge spectra.

The hits of a PMT are sorted by the mean number :math:`\lambda = \mu\,(F(t + T) - F(t))` of
further photoelectrons that the occupancy fit expects within the merging time after them; hits
of forced triggers have none. A pulse that begins with one photoelectron then has the charge
density, with :math:`\varphi` the transform of the single-p.e. density,

.. math:: p(q) = \mathcal F^{-1}\left[\varphi\,e^{\kappa\lambda(\varphi - 1)}\right]

times the threshold's step. The pile-up factor :math:`\kappa`, near one, takes up the
photoelectrons below threshold and what the arrival times leave open. Gain and width are fitted
for every PMT at once by Fisher scoring, together with the shape that the PMTs of a type share.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.calibrate.occupancy import LightModel
from kzcal.calibrate.population import Population, population_of, unpooled
from kzcal.calibrate.scoring import RIDGE, SharedScoring, Sharing, shared_step
from kzcal.calibrate.stream import RunStream
from kzcal.calibrate.survey import LIGHT_WINDOW, Survey, energy_class
from kzcal.response.charge import ChargeShape, passing, single_pe_density

PILE_UP_EDGES = (0.02, 0.06, 0.12, 0.2, 0.3, 0.45, 0.7)
"""Upper edges of the classes of expected further photoelectrons; hits above are left out."""
N_BINS = 256
N_TRANSFORM = 512
LOW_LIGHT = 2
"""Classes that are nearly all single photoelectrons; the report shows them."""
GLOBAL_NAMES = (
    "exponential_fraction",
    "exponential_scale",
    "threshold",
    "threshold_width",
    "pile_up",
)
GLOBAL_UNITS = ("", "gain", "p.e.", "p.e.", "")
GLOBAL_DOCS = (
    "share of photoelectrons with a low, exponential charge",
    "mean of that exponential over the gain",
    "charge at which half of the pulses pass",
    "standard deviation of the threshold",
    "pulses merged over those expected",
)
GLOBAL_START = (0.15, 0.3, 0.3, 0.06, 1.15)
GLOBAL_BOUNDS = ((0.005, 0.6), (0.05, 1.0), (0.02, 0.8), (0.01, 0.4), (0.3, 3.0))


@dataclass(frozen=True, slots=True)
class ChargeSpectra:
    """Charge histograms of every PMT.

    Args:
        counts: hits by pile-up class and charge bin.
        pile_up: mean of the expected further photoelectrons of the hits in each class.
        step: width of a charge bin, p.e.
        offset: charge at the middle of the first bin, p.e.
    """

    counts: Float[Tensor, "pmt pile_up_class bin"]
    pile_up: Float[Tensor, "pmt pile_up_class"]
    step: float
    offset: float

    @property
    def charge(self) -> Float[Tensor, " bin"]:
        """Middle of each bin, p.e."""
        bins = torch.arange(self.counts.shape[-1], device=self.counts.device)
        return bins.double() * self.step + self.offset


def charge_spectra(stream: RunStream, first_look: Survey, model: LightModel) -> ChargeSpectra:
    """Fill the histograms in one pass over the run."""
    quantum = stream.config.charge_step
    n_pmt, n_class = stream.detector.n_pmt, len(PILE_UP_EDGES)
    device = stream.detector.device
    counts = torch.zeros(n_pmt * n_class * N_BINS, dtype=torch.float64, device=device)
    total = torch.zeros(n_pmt * n_class, dtype=torch.float64, device=device)
    edges = torch.tensor(PILE_UP_EDGES, device=device)
    lower, upper = LIGHT_WINDOW
    kind = energy_class(stream.events.energy)
    for batch in stream.batches():
        residual = batch.residual - first_look.offset[batch.pmt]
        light = batch.used & (residual > lower) & (residual < upper)
        ahead = first_look.arriving_within(
            residual, kind[batch.rows][batch.event], stream.config.merging_time
        )
        further = model.of_hits(batch, stream) * ahead
        further = torch.where(batch.forced, 0.0, further)
        bins = torch.round(batch.charge / quantum).long() // 2
        inside = (bins >= 0) & (bins < N_BINS) & (further < PILE_UP_EDGES[-1])
        chosen = (light | batch.forced) & inside
        cell = (batch.pmt * n_class + torch.bucketize(further, edges))[chosen]
        total += torch.bincount(cell, further[chosen].double(), n_pmt * n_class)
        counts += torch.bincount(cell * N_BINS + bins[chosen], minlength=len(counts))
    spectra = counts.reshape(n_pmt, n_class, N_BINS)
    pile_up = total.reshape(n_pmt, n_class) / spectra.sum(2).clamp(min=1)
    return ChargeSpectra(spectra, pile_up, 2 * quantum, quantum / 2)


@dataclass(frozen=True, slots=True)
class ChargeFit:
    """Charge response of every PMT.

    Args:
        gain: mean of the Gaussian part of the single-p.e. charge, nominal gains.
        width: its standard deviation over its mean.
        covariance: of (gain, width) of each PMT, that of the shared shape included.
        shared: the shape by type, in the order of GLOBAL_NAMES.
        shared_covariance: its covariance for each type.
        expected: expected hits by bin, in the classes of little light together.
    """

    gain: Float[Tensor, " pmt"]
    width: Float[Tensor, " pmt"]
    covariance: Float[Tensor, "pmt 2 2"]
    shared: Float[Tensor, "type shared"]
    shared_covariance: Float[Tensor, "type shared shared"]
    expected: Float[Tensor, "pmt bin"]

    def shape(self, kind: Tensor) -> ChargeShape:
        """The shared shape for each PMT."""
        return _shape(self.shared, kind)


def fit_charge(
    spectra: ChargeSpectra,
    kind: Tensor,
    fitted: Tensor,
    counting: Tensor,
    *,
    iterations: int = 30,
    width_start: tuple[float, ...] = (0.4, 0.55),
) -> ChargeFit:
    """Fit the PMTs that ``fitted`` marks; the others get NaN.

    Args:
        spectra: charge histograms.
        kind: type of each PMT, 0 or 1.
        fitted: PMTs with enough hits.
        counting: PMTs that make up the shared shape and the population of widths.
        iterations: scoring steps at most.
        width_start: where the width of each type starts.
    """
    device = kind.device
    n_pmt, n_type = len(kind), 2
    own = torch.ones(n_pmt, 2, dtype=torch.float64, device=device)
    own[:, 1] = torch.tensor(width_start, dtype=torch.float64, device=device)[kind]
    own[:, 0] = _first_gain(spectra)
    start = torch.tensor(GLOBAL_START, dtype=torch.float64, device=device)
    state = Sharing(own, start.repeat(n_type, 1), kind, fitted, counting)
    means = torch.tensor(width_start, dtype=torch.float64, device=device)
    population = Population.wide(means)
    ridge = RIDGE * torch.eye(2, dtype=torch.float64, device=device)
    for _ in range(2):
        state = _converged(spectra, state, population, iterations)
        alone = torch.linalg.inv(_score(spectra, state)[0].information[:, :2, :2] + ridge)
        variance = alone[:, 1, 1]
        value = unpooled(state.own[:, 1], variance, population, kind)
        population = population_of(value, variance, kind, fitted & counting)
    state = _converged(spectra, state, population, iterations)
    scoring, expected = _score(spectra, state)
    scoring = _pooled(scoring, state, population)
    own_covariance, shared_covariance = scoring.covariance(state)
    nothing = torch.where(fitted, 0.0, torch.nan)
    return ChargeFit(
        state.own[:, 0] + nothing,
        state.own[:, 1] + nothing,
        own_covariance,
        state.shared,
        shared_covariance,
        expected,
    )


def _converged(
    spectra: ChargeSpectra, state: Sharing, population: Population, iterations: int
) -> Sharing:
    """Scoring steps until no PMT moves by a hundredth of its error."""
    for _ in range(iterations):
        scoring = _pooled(_score(spectra, state)[0], state, population)
        state, largest = shared_step(
            state, scoring, own_bounds=((0.2, 5.0), (0.1, 1.5)), shared_bounds=GLOBAL_BOUNDS
        )
        if largest < 0.01:
            break
    return state


def _pooled(scoring: SharedScoring, state: Sharing, population: Population) -> SharedScoring:
    parts = population.added(
        scoring.score, scoring.information, state.own[:, 1], state.kind, 1
    )
    return replace(scoring, score=parts[0], information=parts[1])


def _first_gain(spectra: ChargeSpectra) -> Float[Tensor, " pmt"]:
    """Median charge of the hits with little light."""
    counts = spectra.counts[:, :LOW_LIGHT].sum(1)
    share = counts.cumsum(1) / counts.sum(1, keepdim=True).clamp(min=1)
    return spectra.charge[(share < 0.5).sum(1).clamp(max=N_BINS - 1)].clamp(0.3, 3.0)


def _shape(shared: Tensor, kind: Tensor) -> ChargeShape:
    rows = shared[kind]
    return ChargeShape(rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3])


def _score(
    spectra: ChargeSpectra, state: Sharing
) -> tuple[SharedScoring, Float[Tensor, "pmt bin"]]:
    """Score and Fisher information of the multinomial likelihood, and the expected counts."""
    shape = _shape(state.shared, state.kind)
    gain, width = state.own.T
    pile_up_factor = state.shared[state.kind, 4]
    transforms = _transforms(spectra, gain, width, shape)
    charge = spectra.charge
    step_slopes = _threshold_slopes(charge, shape)
    passes = passing(charge, shape)
    n_pmt = len(gain)
    scoring = SharedScoring.zeros(n_pmt, 2, len(GLOBAL_NAMES), gain.device)
    expected = torch.zeros(n_pmt, N_BINS, dtype=gain.dtype, device=gain.device)
    for k in range(spectra.counts.shape[1]):
        pile_up = spectra.pile_up[:, k, None]
        density, slopes = _class_density(transforms, pile_up, pile_up_factor[:, None])
        weighted = torch.stack(
            [
                *(s * passes for s in slopes[:4]),
                *(density * s for s in step_slopes),
                slopes[4] * passes,
            ],
            dim=1,
        )
        counts = spectra.counts[:, k]
        model = density * passes + 1e-9
        norm = model.sum(1, keepdim=True)
        share = model / norm
        by = (weighted - share[:, None] * weighted.sum(2, keepdim=True)) / norm[:, None]
        scoring.add(by, share, counts)
        if k < LOW_LIGHT:
            expected += share * counts.sum(1, keepdim=True)
    return scoring, expected


@dataclass(frozen=True, slots=True)
class _Transforms:
    """Transforms of the single-p.e. density and of its slopes, on the bins and from zero."""

    first: tuple[Tensor, ...]
    further: tuple[Tensor, ...]


def _transforms(
    spectra: ChargeSpectra, gain: Tensor, width: Tensor, shape: ChargeShape
) -> _Transforms:
    grid = torch.arange(N_TRANSFORM, dtype=gain.dtype, device=gain.device) * spectra.step
    weight = torch.full_like(grid, spectra.step)
    first = single_pe_density(grid + spectra.offset, gain, width, shape)
    further = single_pe_density(grid, gain, width, shape)
    half = weight.clone()
    half[0] /= 2

    def parts(density: object, weights: Tensor) -> tuple[Tensor, ...]:
        names = ("value", "gain", "width", "fraction", "scale")
        return tuple(torch.fft.rfft(getattr(density, n) * weights) for n in names)

    return _Transforms(parts(first, weight), parts(further, half))


def _class_density(
    transforms: _Transforms, pile_up: Tensor, factor: Tensor
) -> tuple[Tensor, list[Tensor]]:
    """Charge distribution of one pile-up class and its slopes (4 of the density, pile-up)."""
    mean = pile_up * factor
    growth = torch.exp(mean * (transforms.further[0] - 1))
    base = transforms.first[0] * growth

    def back(transform: Tensor) -> Tensor:
        return torch.fft.irfft(transform, n=N_TRANSFORM)[:, :N_BINS]

    slopes = [
        back((transforms.first[j] + transforms.first[0] * mean * transforms.further[j]) * growth)
        for j in range(1, 5)
    ]
    slopes.append(back(base * (transforms.further[0] - 1)) * pile_up)
    return back(base).clamp(min=1e-12), slopes


def _threshold_slopes(charge: Tensor, shape: ChargeShape) -> tuple[Tensor, Tensor]:
    pull = (charge - shape.threshold[:, None]) / shape.threshold_width[:, None]
    bell = torch.exp(-0.5 * pull**2) / (2 * torch.pi) ** 0.5 / shape.threshold_width[:, None]
    return -bell, -bell * pull
