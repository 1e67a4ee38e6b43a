"""Gains and widths from charges: honest for all PMTs at once, and as iminuit finds them."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from iminuit import Minuit
from scipy import stats

from kzcal.calibrate.charge_likelihood import charge_values, near_charges, score_charges
from kzcal.calibrate.charge_spectra import N_BINS, ChargeSpectra
from kzcal.calibrate.pulses import fit_charge
from kzcal.calibrate.scoring import Sharing
from kzcal.geometry import load_detector
from kzcal.response.charge import ChargeShape, detection_efficiency, sample_charge

LAYOUT = torch.from_numpy((load_detector().diameter_inch == 20).astype(np.int64))
KIND = LAYOUT[::3]
SHAPE = (0.13, 0.35, 0.30, 0.05)
STEP, OFFSET = 1 / 32, 1 / 128


def constants(seed, kind=KIND):
    generator = torch.Generator().manual_seed(seed)
    spread = 1 + 0.09 * torch.randn(2, len(kind), generator=generator, dtype=torch.float64)
    return spread[0], torch.where(kind == 1, 0.58, 0.40) * spread[1]


def spectra(gain, width, n_charges, seed, saturation=math.inf, shape=SHAPE):
    """About so many single photoelectrons above threshold for every PMT."""
    generator = torch.Generator().manual_seed(seed)
    pmt = torch.repeat_interleave(torch.arange(len(gain)), round(1.16 * n_charges))
    like = torch.ones(len(pmt), dtype=torch.float64)
    fraction, scale, threshold, threshold_width = shape
    charge = sample_charge(
        gain[pmt], width[pmt], fraction * like, scale * like, generator=generator
    )
    noise = torch.randn(len(pmt), generator=generator, dtype=torch.float64)
    bins = torch.round(charge / (1 + charge / saturation) * 64).long() // 2
    passed = (charge > threshold + threshold_width * noise) & (bins < N_BINS)
    counts = torch.bincount((pmt * N_BINS + bins)[passed], minlength=len(gain) * N_BINS)
    counts = counts.reshape(len(gain), 1, N_BINS).double()
    alone = torch.zeros(len(gain), 1, dtype=torch.float64)
    return ChargeSpectra(counts, alone, STEP, OFFSET, saturation)


def fit(n_charges, seed, kind=KIND):
    gain, width = constants(seed, kind)
    charges = spectra(gain, width, n_charges, seed + 100)
    everyone = torch.ones(len(gain), dtype=torch.bool)
    return gain, width, charges, fit_charge(charges, kind, everyone, everyone)


def shares_off(found, gain, width, shape):
    """By type: how far the share above threshold is off, relative, and its stated error."""
    values = (torch.full_like(gain, value) for value in shape)
    true = detection_efficiency(gain, width, ChargeShape(*values))[0]
    share = detection_efficiency(found.gain, found.width, found.shape(KIND))[0]
    for k in (0, 1):
        rows = KIND.eq(k)
        yield float((share[rows].sum() / true[rows].sum()).log()), float(found.passing_error[k])


@pytest.fixture(scope="module")
def many():
    """2,000 charges of every PMT."""
    return fit(2000, seed=1)


@pytest.fixture(scope="module")
def few():
    """200 charges of every PMT of the detector."""
    return fit(200, seed=2, kind=LAYOUT)


def pulls(fitted):
    gain, width, _, found = fitted
    error = found.covariance.diagonal(dim1=1, dim2=2).sqrt()
    values = torch.stack([found.gain - gain, found.width - width], 1)
    return values / error


def test_hits_alone_have_pulls_of_width_one_and_no_prior(few):
    """Regressed on the truth they have slope one; what the population drew in falls short of it.

    Slope over 1,879 PMTs: its error is 0.06; the shape that a type shares is taken off.
    """
    gain, _, _, found = few
    alone, error = found.alone.value[:, 0], found.alone.variance[:, 0].sqrt()
    for k in (0, 1):
        rows = k == LAYOUT
        true, own, drawn = (part[rows] - part[rows].mean() for part in (gain, alone, found.gain))
        pull = own / error[rows] - true / error[rows]
        assert float(pull.std()) == pytest.approx(1.0, abs=0.15)
        weight = error[rows] ** -2
        slope = (weight * true * own).sum() / (weight * true**2).sum()
        shrunk = (weight * true * drawn).sum() / (weight * true**2).sum()
        assert float(slope) == pytest.approx(1.0, abs=0.15)
        assert float(shrunk) < float(slope) - 0.05


@pytest.mark.parametrize(("statistics", "slack"), [("many", 0.1), ("few", 0.2)])
def test_pulls_have_width_one(statistics, slack, request):
    """447 PMTs of 17 and 180 of 20 inch or more: at least three errors of the width off, 0.01.

    The mean is taken off: the shape that the PMTs of a type share moves all of them.
    """
    pull = pulls(request.getfixturevalue(statistics))
    assert bool(torch.isfinite(pull).all())
    kind = KIND if len(pull) == len(KIND) else LAYOUT
    for column in pull.T:
        assert abs(float(column[kind == 0].std()) - 1) < slack
        assert abs(float(column[kind == 1].std()) - 1) < 2 * slack


@pytest.mark.parametrize(
    ("statistics", "kind", "gain_bias", "width_bias"),
    [
        ("many", 0, 0.01, 0.03),
        ("many", 1, 0.02, 0.04),
        ("few", 0, 0.01, 0.03),
        ("few", 1, 0.03, 0.05),
    ],
)
def test_means_are_right(statistics, kind, gain_bias, width_bias, request):
    """1 % and 3 %; where wide charges hide the exponential, two and three errors of the mean."""
    gain, width, _, found = request.getfixturevalue(statistics)
    rows = kind == (KIND if len(gain) == len(KIND) else LAYOUT)
    assert abs(float((found.gain / gain)[rows].mean()) - 1) < gain_bias
    assert abs(float((found.width / width)[rows].mean()) - 1) < width_bias


@pytest.mark.parametrize("statistics", ["many", "few"])
def test_errors_of_the_shared_shape_hold(statistics, request):
    """Eight values within 4 errors of the truth: 5e-4. It takes the average over own values."""
    found = request.getfixturevalue(statistics)[3]
    error = found.shared_covariance.diagonal(dim1=1, dim2=2).sqrt()
    pull = (found.shared[:, :4] - torch.tensor(SHAPE)) / error[:, :4]
    assert float(pull.abs().max()) < 4


def test_the_shared_shape_is_found(many):
    found = many[3].shared
    assert (found[:, 2] - SHAPE[2]).abs().max() < 0.01
    assert (found[:, 3] - SHAPE[3]).abs().max() < 0.01
    assert (found[0, :2] - torch.tensor(SHAPE[:2])).abs().max() < 0.03
    assert (found[1, :2] - torch.tensor(SHAPE[:2])).abs().max() < 0.06


@pytest.mark.parametrize("statistics", ["many", "few"])
def test_errors_of_the_share_above_threshold_hold(statistics, request):
    """Of both types: within 3.5 errors, 5e-4 each; and known to some per cent, not to nothing."""
    gain, width, _, found = request.getfixturevalue(statistics)
    kind = KIND if len(gain) == len(KIND) else LAYOUT
    true_shape = ChargeShape(*(torch.full((len(gain),), v, dtype=torch.float64) for v in SHAPE))
    true = detection_efficiency(gain, width, true_shape)[0]
    share = detection_efficiency(found.gain, found.width, found.shape(kind))[0]
    for k in (0, 1):
        off = float((share[kind == k].sum() / true[kind == k].sum()).log())
        assert abs(off) < 3.5 * float(found.passing_error[k])
        assert 0.001 < float(found.passing_error[k]) < 0.03


def test_the_likelihood_alone_is_that_of_the_scores():
    gain, width = constants(6)
    charges = spectra(gain, width, 200, 106)
    everyone = torch.ones(len(gain), dtype=torch.bool)
    pile_up = torch.linspace(0.01, 0.4, 7, dtype=torch.float64).repeat(len(gain), 1)
    pile_up[:, 0] = 0.0
    counts = charges.counts.repeat(1, 7, 1)
    shared = torch.tensor([[*SHAPE, *[1.1] * 7]] * 2, dtype=torch.float64)
    state = Sharing(torch.stack([gain, width], 1), shared, KIND, everyone, everyone)
    several = ChargeSpectra(counts, pile_up, STEP, OFFSET)
    for data in (charges, several, replace(several, saturation=50.0)):
        scoring, _ = score_charges(data, state)
        torch.testing.assert_close(charge_values(data, state), scoring.value, rtol=1e-9, atol=0)


def test_densities_of_what_is_read_are_those_of_saturated_charges():
    """The exact change of variables, of a Gaussian at 3 p.e.: 3e-4 of its peak by interpolation.

    The change itself is twenty times larger.
    """
    bins = ChargeSpectra(
        torch.zeros(1, 1, N_BINS), torch.zeros(1, 1), STEP, OFFSET, saturation=1500.0
    )
    plain = replace(bins, saturation=math.inf)
    normal = torch.distributions.Normal(3.0, 0.7)
    density = normal.log_prob(bins.charge).exp()
    unsaturated = bins.before_saturation
    torch.testing.assert_close(unsaturated / (1 + unsaturated / 1500), bins.charge)
    exact = normal.log_prob(unsaturated).exp() / (1 - bins.charge / 1500) ** 2
    peak = float(density.max())
    assert float((exact - density).abs().max()) > 5e-3 * peak
    torch.testing.assert_close(bins.as_read(density), exact, rtol=0, atol=3e-4 * peak)
    torch.testing.assert_close(plain.as_read(density), density, rtol=0, atol=0)


def test_widths_before_saturation_are_found():
    """A saturation at 300 p.e. narrows single photoelectrons of 17-inch tubes by 0.8 %.

    Their mean width is found to 0.4 %; one standard deviation is 0.1 %.
    """
    gain, width = constants(8)
    charges = spectra(gain, width, 2000, 108, saturation=300.0)
    everyone = torch.ones(len(gain), dtype=torch.bool)
    rows = KIND == 0
    read, found = (
        float((fit_charge(data, KIND, everyone, everyone).width / width)[rows].mean())
        for data in (replace(charges, saturation=math.inf), charges)
    )
    assert found - read > 0.005
    assert found == pytest.approx(1.0, abs=4e-3)


def test_widths_are_means_of_what_is_possible():
    """With 300 hits the most likely widths are 1 % too small on average, means right to 0.5 %.

    The shape lies where the fit's priors have it; one standard deviation is 0.2 %.
    """
    rows = KIND == 0
    everyone = torch.ones(len(KIND), dtype=torch.bool)
    means, likely = [], []
    for seed in range(4):
        gain, width = constants(seed)
        found = fit_charge(spectra(gain, width, 300, 300 + seed), KIND, everyone, everyone)
        for widths, kept in ((found.width, means), (found.likely[:, 1], likely)):
            kept.append(float(widths[rows].sum() / width[rows].sum()) - 1)
    assert np.mean(means) == pytest.approx(0.0, abs=5e-3)
    assert np.mean(likely) < -6e-3


def test_an_exponential_that_hides_is_thought_of():
    """Of 7 % with a scale of 0.07 hardly any pass; charges are as if there were none.

    The share above threshold is known to some per cent then, not to half a per cent.
    """
    gain, width = constants(13)
    hidden = (0.07, 0.07, 0.30, 0.05)
    everyone = torch.ones(len(KIND), dtype=torch.bool)
    found = fit_charge(spectra(gain, width, 600, 14, shape=hidden), KIND, everyone, everyone)
    for off, error in shares_off(found, gain, width, hidden):
        assert 0.02 < error < 0.1
        assert abs(off) < 2 * error


@pytest.mark.parametrize("threshold", [0.1, 0.6])
def test_a_threshold_far_from_its_prior_is_found(threshold):
    """The prior has 0.3 +- 0.1; a start there ended with the shape at its bounds."""
    gain, width = constants(15)
    shape = (0.1, 0.3, threshold, 0.04)
    everyone = torch.ones(len(KIND), dtype=torch.bool)
    found = fit_charge(spectra(gain, width, 600, 16, shape=shape), KIND, everyone, everyone)
    assert found.shared[:, 2].tolist() == pytest.approx([threshold] * 2, abs=0.005)
    for off, error in shares_off(found, gain, width, shape):
        assert error < 0.1
        assert abs(off) < 3 * error


def test_a_type_without_charges_keeps_the_shape_of_its_priors():
    gain, width = constants(17)
    charges = spectra(gain, width, 300, 18)
    silent = KIND.eq(1)
    charges.counts[silent] = 0
    chosen = ~silent
    found = fit_charge(charges, KIND, chosen, chosen)
    assert float(found.shared[1, 2]) == pytest.approx(0.30)
    assert float(found.shared[0, 2]) == pytest.approx(SHAPE[2], abs=0.01)
    assert torch.isfinite(found.gain[chosen]).all()
    assert torch.isnan(found.gain[silent]).all()


def test_expected_spectra_are_those_counted(many):
    """Chi-square of all counts by bin, of types together, within 5 errors.

    The totals are the same in the range that is fitted, in single precision.
    """
    _, _, charges, found = many
    near = near_charges(charges)
    totals = [(c * near).sum(1) for c in (found.expected, charges.counts[:, 0])]
    torch.testing.assert_close(*totals, rtol=1e-5, atol=0)
    counted = torch.zeros(2, N_BINS).double().index_add_(0, KIND, charges.counts[:, 0])
    expected = torch.zeros(2, N_BINS).double().index_add_(0, KIND, found.expected)
    chosen = expected > 50
    chi_square = float(((counted - expected) ** 2 / expected)[chosen].sum())
    assert chi_square < int(chosen.sum()) + 5 * math.sqrt(2 * int(chosen.sum()))


def by_iminuit(charge, counts, shape):
    """Gain, width and their errors of one PMT, from scipy's distributions and iminuit."""
    fraction, scale, threshold, threshold_width = shape
    passes = stats.norm(threshold, threshold_width).cdf(charge)

    def cost(gain, width):
        normal = stats.truncnorm.pdf(charge, -1 / width, np.inf, loc=gain, scale=gain * width)
        low = stats.expon.pdf(charge, scale=gain * scale)
        model = ((1 - fraction) * normal + fraction * low) * passes + 1e-9 / STEP
        return -counts @ np.log(model / model.sum())

    minuit = Minuit(cost, gain=1.0, width=0.5)
    minuit.errordef = Minuit.LIKELIHOOD
    minuit.limits = [(0.2, 5.0), (0.1, 1.5)]
    minuit.migrad()
    minuit.hesse()
    return np.array(minuit.values), np.array(minuit.errors)


