"""Delay of small pulses: a planted one is found, and none where there is none."""

import pytest
import torch

from kzcal.calibrate.light_model import first_model
from kzcal.calibrate.occupancy import fit_occupancy
from kzcal.calibrate.survey import survey
from kzcal.calibrate.timing.walk import Walk, measure_walk


@pytest.mark.parametrize(("planted", "seed"), [(0.0, 7), (0.8, 8)])
def test_a_planted_walk_is_found(thin_run, planted, seed):
    """One number each, within 3.5 errors: false alarm 1e-3 in all."""
    run = thin_run(5000, walk=planted, seed=seed)
    look = survey(run.stream)
    model, _ = fit_occupancy(
        run.stream, look, run.counting, first_model(run.stream), look.arrivals, passes=1
    )
    walk = measure_walk(run.stream, look, model, run.counting)
    assert abs(walk.value - planted) < 3.5 * walk.error
    assert walk.error < 0.3


def test_a_delay_is_nought_at_one_photoelectron_and_grows_below():
    nothing = torch.zeros(3)
    walk = Walk(0.5, 0.1, nothing, nothing, nothing)
    delay = walk.of(torch.tensor([0.25, 1.0, 4.0, 0.0]))
    assert delay.tolist()[:3] == pytest.approx([0.5, 0.0, -0.25])
    assert float(delay[3]) == pytest.approx(float(walk.of(torch.tensor([0.05]))))
