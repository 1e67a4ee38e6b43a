"""Closure: constants that were put in come back, and the table that states them."""

import numpy as np
import pytest
import torch
from fitted_response_toys import CEILING, CPU, flashes, small_detector, task, true_constants
from kzcal_fitted_response.learner import ResponseLearner
from kzcal_fitted_response.payload import response_payload
from kzcal_fitted_response.tubes import LEARNED

from kzcal.conditions.payload import Lineage
from kzcal.conditions.table import read_table, write_table
from kzcal.errors import CalibrationError
from kzcal.learning import TranslatorTask

DETECTOR = small_detector()
CABLE = torch.arange(DETECTOR.n_pmt)
CABLE[[8, 50]] = CABLE[[50, 8]]
TRUTH = true_constants(DETECTOR, cable=CABLE)


@pytest.fixture(scope="module")
def learned():
    learner = ResponseLearner(task(DETECTOR, TRUTH, n_events=5000, mean=80.0), merging_time=12.0)
    losses = [learner.step() for _ in range(9)]
    return learner, losses


def test_constants_come_back_with_the_errors_stated(learned):
    """Pulls of 119 PMTs: mean within 0.5, as populations and shared shapes move them together."""
    learner, _ = learned
    found, errors = learner.constants.tubes, learner.weights()["errors"]
    assert (~found.alive).nonzero().flatten().tolist() == [5]
    assert found.cable.tolist() == CABLE.tolist()
    for name, error in zip(LEARNED, errors, strict=True):
        off = (getattr(found, name) - getattr(TRUTH.tubes, name))[found.alive]
        pulls = off / error[found.alive]
        assert abs(float(pulls.mean())) < 0.6, name
        assert 0.6 < float(pulls.std()) < 1.4, name


def test_agreement_gets_better(learned):
    _, losses = learned
    assert losses[-1]["time"] < 0.2 * losses[0]["time"]
    assert losses[-1]["charge"] < 2.0
    assert losses[-1]["light"] == pytest.approx(1.0, abs=0.01)
    assert losses[-1]["dark"] == pytest.approx(1.0, abs=0.1)


def test_the_table_states_what_was_learned(learned, tmp_path):
    learner, _ = learned
    payload = response_payload(learner.weights(), DETECTOR, Lineage())
    columns = payload.columns
    status = columns["status"].values
    assert np.flatnonzero(status == "dead").tolist() == [5]
    assert np.flatnonzero(status == "swapped").tolist() == [8, 50]
    assert columns["partner"].values[[8, 50]].tolist() == [50, 8]
    good = status == "good"
    for size in (17, 20):
        rows = good & (DETECTOR.diameter_inch == size)
        assert columns["qe"].values[rows].mean() == pytest.approx(1.0)
    assert columns["time_offset"].values[good].mean() == pytest.approx(0.0, abs=1e-9)
    write_table(payload, tmp_path / "table.csv")
    back = read_table(tmp_path / "table.csv")
    np.testing.assert_array_equal(back.columns["gain"].values, columns["gain"].values)


def test_events_without_vertices_are_refused():
    events = flashes(DETECTOR, 0, forced=20)
    with pytest.raises(CalibrationError, match="physics triggers with vertices and hits, got 0"):
        ResponseLearner(
            TranslatorTask(events, events, CEILING, False, DETECTOR, CPU, 1), merging_time=12.0
        )
