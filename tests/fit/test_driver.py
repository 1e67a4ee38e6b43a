"""The turns of the two levels, with stages that cost nothing and whose answers are known."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from kzcal.errors import CalibrationError
from kzcal.fit import driver
from kzcal.fit.config import FitConfig
from kzcal.fit.driver import SAME_LOSSES, fit_run
from kzcal.fit.gathering import Gathered
from kzcal.fit.objective import FitObjective
from kzcal.fit.terms import Expectation

TRUTH = {"absorption_scale": 1.15, "vertex_resolution": 0.16}
CPU = torch.device("cpu")
CONFIG = FitConfig(
    fit=tuple(TRUTH),
    parameters={"vertex_resolution": {"prior": []}},
    rounds=8,
)


@dataclass(frozen=True)
class Near:
    """Counts that follow a parameter to first order about an anchor, as traced light does.

    What the calibration took the vertex resolution for shifts the other parameter a little: the
    two levels need each other.
    """

    anchor: float
    taken: float
    counts: torch.Tensor
    name: str = "near"

    def expected(self, values):
        at = torch.tensor(self.anchor, dtype=torch.float64)
        light = torch.exp(at**2 + 2 * at * (values["absorption_scale"] - at) - at**2)
        first = 1e4 * torch.exp(at**2) * light * (1 + 0.5 * (self.taken - 0.16))
        second = 1e5 * values["vertex_resolution"]
        mean = torch.stack([first, second])
        return Expectation(mean, torch.zeros(2, dtype=torch.float64))


@pytest.fixture
def stages(monkeypatch):
    """Calibrations that were asked for, and anchors that light was traced at."""
    seen = SimpleNamespace(calibrations=[], anchors=[], lost=[])
    counts = torch.tensor([1e4 * np.exp(1.15**2), 1.6e4], dtype=torch.float64)

    def calibrate(source, detector, config, *, samples, device, advance):
        seen.calibrations.append(config.vertex_resolution)
        return SimpleNamespace(taken=config.vertex_resolution)

    class Run:
        @staticmethod
        def of(source, result, detector, materials, config, *, device):
            return SimpleNamespace(result=result, detector=detector)

    def gather(run, nominal, config, *, values, lost, advance):
        anchor = run.detector.light.absorption_scale
        seen.anchors.append(anchor)
        seen.lost.append((lost, run.result.taken))
        term = Near(anchor, run.result.taken, counts)
        return Gathered((term,), lost or SimpleNamespace(taken=run.result.taken))

    monkeypatch.setattr(driver, "calibrate_run", calibrate)
    monkeypatch.setattr(driver, "CalibratedRun", Run)
    monkeypatch.setattr(driver, "gather", gather)
    return seen


def fit(config=CONFIG, **more):
    return fit_run(SimpleNamespace(n_hits=1), config, samples={}, device=CPU, **more)


def best(found):
    return {p.name: p.start for p in found.parameters.free}


def test_both_levels_end_where_nothing_moves(stages):
    found = fit()
    assert found.settled
    assert len(found.rounds) > 2
    assert best(found) == pytest.approx(TRUTH, rel=2e-3)
    assert found.result.taken == pytest.approx(0.16, rel=2e-3)
    assert len(stages.anchors) == len(found.rounds)


def test_lost_light_is_kept_once_little_moves(stages):
    found = fit(replace(CONFIG, fit=("absorption_scale",), settled=1e-3))
    moved = [r.moved for r in found.rounds]
    kept = [lost is not None for lost, _ in stages.lost]
    assert kept == [False, *(m <= SAME_LOSSES for m in moved[:-1])]
    assert True in kept
    assert False in kept[1:]


def test_lost_light_is_that_of_the_calibration(stages):
    fit(replace(CONFIG, settled=1e-3))
    assert len(set(stages.calibrations)) > 1
    kept = [(lost.taken, taken) for lost, taken in stages.lost if lost is not None]
    assert kept
    assert all(then == now for then, now in kept)


def test_every_start_ends_at_the_same_point(stages):
    ends = []
    for start in (0.8, 1.0, 1.6):
        wanted = {**CONFIG.parameters, "absorption_scale": {"start": start}}
        ends.append(fit(replace(CONFIG, parameters=wanted)))
    values = np.array([end.minimum.values for end in ends])
    sigma = np.sqrt(np.diag(ends[0].minimum.covariance))
    assert (np.ptp(values, axis=0) < CONFIG.settled * sigma).all()


@dataclass(frozen=True)
class TwoValleys:
    """Counts that a scale of 0.75 explains a little and one of 1.25 wholly."""

    counts: torch.Tensor
    name: str = "valleys"

    def expected(self, values):
        x = values["absorption_scale"]
        deep = torch.exp(-(((x - 1.25) / 0.1) ** 2))
        shallow = 0.5 * torch.exp(-(((x - 0.75) / 0.1) ** 2))
        mean = 1e4 * (1 + 0.1 * (deep + shallow))[None]
        return Expectation(mean, torch.zeros(1, dtype=torch.float64))


def test_a_turn_that_went_astray_does_not_decide():
    counts = torch.tensor([1.1e4], dtype=torch.float64)
    config = FitConfig(fit=("absorption_scale",))
    detector, _ = config.open_detector()
    begun = config.parameter_set(detector).starting_at({"absorption_scale": 1.2})
    astray = begun.starting_at({"absorption_scale": 0.76})
    objective = FitObjective((TwoValleys(counts),), begun.free, begun.fixed)
    stuck = driver.lowest(objective, astray, astray, seed=1)
    assert stuck.values == pytest.approx([0.75], abs=0.01)
    found = driver.lowest(objective, astray, begun, seed=1)
    assert found.values == pytest.approx([1.25], abs=0.02)
    assert found.objective < stuck.objective - 10


def test_a_calibration_from_before_is_taken_and_then_replaced(stages):
    found = fit(result=SimpleNamespace(taken=0.30))
    assert best(found) == pytest.approx(TRUTH, rel=2e-3)
    assert stages.calibrations[0] == pytest.approx(0.16, rel=0.01)


def test_too_few_rounds_are_said(stages):
    found = fit(replace(CONFIG, rounds=1))
    assert not found.settled
    assert len(found.rounds) == 1


def test_the_fitter_has_the_last_word(stages):
    class Shifted:
        def minimise(self, objective, parameters, *, seed, effort):
            centre = driver.Newton().minimise(objective, parameters, seed=seed)
            return replace(centre, values=centre.values + 1e-4, n_calls=77)

    found = fit(fitter=Shifted())
    assert found.minimum.n_calls == 77
    assert best(found) == pytest.approx(
        dict(zip(TRUTH, found.minimum.values, strict=True)), abs=1e-12
    )


def test_a_parameter_that_nothing_tells_is_named(stages):
    config = replace(CONFIG, fit=(*TRUTH, "late_delay"), parameters={"late_delay": {"prior": []}})
    with pytest.raises(CalibrationError, match="late_delay"):
        fit(config)