def test_with_many_charges_each_pmt_is_as_iminuit_fits_it():
    """Four PMTs of 20,000 charges among others: their populations hardly pull on these."""
    gain, width = constants(3)
    charges = spectra(gain, width, 2000, 103)
    rich = spectra(gain[:4], width[:4], 20_000, 104)
    charges.counts[:4] = rich.counts
    everyone = torch.ones(len(gain), dtype=torch.bool)
    found = fit_charge(charges, KIND, everyone, everyone)
    error = found.covariance.diagonal(dim1=1, dim2=2).sqrt()
    for i in range(4):
        shape = found.shared[KIND[i], :4].tolist()
        values, errors = by_iminuit(charges.charge.numpy(), charges.counts[i, 0].numpy(), shape)
        ours = np.array([float(found.gain[i]), float(found.width[i])])
        assert np.abs((ours - values) / errors).max() < 0.35
        assert error[i].numpy() == pytest.approx(errors, rel=0.15)


def test_tubes_that_are_not_fitted_get_nothing_and_change_nothing():
    gain, width = constants(4)
    rows = slice(0, 300)
    kind = KIND[rows]
    charges = spectra(gain[rows], width[rows], 500, 105)
    everyone, some = torch.ones(300, dtype=torch.bool), torch.arange(300) >= 20
    charges.counts[:20] = 0
    found = fit_charge(charges, kind, some, some)
    assert bool(torch.isnan(found.gain[:20]).all())
    assert bool(torch.isnan(found.width[:20]).all())
    assert bool(torch.isfinite(found.gain[20:]).all())
    without = ChargeSpectra(charges.counts[20:], charges.pile_up[20:], STEP, OFFSET)
    alone = fit_charge(without, kind[20:], everyone[20:], everyone[20:])
    torch.testing.assert_close(alone.gain, found.gain[20:], rtol=1e-6, atol=0)
