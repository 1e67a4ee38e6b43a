"""Grids, scoring, cables and readout."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fitted_response_toys import CPU, flashes, small_detector, true_constants
from kzcal_fitted_response.cables import exchanged
from kzcal_fitted_response.constants import Constants
from kzcal_fitted_response.grids import (
    core_edges,
    drawn,
    interpolated,
    normal_density,
    share_below,
    standardised,
)
from kzcal_fitted_response.readout import read_out
from kzcal_fitted_response.scoring import score_step
from kzcal_fitted_response.statistics import medians
from kzcal_fitted_response.translator import translated


def test_numbers_drawn_are_the_quantiles_of_the_density():
    uniform = torch.linspace(0.01, 0.99, 99)
    values = drawn(normal_density(1), core_edges(CPU), torch.zeros(99, dtype=torch.long), uniform)
    expected = torch.special.ndtri(uniform.double())
    assert torch.allclose(values.double(), expected, atol=0.01)
    back = share_below(
        normal_density(1), core_edges(CPU), torch.zeros(99, dtype=torch.long), values
    )
    assert torch.allclose(back, uniform, atol=1e-5)


def test_a_standardised_density_has_no_location_and_width_of_its_own():
    edges = core_edges(CPU)
    centre = (edges[1:] + edges[:-1]) / 2
    normal = normal_density(1)
    moved = torch.exp(-0.5 * ((centre - 0.7) / 0.8) ** 2)[None]
    tailed = 0.9 * normal + 0.1 * torch.exp(-((centre + 3) ** 2))[None] / 14
    once = standardised(tailed)
    for found, expected in (
        (standardised(normal), normal),
        (standardised(moved / moved.sum()), normal),
        (standardised(once), once),
    ):
        assert torch.allclose(found.cumsum(1), expected.cumsum(1), atol=2e-3)
    assert float((once[0] * centre).sum()) < -0.2


def test_tables_are_met_at_their_nodes_and_constant_beyond():
    nodes, table = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([[3.0, 5.0, 1.0]])
    value = torch.tensor([0.0, 1.0, 1.5, 2.0, 3.0, 4.0, 9.0])
    found = interpolated(table, nodes, torch.zeros(7, dtype=torch.long), value)
    assert found.tolist() == [3.0, 3.0, 4.0, 5.0, 3.0, 1.0, 1.0]


def test_medians_by_group():
    value = torch.tensor([5.0, 1.0, 3.0, 8.0, 2.0])
    found = medians(value, torch.tensor([0, 0, 0, 2, 2]), 3)
    assert found[0] == 3.0
    assert torch.isnan(found[1])
    assert found[2] in (2.0, 8.0)


def test_a_step_of_scoring_has_the_pulls_that_it_states():
    """Shifts of a Gaussian, estimated from histograms of 400 counts against 800 others."""
    generator = torch.Generator().manual_seed(4)
    edges = torch.linspace(-4, 4, 41)
    n, shift = 400, 0.05

    def histogram(mean, counts):
        values = mean + torch.randn((n, counts), generator=generator)
        column = torch.bucketize(values, edges[1:-1])
        return torch.stack([torch.bincount(row, minlength=40) for row in column]).double()

    below = torch.special.ndtr(edges.double())
    share = below.diff() / below.diff().sum()
    density = torch.exp(-0.5 * edges.double() ** 2) / np.sqrt(2 * np.pi)
    slope = -density.diff()
    both = share.expand(n, -1), slope.expand(n, 1, -1)
    step = score_step(histogram(shift, 400), histogram(0.0, 800), *both)
    pulls = (step.delta[:, 0] - shift) / step.variance[:, 0].sqrt()
    assert abs(float(pulls.mean())) < 4 / np.sqrt(n)
    assert 0.85 < float(pulls.std()) < 1.15


def test_a_histogram_without_slopes_gives_a_finite_step():
    zero = torch.zeros(3, 2, 5, dtype=torch.float64)
    share, counts = torch.full((3, 5), 0.2).double(), torch.ones(3, 5).double()
    step = score_step(counts, counts, share, zero)
    assert torch.isfinite(step.delta).all()


@pytest.mark.parametrize("pairs", [[], [(2, 90)], [(2, 90), (30, 50)]])
def test_exchanged_cables_are_found(pairs):
    detector = small_detector()
    light, other = (flashes(detector, 2000, 240.0, seed=seed) for seed in (1, 2))
    cable = np.arange(detector.n_pmt)
    for a, b in pairs:
        cable[a], cable[b] = b, a

    def rows(events, names):
        pmt = torch.from_numpy(names[events.hits.pmt].astype(np.int64))
        return pmt, torch.from_numpy(events.vertex[events.hits.event_index])

    found = exchanged(rows(other, cable), rows(light, np.arange(len(cable))), len(cable))
    assert found.tolist() == cable.tolist()


def test_steps_and_windows_are_read_off_the_data():
    detector = small_detector()
    constants = true_constants(detector)
    coarse = replace(
        constants.readout, time_step=torch.tensor(0.125), charge_step=torch.tensor(1 / 64)
    )
    events = translated(
        replace(constants, readout=coarse),
        flashes(detector, 100),
        detector,
        generator=np.random.default_rng(1),
    )
    nominal = Constants.nominal(detector, 1.0, 12.0, CPU).readout
    found = read_out(nominal, events)
    assert (float(found.time_step), float(found.charge_step)) == (0.125, 1 / 64)
    assert torch.allclose(found.forced_window, nominal.forced_window, atol=20.0)
    fine = replace(events, hits=replace(events.hits, time=events.hits.time + np.float32(0.01)))
    assert float(read_out(nominal, fine).time_step) == 0.0
