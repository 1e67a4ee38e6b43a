"""Closure: constants that were put in come back, and the table that states them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fitted_response_toys import CEILING, CPU, flashes, small_detector, task, true_constants
from kzcal_fitted_response.learner import ResponseLearner
from kzcal_fitted_response.payload import response_payload
from kzcal_fitted_response.tubes import LEARNED

from kzcal.conditions.payload import Lineage
from kzcal.conditions.table import read_table, write_table
from kzcal.errors import CalibrationError, ConfigurationError
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
    """Pulls of 119 PMTs: mean within 0.6, as populations and shared shapes move them together."""
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


@pytest.mark.parametrize("turns", [0, 1])
def test_nothing_is_known_before_the_first_estimate(turns):
    """The first turn brings medians together; only the second estimates constants and errors."""
    learner = ResponseLearner(task(DETECTOR, TRUTH, n_events=300))
    for _ in range(turns):
        learner.step()
    columns = response_payload(learner.weights(), DETECTOR, Lineage()).columns
    assert set(columns["status"].values) == ({"low"} if turns == 0 else {"low", "dead"})
    for name in LEARNED:
        assert np.isnan(columns[name].values).all(), name
        assert np.isnan(columns[name].errors).all(), name


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_side_without_energies_is_refused(side):
    whole = task(DETECTOR, TRUTH, n_events=50)
    events = getattr(whole, side)
    blank = replace(events, energy=np.full_like(events.energy, np.nan))
    with pytest.raises(CalibrationError, match=f"energies .* got none in the {side}"):
        ResponseLearner(replace(whole, **{side: blank}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("merging_time", -5.0),
        ("merging_time", np.nan),
        ("merging_time", 501.0),
        ("densities_from", -1.0),
        ("densities_from", np.nan),
        ("densities_from", np.inf),
    ],
)
def test_options_beyond_their_range_are_refused(name, value):
    whole = task(DETECTOR, TRUTH, n_events=20)
    with pytest.raises(ConfigurationError, match=f"{name} .* got {value}"):
        ResponseLearner(whole, **{name: value})


def test_the_ends_of_the_ranges_train():
    learner = ResponseLearner(
        task(DETECTOR, TRUTH, n_events=50), merging_time=0.0, densities_from=0.0
    )
    for _ in range(2):
        learner.step()
    assert float(learner.constants.readout.merging_time) == 0.0
