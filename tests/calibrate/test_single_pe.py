"""Charges of single photoelectrons: all PMTs at once, honest, and as iminuit fits each."""

import math

import numpy as np
import pytest
import torch
from iminuit import Minuit
from scipy import stats

from kzcal.calibrate.single_pe import fit_single_pe, median_charge
from kzcal.response.charge import ChargeShape, sample_charge

N_PMT, STEP = 1879, 1 / 32
SHAPE = (0.13, 0.35, 0.30, 0.05)
WIDTH = torch.where(torch.arange(N_PMT) % 4 == 0, 0.58, 0.40).double()
CHARGE = torch.arange(256, dtype=torch.float64) * STEP + STEP / 4


def shape_of(n_pmt=N_PMT):
    return ChargeShape(*(torch.full((n_pmt,), c, dtype=torch.float64) for c in SHAPE))


def drawn(n_charges, seed):
    """Gains, widths, and histograms of about so many charges above threshold."""
    generator = torch.Generator().manual_seed(seed)
    spread = 1 + 0.09 * torch.randn(2, N_PMT, generator=generator, dtype=torch.float64)
    gain, width = spread[0], WIDTH * spread[1]
    pmt = torch.repeat_interleave(torch.arange(N_PMT), round(1.16 * n_charges))
    like = torch.ones(len(pmt), dtype=torch.float64)
    fraction, scale, threshold, threshold_width = SHAPE
    charge = sample_charge(
        gain[pmt], width[pmt], fraction * like, scale * like, generator=generator
    )
    noise = torch.randn(len(pmt), generator=generator, dtype=torch.float64)
    bins = torch.round(charge * 64).long() // 2
    passed = (charge > threshold + threshold_width * noise) & (bins < 256)
    counts = torch.bincount((pmt * 256 + bins)[passed], minlength=N_PMT * 256)
    return gain, width, counts.reshape(N_PMT, 256).double()


@pytest.fixture(scope="module")
def many():
    gain, width, counts = drawn(2000, seed=1)
    return gain, width, counts, fit_single_pe(counts, CHARGE, shape_of(), WIDTH)


def errors(fit):
    return fit.covariance.diagonal(dim1=1, dim2=2).sqrt()


def test_pulls_have_width_one_and_no_bias(many):
    """1,879 pulls each: widths 0.9 to 1.1 (six errors), means within 4.5: 2e-5 in all."""
    gain, width, _, fit = many
    pull = torch.stack([fit.gain - gain, fit.width - width], 1) / errors(fit)
    for column in pull.T:
        assert 0.9 < float(column.std()) < 1.1
        assert abs(float(column.mean())) < 4.5 / math.sqrt(N_PMT) + 0.1
    assert abs(float((fit.gain / gain).mean()) - 1) < 0.002
    assert abs(float((fit.width / width).mean()) - 1) < 0.005


def test_few_charges_are_fitted_too():
    """200 charges each, for which the likelihood is not quite a parabola."""
    gain, width, counts = drawn(200, seed=2)
    fit = fit_single_pe(counts, CHARGE, shape_of(), WIDTH)
    pull = torch.stack([fit.gain - gain, fit.width - width], 1) / errors(fit)
    assert bool(torch.isfinite(pull).all())
    for column in pull.T:
        assert 0.9 < float(column.std()) < 1.15
    assert abs(float((fit.gain / gain).mean()) - 1) < 0.01
    assert abs(float((fit.width / width).mean()) - 1) < 0.03


def by_iminuit(counts):
    fraction, scale, threshold, threshold_width = SHAPE
    charge = CHARGE.numpy()
    passes = stats.norm(threshold, threshold_width).cdf(charge)

    def cost(gain, width):
        normal = stats.truncnorm.pdf(charge, -1 / width, np.inf, loc=gain, scale=gain * width)
        low = stats.expon.pdf(charge, scale=gain * scale)
        model = ((1 - fraction) * normal + fraction * low) * passes + 1e-30
        return -counts @ np.log(model / model.sum())

    minuit = Minuit(cost, gain=1.0, width=0.5)
    minuit.errordef = Minuit.LIKELIHOOD
    minuit.migrad()
    minuit.hesse()
    return np.array(minuit.values), np.array(minuit.errors)


def test_each_pmt_is_as_iminuit_fits_it(many):
    _, _, counts, fit = many
    for i in range(6):
        values, error = by_iminuit(counts[i].numpy())
        ours = np.array([float(fit.gain[i]), float(fit.width[i])])
        assert np.abs((ours - values) / error).max() < 0.05
        assert errors(fit)[i].numpy() == pytest.approx(error, rel=0.08)


def test_neighbours_have_no_meaning(many):
    _, _, counts, fit = many
    alone = fit_single_pe(counts[40:60], CHARGE, shape_of(20), WIDTH[40:60])
    assert float(((alone.gain - fit.gain[40:60]) / errors(fit)[40:60, 0]).abs().max()) < 0.1


def test_a_pmt_without_charges_spoils_no_other(many):
    _, _, counts, fit = many
    some = counts[:20].clone()
    some[3] = 0
    found = fit_single_pe(some, CHARGE, shape_of(20), WIDTH[:20])
    others = torch.arange(20) != 3
    assert bool(torch.isfinite(found.gain[others]).all())
    apart = (found.gain - fit.gain[:20]) / errors(fit)[:20, 0]
    assert float(apart[others].abs().max()) < 0.1
    assert bool(torch.isnan(found.gain[3]) & torch.isnan(found.width[3]))
    assert bool(torch.isnan(found.covariance[3]).all())


def test_pmts_without_any_charges_get_nothing():
    found = fit_single_pe(torch.zeros(20, len(CHARGE)), CHARGE, shape_of(20), WIDTH[:20])
    for values in (found.gain, found.width, found.covariance):
        assert bool(torch.isnan(values).all())


def test_the_median_charge_is_that_of_the_hits():
    counts = torch.zeros(2, 256)
    counts[0, 20:41] = 1
    counts[1, 255] = 5
    assert median_charge(counts, CHARGE.float()).tolist() == pytest.approx(
        [30 * STEP + STEP / 4, 3.0]
    )
