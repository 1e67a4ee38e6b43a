"""Laws of histograms that follow the parameters of the light."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kzcal.errors import ConfigurationError
from kzcal.fit.light.sloped import SlopedHistogram
from kzcal.geometry import LightParameters, load_detector
from kzcal.geometry.materials import load_materials
from kzcal.optics.tracer import SLOPES, FullTracer

ANCHOR = LightParameters()


def scalars(**values):
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()}


def filled(n=4000, bins=5, seed=1):
    rng = np.random.default_rng(seed)
    index = torch.from_numpy(rng.integers(0, bins, n))
    weight = torch.from_numpy(rng.random(n))
    slopes = torch.from_numpy(rng.normal(0, 0.3, (n, len(SLOPES))))
    histogram = SlopedHistogram.zeros(bins)
    histogram.add(index[:1000], weight[:1000], slopes[:1000])
    histogram.add(index[1000:], weight[1000:], slopes[1000:])
    return histogram, index, weight, slopes


def test_weights_and_their_squares_are_conserved():
    histogram, _, weight, _ = filled()
    torch.testing.assert_close(histogram.total.sum(), weight.sum())
    torch.testing.assert_close(histogram.squares.sum(), (weight**2).sum())


def test_nothing_moves_where_no_value_does():
    histogram, *_ = filled()
    same = scalars(**{name: getattr(ANCHOR, name) for name in SLOPES}, birks_mm_per_mev=0.2)
    for values in ({}, same):
        torch.testing.assert_close(histogram.expected(values, ANCHOR), histogram.total)


@pytest.mark.parametrize("name", SLOPES)
def test_the_derivative_is_the_mean_slope_of_each_bin(name):
    histogram, index, weight, slopes = filled()

    def log_mean(logarithm):
        values = {name: getattr(ANCHOR, name) * torch.exp(logarithm)}
        return histogram.expected(values, ANCHOR).log()

    derivative = torch.func.jacfwd(log_mean)(torch.zeros((), dtype=torch.float64))
    column = slopes[:, SLOPES.index(name)]
    mean = torch.bincount(index, weight * column) / torch.bincount(index, weight)
    torch.testing.assert_close(derivative, mean)


def test_equal_weights_have_the_variance_of_their_number():
    histogram = SlopedHistogram.zeros(3)
    histogram.add(torch.tensor([0, 0, 0, 0, 1]), torch.full((5,), 0.3), torch.zeros(5, 5))
    wanted = torch.tensor([0.25, 1.0, 0.0], dtype=torch.float64)
    torch.testing.assert_close(histogram.relative_variance, wanted)
    assert torch.isfinite(histogram.expected(scalars(angular_slope=0.1), ANCHOR)).all()


def test_light_without_a_parameter_cannot_be_moved_in_it():
    histogram, *_ = filled()
    dull = replace(ANCHOR, sheet_reflectivity=0.0)
    with pytest.raises(ConfigurationError, match="sheet_reflectivity from a positive value"):
        histogram.expected(scalars(sheet_reflectivity=0.1), dull)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("absorption_scale", 1.1),
        ("pmt_reflectivity", 0.3),
        ("angular_slope", 0.6),
    ],
)
def test_moved_light_is_that_of_another_trace(name, value):
    # By distance and incidence; 24 bins and a false alarm in 10,000 each: chi-square below 62.
    detector, point, n = load_detector(), np.array([[0.0, 5.3, 2.0]]), 900_000

    def histogram(light, seed):
        tracer = FullTracer(replace(detector, light=light), load_materials())
        generator = torch.Generator().manual_seed(seed)
        found = tracer.trace(point, n, generator=generator)
        distance = np.linalg.norm(detector.positions - point, axis=1)
        edges = np.quantile(distance, np.linspace(0, 1, 25)[1:-1])
        index = torch.from_numpy(np.searchsorted(edges, distance)[found.pmt])
        filled = SlopedHistogram.zeros(24)
        weight = torch.full((len(index),), found.weight)
        filled.add(index, weight, torch.from_numpy(found.slopes))
        return filled

    here = histogram(detector.light, 1)
    there = histogram(replace(detector.light, **{name: value}), 2)
    moved = here.expected(scalars(**{name: value}), detector.light)
    variance = moved**2 * here.relative_variance + there.squares
    right, unmoved = (((x - there.total) ** 2 / variance).sum() for x in (moved, here.total))
    assert float(right) < 62
    assert float(unmoved - right) > 20
