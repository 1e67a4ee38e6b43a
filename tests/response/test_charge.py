"""Charge of a pulse: the density, what is drawn from it, and what passes the threshold."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from kzcal.response.charge import (
    ChargeShape,
    detection_efficiency,
    passing,
    pe_classes,
    sample_charge,
    single_pe_density,
)

TUBES = (
    (1.0, 0.40, 0.13, 0.35),
    (0.7, 0.58, 0.25, 0.2),
    (1.4, 0.25, 0.0, 0.3),
    (1.1, 0.7, 0.5, 0.5),
)
"""Gain, width, exponential fraction and scale of a few tubes."""
EDGES = (0.3, 1.5, 8.0, 100.0)


def charge_shape(fraction, scale, threshold=0.3, threshold_width=0.06):
    columns = (fraction, scale, threshold, threshold_width)
    return ChargeShape(*torch.broadcast_tensors(*(torch.as_tensor(c).double() for c in columns)))


def tubes_as_columns():
    gain, width, fraction, scale = torch.tensor(TUBES, dtype=torch.float64).T
    return gain, width, charge_shape(fraction, scale)


@settings(deadline=None, max_examples=25)
@given(st.floats(0.4, 2.5), st.floats(0.15, 0.9), st.floats(0, 0.6), st.floats(0.1, 1.0))
def test_the_density_integrates_to_one(gain, width, fraction, scale):
    step = 1 / 512
    charge = torch.arange(step / 2, 40, step, dtype=torch.float64)
    shape = charge_shape([fraction], scale)
    density = single_pe_density(
        charge, torch.tensor([gain]).double(), torch.tensor([width]).double(), shape
    )
    assert float(density.value.sum()) * step == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", ["gain", "width", "fraction", "scale"])
def test_derivatives_are_those_of_forward_differentiation(name):
    gain, width, shape = tubes_as_columns()
    charge = torch.linspace(0, 5, 101, dtype=torch.float64)
    values = {
        "gain": gain,
        "width": width,
        "fraction": shape.exponential_fraction,
        "scale": shape.exponential_scale,
    }

    def density(x):
        v = {**values, name: x}
        shape = charge_shape(v["fraction"], v["scale"])
        return single_pe_density(charge, v["gain"], v["width"], shape).value

    _, slope = torch.autograd.functional.jvp(density, values[name], torch.ones_like(gain))
    ours = getattr(single_pe_density(charge, gain, width, shape), name)
    torch.testing.assert_close(ours, slope, rtol=1e-9, atol=1e-12)


def test_more_charge_passes_more_often():
    _, _, shape = tubes_as_columns()
    share = passing(torch.linspace(0, 3, 301, dtype=torch.float64), shape)
    assert bool((share.diff(dim=1) >= 0).all())
    assert float(share[:, 0].max()) < 1e-5
    assert float(share[:, -1].min()) > 1 - 1e-9
    half = passing(torch.tensor([0.3], dtype=torch.float64), shape)
    torch.testing.assert_close(half, torch.full_like(half, 0.5))


def efficiency_by_quadrature(gain, width, fraction, scale):
    """The same share from scipy's distributions."""
    normal = stats.truncnorm(-1 / width, np.inf, loc=gain, scale=gain * width)
    low = stats.expon(scale=gain * scale)
    gate = stats.norm(0.3, 0.06)

    def rate(q):
        return ((1 - fraction) * normal.pdf(q) + fraction * low.pdf(q)) * gate.cdf(q)

    return integrate.quad(rate, 0, 12, points=[0.2, 0.3, 0.5, gain], limit=200)[0]


def test_detection_efficiency_and_its_slopes_against_quadrature():
    gain, width, shape = tubes_as_columns()
    share, by_gain, by_width = detection_efficiency(gain, width, shape, upper=12.0)
    h = 1e-4
    for i, (g, w, f, tau) in enumerate(TUBES):
        assert float(share[i]) == pytest.approx(efficiency_by_quadrature(g, w, f, tau), abs=1e-5)
        up, down = (efficiency_by_quadrature(g + s * h, w, f, tau) for s in (1, -1))
        assert float(by_gain[i]) == pytest.approx((up - down) / (2 * h), abs=1e-4)
        up, down = (efficiency_by_quadrature(g, w + s * h, f, tau) for s in (1, -1))
        assert float(by_width[i]) == pytest.approx((up - down) / (2 * h), abs=1e-4)


