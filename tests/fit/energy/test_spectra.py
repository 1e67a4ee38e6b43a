"""Spectra of samples against simulated decays."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kzcal.fit.energy.gathering import smooth_columns
from kzcal.fit.energy.profiled import begun
from kzcal.fit.energy.quenching import QuenchedLight
from kzcal.fit.energy.spectra import Smearing, SpectrumTerm
from kzcal.fit.energy.width import variance_of, with_widths
from kzcal.fit.light.collection import CollectionSums
from kzcal.fit.light.sloped import SlopedHistogram
from kzcal.fit.newton import Newton
from kzcal.fit.objective import FitObjective
from kzcal.fit.terms import deviance
from kzcal.geometry import LightParameters
from kzcal.optics.tracer import SLOPES
from kzcal.parts import Parameter

BINS, SHELLS, BIRKS = 40, 2, 0.12


def double(*values):
    return torch.tensor(values, dtype=torch.float64)


def light(energy, slope, *, alpha):
    """Groups of decays whose light falls by a power of the Birks constant."""
    energy = double(*energy)
    curve = torch.stack([torch.log(energy), torch.full_like(energy, slope)], dim=1)
    nothing, one = torch.zeros_like(energy), torch.ones_like(energy)
    return QuenchedLight(
        weight=one / len(energy),
        unquenched=nothing if alpha else 1.05 * energy,
        electron=torch.zeros_like(curve) if alpha else curve,
        alpha=curve if alpha else torch.zeros_like(curve),
        alpha_mev=5.3 * one if alpha else nothing,
        cherenkov=nothing,
        birks=BIRKS,
        n_decays=2000,
    )


def collection():
    """Twice as many hits in 17-inch tubes; absorption moves the outer shell less."""
    hits = SlopedHistogram.zeros(2 * SHELLS * 2)
    hits.total.copy_(double(2, 1, 2, 1, 2, 1, 2, 1))
    hits.slopes[:, SLOPES.index("absorption_scale")] = hits.total * double(
        *(0.6, 0.6, 0.4, 0.4) * 2
    )
    return CollectionSums(hits, torch.ones(1, dtype=torch.bool), SHELLS)


def term(width=0.02):
    gamma = QuenchedLight.by_shell(
        [light(np.linspace(2.05, 2.15, 9), -0.05, alpha=False)] * SHELLS
    )
    alpha = QuenchedLight.by_shell([light([0.36], -0.9, alpha=True)] * SHELLS)
    empty = torch.ones(2, SHELLS, BINS, dtype=torch.float64)
    edges = torch.stack([torch.linspace(a, b, BINS + 1) for a, b in ((1.5, 2.8), (0.22, 0.52))])
    smearing = Smearing(
        hits_per_mev=torch.full((2, SHELLS), 270.0, dtype=torch.float64),
        dark=8.0,
        spread=double(1.2, 1.05),
        width=double(width, width),
    )
    return SpectrumTerm(
        names=("gamma", "alpha"),
        observed=empty,
        edges=edges.double(),
        lights=(gamma, alpha),
        profiles=(0, 1),
        collection=collection(),
        anchor=LightParameters(),
        anchor_values=(1.0, collection().per_photon({}, LightParameters())),
        smearing=smearing,
        background=torch.stack([smooth_columns(0, BINS), smooth_columns(2, BINS)]),
        known=torch.zeros_like(empty),
        centre=double(2.1, 0.36),
        floor=double(0.4, 0.4),
        start=torch.ones(2 * SHELLS, 4, dtype=torch.float64),
        variance=torch.zeros_like(empty),
    )


def filled(made, values, generator, heights=(900.0, 700.0)):
    """The term with events drawn at values."""
    signal = made.signal(values) * double(*heights)[:, None, None]
    background = 3.0 * made.background.sum(-1)[:, None]
    observed = torch.poisson(signal + background, generator=generator)
    start = begun(observed.flatten(0, 1), made.columns(made.signal({})))
    return replace(made, observed=observed, start=start)


def values(**given):
    return {name: double(value)[0] for name, value in given.items()}


def test_a_peak_holds_all_of_its_decays_and_moves_with_the_light_yield():
    made = term()
    centre = (made.edges[:, 1:] + made.edges[:, :-1]) / 2
    for factor in (0.95, 1.0, 1.06):
        signal = made.signal(values(light_yield=factor))
        torch.testing.assert_close(signal.sum(-1), torch.ones(2, SHELLS).double())
        mean = (signal * centre[:, None]).sum(-1) / signal.sum(-1)
        torch.testing.assert_close(
            mean, (factor * double(2.1, 0.36))[:, None].expand(2, SHELLS), rtol=4e-3, atol=0
        )


def test_light_yield_and_efficiency_of_types_are_told_by_the_collection():
    """Two thirds of the hits are of 17-inch tubes."""
    made = term()
    less = made.signal(values(efficiency_20=0.7))
    same = made.signal(values(light_yield=0.9))
    torch.testing.assert_close(less, same)


def test_slopes_are_those_of_differences():
    made = filled(term(), {}, torch.Generator().manual_seed(2))
    names = ("light_yield", "birks_mm_per_mev", "absorption_scale", "alpha_light")
    starts = (1.02, 0.125, 0.97, 1.01)
    parameters = [Parameter(n, s, s / 2, s * 2, "1") for n, s in zip(names, starts, strict=True)]
    objective = FitObjective([made], parameters)
    slope, _ = objective.slopes(np.array(starts))
    for i, start in enumerate(starts):
        step = np.zeros(4)
        step[i] = 1e-5 * start
        up, down = objective(np.array(starts) + step), objective(np.array(starts) - step)
        assert slope[i] == pytest.approx((up - down) / (2 * step[i]), rel=2e-3, abs=1.0)


@pytest.mark.slow
def test_pulls_of_light_yield_and_birks_constant_are_unit():
    """Means within 4 sigma, widths within 45 % for 25 truths: fails by chance in 0.2 %."""
    generator = torch.Generator().manual_seed(11)
    rng = np.random.default_rng(11)
    parameters = [
        Parameter("light_yield", 1.0, 0.5, 2.0, "1"),
        Parameter("birks_mm_per_mev", BIRKS, 0.05, 0.3, "mm/MeV"),
    ]
    pulls = []
    for _ in range(25):
        truth = np.array([rng.uniform(0.95, 1.05), rng.uniform(0.112, 0.128)])
        named = values(light_yield=truth[0], birks_mm_per_mev=truth[1])
        made = filled(term(), named, generator)
        minimum = Newton().minimise(FitObjective([made], parameters), parameters, seed=1)
        pulls.append((minimum.values - truth) / np.sqrt(np.diag(minimum.covariance)))
    mean, width = np.mean(pulls, axis=0), np.std(pulls, axis=0, ddof=1)
    assert (np.abs(mean) < 4 / 5).all()
    assert ((width > 0.55) & (width < 1.45)).all()


@pytest.mark.parametrize("factor", [0.7, 1.4])
def test_a_fit_from_afar_finds_peaks_that_background_could_hide(factor):
    made = filled(term(), {}, torch.Generator().manual_seed(6))
    birks = BIRKS * factor
    parameters = [
        Parameter("light_yield", 1.0, 0.5, 2.0, "1"),
        Parameter("birks_mm_per_mev", birks, 0.05, 0.3, "mm/MeV"),
    ]
    objective = FitObjective([made], parameters)
    minimum = Newton().minimise(objective, parameters, seed=1)
    assert minimum.values == pytest.approx(np.array([1.0, BIRKS]), rel=0.02)
    assert not made.astray(objective.named(torch.as_tensor(minimum.values))).any()
    assert minimum.objective <= objective(np.array([1.0, BIRKS])) + 1e-3


def test_further_widths_are_found_and_agree_with_the_counts():
    wide = filled(term(width=0.05), {}, torch.Generator().manual_seed(4), heights=(4e3, 4e3))
    found = with_widths(replace(wide, smearing=term(0.0).smearing), values(light_yield=1.0))
    torch.testing.assert_close(found.smearing.width, double(0.05, 0.05), atol=0.012, rtol=0)
    fit = found.expected(values(light_yield=1.0))
    assert float(deviance(found.counts, fit).sum()) < 160 + 5 * (2 * 160) ** 0.5


def test_finite_decays_show_where_many_energies_make_a_spectrum():
    made = filled(term(), {}, torch.Generator().manual_seed(4))
    variance = variance_of(made, {})
    assert (variance >= 0).all()
    assert float(variance[0].max()) > 0
    assert not variance[1].any()
