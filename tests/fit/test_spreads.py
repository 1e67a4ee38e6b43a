"""Spreads of single PMTs with the means of a global fit."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from kzcal.calibrate.timing.fit import TimingResult
from kzcal.calibrate.timing.simple import SimpleLight
from kzcal.fit.spreads import with_fitted_spreads
from kzcal.parts import Minimum

KIND = torch.tensor([0, 0, 0, 1, 1])
WEIGHT = torch.tensor([1.0, 1.0, 0.0, 1.0, 1.0])
TTS = torch.tensor([1.2, 1.4, 1.3, 2.4, 2.7])
MEAN = torch.tensor([1.3, 2.55], dtype=torch.float64)
COVARIANCE = 1e-4 * torch.tensor([[4.0, 1, 2], [1, 9, 3], [2, 3, 16]], dtype=torch.float64)


@dataclass(frozen=True)
class Result:
    """As much of a calibration as spreads need."""

    timing: TimingResult


def calibrated(device="cpu"):
    tts, mean, covariance = (column.to(device) for column in (TTS, MEAN, COVARIANCE))
    nothing = torch.zeros(5, 1, device=device)
    simple = SimpleLight(mean, 1.0, torch.zeros(3), 0.005, torch.zeros(2, 2), covariance)
    alone = tts.double() + 0.1, torch.ones(5, dtype=torch.float64, device=device)
    return TimingResult(nothing[:, 0], tts, nothing, simple, nothing, nothing, alone)


def fitted(names, values, covariance, device="cpu"):
    """The timing after a fit of these parameters."""
    stream = SimpleNamespace(detector=SimpleNamespace(kind=KIND.to(device)))
    result = Result(calibrated(device))
    run = SimpleNamespace(result=result, stream=stream, weight=WEIGHT.to(device))
    free = SimpleNamespace(free=[SimpleNamespace(name=name) for name in names])
    minimum = Minimum(np.array(values), np.array(covariance), 0.0, 1)
    return with_fitted_spreads(minimum, free, run).timing


def test_spreads_of_a_type_move_alike_by_the_variance_of_the_mean():
    names = ("tts_mean_20", "light_yield", "tts_mean_17")
    timing = fitted(names, (2.6, 1.0, 1.2), np.diag([0.02, 0.01, 0.03]) ** 2)
    move = timing.tts - TTS
    assert move[:3].tolist() == pytest.approx([float(move[0])] * 3, abs=1e-6)
    for rows, before, after in ((KIND.eq(0) & WEIGHT.gt(0), 1.3, 1.2), (KIND.eq(1), 2.55, 2.6)):
        mean = float(timing.tts[rows].mean()) ** 2 - float(TTS[rows].mean()) ** 2
        assert mean == pytest.approx(after**2 - before**2, abs=1e-5)
    alone = timing.tts_alone[0] - TTS
    assert alone.tolist() == pytest.approx((move + 0.1).tolist(), abs=1e-6)
    assert timing.simple.tts.tolist() == pytest.approx([1.2, 2.6])


def test_errors_of_the_means_are_those_of_the_fit():
    """In logarithms, and without the calibration's covariance with decay times."""
    covariance = [[4e-4, 1e-4], [1e-4, 9e-4]]
    timing = fitted(("tts_mean_17", "tts_mean_20"), (1.2, 2.6), covariance)
    wanted = np.array(covariance) / np.outer([1.2, 2.6], [1.2, 2.6])
    assert timing.simple.covariance[:2, :2].numpy() == pytest.approx(wanted)
    assert timing.simple.covariance[2].tolist() == pytest.approx([0, 0, 16e-4])
    assert torch.equal(calibrated().simple.covariance, COVARIANCE)


def test_a_mean_that_is_not_free_stays():
    timing = fitted(("tts_mean_20",), (2.6,), [[4e-4]])
    assert torch.equal(timing.tts[:3], TTS[:3])
    assert timing.simple.covariance[0, 0] == COVARIANCE[0, 0]
    assert torch.equal(fitted(("light_yield",), (1.0,), [[1e-4]]).tts, TTS)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_devices_agree():
    free = ("tts_mean_17", "tts_mean_20"), (1.2, 2.6), [[4e-4, 1e-4], [1e-4, 9e-4]]
    here, there = fitted(*free), fitted(*free, device="cuda")
    torch.testing.assert_close(there.tts.cpu(), here.tts)
    torch.testing.assert_close(there.simple.covariance.cpu(), here.simple.covariance)