def draw(tube, n, seed=5):
    columns = (torch.full((n,), value, dtype=torch.float64) for value in tube)
    return sample_charge(*columns, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("tube", TUBES)
def test_drawn_charges_follow_the_density(tube):
    """Kolmogorov-Smirnov; false alarm 0.001 for each tube."""
    gain, width, fraction, scale = (torch.tensor([v], dtype=torch.float64) for v in tube)
    step = 1 / 512
    charge = torch.arange(step / 2, 30, step, dtype=torch.float64)
    density = single_pe_density(charge, gain, width, charge_shape(fraction, scale)).value[0]
    edges = np.arange(len(charge) + 1) * step
    share = np.concatenate([[0], np.cumsum(density.numpy()) * step])
    drawn = draw(tube, 100_000).numpy()
    assert stats.kstest(drawn, lambda q: np.interp(q, edges, share)).pvalue > 0.001


def test_the_share_of_low_charges_is_the_exponential_fraction():
    """Four binomial standard deviations: false alarm 6e-5."""
    n, fraction = 100_000, 0.2
    drawn = draw((1.0, 0.05, fraction, 0.05), n)
    low = float((drawn < 0.6).double().mean())
    assert abs(low - fraction) < 4 * math.sqrt(fraction * (1 - fraction) / n)


def test_the_same_generator_draws_the_same_charges():
    assert torch.equal(draw(TUBES[0], 1000), draw(TUBES[0], 1000))
    assert not torch.equal(draw(TUBES[0], 1000), draw(TUBES[0], 1000, seed=6))


@pytest.mark.parametrize("tube", TUBES)
def test_classes_of_one_tube_bound_the_ratio_of_two_photoelectrons_to_one(tube):
    classes = classes_of(tube)
    one, two = classes.chance[0, :2]
    ratio = two / one
    for c, value in enumerate(ratio.tolist()):
        if float(one[c]) < 1e-6:
            continue
        assert c == 0 or value >= EDGES[c - 1] * (1 - 1e-6)
        assert c == len(EDGES) or value <= EDGES[c] * (1 + 1e-6)


@pytest.mark.parametrize("tube", TUBES)
def test_chances_of_classes_add_up_to_what_passes(tube):
    """Drawn pulses; five binomial standard deviations of 40,000: false alarm 2e-5 in all."""
    n = 40_000
    chance = classes_of(tube).chance[0].sum(1)
    for n_pe in (1, 2, 5):
        charge = sum(draw(tube, n, seed=seed) for seed in range(n_pe))
        gate = torch.randn(n, generator=torch.Generator().manual_seed(99)) * 0.06 + 0.3
        passed = float((charge > gate).double().mean())
        error = math.sqrt(max(passed * (1 - passed), 1e-4) / n)
        assert float(chance[n_pe - 1]) == pytest.approx(passed, abs=5 * error + 5e-4)


def classes_of(tube):
    gain, width, fraction, scale = (torch.tensor([v], dtype=torch.float64) for v in tube)
    shape = charge_shape(fraction, scale)
    kind, counting = torch.zeros(1, dtype=torch.long), torch.ones(1, dtype=torch.bool)
    return pe_classes(EDGES, gain, width, shape, kind, counting)


def test_a_type_is_the_mean_of_its_counting_tubes():
    gain, width, shape = tubes_as_columns()
    kind = torch.tensor([0, 0, 1, 1])
    counting = torch.tensor([True, True, True, False])
    chance = pe_classes(EDGES, gain, width, shape, kind, counting).chance
    of_tube = torch.stack([classes_of(tube).chance[0] for tube in TUBES])
    torch.testing.assert_close(chance[0], of_tube[:2].mean(0))
    torch.testing.assert_close(chance[1], of_tube[2])


def test_a_hit_belongs_to_the_class_of_its_charge():
    classes = classes_of(TUBES[0])
    charge = torch.tensor([0.0, 1.0, 3.0, 1e4])
    found = classes.of(charge, torch.zeros(4, dtype=torch.long))
    assert found[0] == classes.member[0, 0]
    assert found[1] == classes.member[0, 32]
    assert found[3] == classes.member[0, -1]
    assert found.tolist() == sorted(found.tolist())
