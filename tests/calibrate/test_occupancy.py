"""Efficiencies from hit counts: known ones come back with the errors that they say."""

import math

import pytest
import torch

from kzcal.calibrate.light_model import first_model
from kzcal.calibrate.occupancy import fit_occupancy, normalised, occupancy_by_distance
from kzcal.calibrate.survey import survey


@pytest.fixture(scope="module")
def fitted(thin_run):
    """A run, its first look, light model and sums."""
    run = thin_run(5000, seed=4)
    look = survey(run.stream)
    model, sums = fit_occupancy(
        run.stream, look, run.counting, first_model(run.stream), look.arrivals, passes=3
    )
    return run, look, model, sums


def test_efficiencies_have_pulls_of_width_one(fitted):
    """269 pulls: mean within 4 errors, width within 3.3 errors of one: 1e-3 in all."""
    run, _, model, sums = fitted
    true = normalised(run.efficiency, run.counting, run.stream.detector.kind)
    error = model.efficiency * sums.raw.sqrt() / sums.counted
    pull = (model.efficiency - true) / error
    assert float(error.mean()) < 0.03
    assert abs(float(pull.mean())) < 4 / math.sqrt(269)
    assert abs(float(pull.std()) - 1) < 3.3 / math.sqrt(538)


def test_what_is_expected_is_what_was_counted(fitted):
    _, _, model, sums = fitted
    assert float(sums.expected @ model.efficiency) == pytest.approx(
        float(sums.counted.sum()), rel=0.01
    )
    assert float(sums.raw.sum()) > float(sums.counted.sum()) > 0.9 * float(sums.raw.sum())


def test_cells_hold_what_pmts_hold(fitted):
    _, _, _, sums = fitted
    assert float(sums.cell_counted.sum()) == pytest.approx(float(sums.counted.sum()), rel=1e-4)


def test_light_follows_energy(fitted):
    run, _, model, _ = fitted
    used = run.stream.events.used
    ratio = model.light[used] / run.stream.events.energy[used]
    assert float(ratio.std() / ratio.mean()) < 0.2
    assert float(model.light[~used].abs().max()) == 0.0


def test_means_of_each_type_are_one(fitted):
    run, _, model, _ = fitted
    for kind in (0, 1):
        rows = run.stream.detector.kind == kind
        assert float(model.efficiency[rows].mean()) == pytest.approx(1, abs=1e-5)


def test_normalising_leaves_out_those_who_do_not_count():
    values, kind = torch.tensor([1.0, 3.0, 100.0, 5.0]), torch.tensor([0, 0, 0, 1])
    counting = torch.tensor([True, True, False, True])
    assert normalised(values, counting, kind).tolist() == [0.5, 1.5, 50.0, 1.0]


def test_hits_by_distance_add_up_and_agree_with_the_model(fitted):
    """Chi-square over 269 PMTs and 12 distances, mean within 5 errors of one."""
    run, look, model, sums = fitted
    counted, expected = occupancy_by_distance(run.stream, look, model, look.arrivals)
    torch.testing.assert_close(counted.sum(1), sums.raw)
    many = expected > 20
    chi_square = ((counted - expected) ** 2 / expected)[many]
    assert abs(float(chi_square.mean()) - 1) < 5 * math.sqrt(2 / len(chi_square))
