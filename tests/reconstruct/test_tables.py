"""What the tables say of times and charges is what goes into them."""

import math

import numpy as np
import pytest
import torch

from kzcal.reconstruct.charge_table import CHARGE_STEP, ChargeTable
from kzcal.reconstruct.time_table import FIRST, N_BINS, STEP, TimeTable, frequencies
from kzcal.reconstruct.tubes import Tubes, mean_charge, transit_transform
from kzcal.response.charge import single_pe_density
from kzcal.response.timing import ELECTRON_PROFILE


@pytest.fixture(scope="module")
def tubes(response, light_map):
    return Tubes.of(response, light_map.kind)


@pytest.fixture(scope="module")
def times(light_map, response, tubes):
    transit = transit_transform(response, tubes, frequencies(torch.device("cpu")))
    return TimeTable.build(
        light_map, transit, ELECTRON_PROFILE, decay_scale=1.0, rise_time=0.8, merging_time=12.0
    )


def look_up(times, residual, kind=0):
    n = len(residual)
    index = torch.zeros(n, dtype=torch.long)
    share = torch.full((n,), 0.3)
    return times.of(residual, index + kind, (index + 2, share), (index + 5, share))


def test_a_time_density_adds_to_one_and_has_the_mean_of_its_parts(times):
    """Delay of 1 ns, rise of 0.8 ns, scintillation, 4 % late by 50 ns, 0.5 % early by 17.5."""
    residual = FIRST + STEP * (torch.arange(N_BINS) + 0.5)
    density = look_up(times, residual).density.double()
    assert float(density.sum()) * STEP == pytest.approx(1, abs=5e-3)
    decay = sum(w * tau for w, tau in ELECTRON_PROFILE)
    expected = 1.0 + 0.8 + decay + 0.04 * 50 - 0.005 * 17.5
    mean = float((density * residual).sum() / density.sum())
    assert mean == pytest.approx(expected, abs=0.35)


def test_shares_ahead_and_behind_are_integrals_of_the_density(times):
    residual = torch.tensor([0.0, 5.0, 20.0, 60.0])
    fine = torch.arange(0, 12, 0.05)
    arrival = look_up(times, residual)
    for sign, found in ((1, arrival.ahead), (-1, arrival.behind)):
        for row, at in enumerate(residual.tolist()):
            expected = float(look_up(times, at + sign * fine).density.mean()) * 12
            assert float(found[row]) == pytest.approx(expected, abs=4e-3)


def test_slopes_in_time_are_those_of_the_values(times):
    at = torch.linspace(-10, 80, 91) + 0.1
    here, there = look_up(times, at), look_up(times, at + 0.05)
    for name in ("density", "ahead", "behind"):
        slope = (getattr(there, name) - getattr(here, name)) / 0.05
        torch.testing.assert_close(slope, getattr(here, f"{name}_slope"), rtol=0.01, atol=2e-5)


def test_the_larger_type_smears_times_more(times):
    residual = FIRST + STEP * (torch.arange(N_BINS) + 0.5)
    small, large = (look_up(times, residual, kind).density.max() for kind in (0, 1))
    assert float(large) < 0.95 * float(small)


def test_charges_of_lone_photoelectrons_have_the_single_pe_density(response, tubes):
    width, shape = mean_charge(response, tubes)
    table = ChargeTable.build(width, shape, torch.device("cpu"))
    charge = CHARGE_STEP * torch.arange(4, 40)
    expected = single_pe_density(charge, torch.ones(2), width, shape).value
    for kind in (0, 1):
        found, _ = table.of(charge, torch.full((36,), kind), torch.zeros(36))
        torch.testing.assert_close(found, expected[kind].log(), rtol=0, atol=0.02)


def test_charge_densities_add_to_one_and_have_the_mean_of_all_photoelectrons(response, tubes):
    width, shape = mean_charge(response, tubes)
    table = ChargeTable.build(width, shape, torch.device("cpu"))
    charge = CHARGE_STEP * torch.arange(1024)
    for more in (0.0, 0.5, 3.0, 20.0):
        log, _ = table.of(charge, torch.zeros(1024).long(), torch.full((1024,), more))
        density = np.exp(log.double().numpy())
        assert density.sum() * CHARGE_STEP == pytest.approx(1, abs=0.05)
        fraction = float(shape.exponential_fraction[0])
        mean = 1 - fraction * (1 - float(shape.exponential_scale[0]))
        found = (density * charge.numpy()).sum() / density.sum()
        assert found == pytest.approx((1 + more) * mean, rel=0.04)


def test_the_slope_by_expected_photoelectrons_is_that_of_the_value(response, tubes):
    width, shape = mean_charge(response, tubes)
    table = ChargeTable.build(width, shape, torch.device("cpu"))
    charge = torch.tensor([0.5, 1.0, 2.0, 4.0])
    kind = torch.zeros(4).long()
    for more in (0.1, 1.0, 4.0):
        step = 0.1 * (more + 0.2)
        ends = [table.of(charge, kind, torch.full((4,), more + s * step))[0] for s in (-1, 1)]
        _, slope = table.of(charge, kind, torch.full((4,), more))
        torch.testing.assert_close((ends[1] - ends[0]) / (2 * step), slope, rtol=0.1, atol=0.03)


def test_constants_are_sorted_by_place(response, tubes):
    assert tubes.place[[11, 700]].tolist() == [700, 11]
    assert float(tubes.gain[11]) == float(response.gain[700])
    assert float(tubes.efficiency[30]) == 0
    assert math.isclose(float(tubes.seen.mean()), 0.9, abs_tol=0.05)
