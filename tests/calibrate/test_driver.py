"""The whole calibration of a simulated period: verdicts, pulls, and the same on CPU and GPU."""

import numpy as np
import pytest
import torch

from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.driver import FEWEST_EVENTS, calibrate_run
from kzcal.errors import CalibrationError
from kzcal.geometry import load_detector
from kzcal.hits import Events, Hits, RunHeader
from kzcal.io.events import open_events
from kzcal.io.memory import MemorySource

DETECTOR = load_detector()


def calibrated(path, device):
    with open_events(path, DETECTOR) as source:
        return calibrate_run(
            source,
            DETECTOR,
            CalibrationConfig(),
            samples={},
            device=torch.device(device),
            advance=lambda _: None,
        )


@pytest.fixture(scope="module")
def on_cpu(demo_result):
    return demo_result


@pytest.mark.slow
def test_every_bad_channel_is_found_and_no_good_one_is_lost(on_cpu, demo_period):
    truth = demo_period[1]
    assert on_cpu.status.status.tolist() == truth.status.tolist()
    one, other = np.flatnonzero(truth.status == "swapped")
    assert on_cpu.cabling.exchanged == ((one, other),)
    assert on_cpu.status.partner[[one, other]].tolist() == [other, one]


@pytest.mark.slow
def test_efficiencies_offsets_and_dark_rates_have_pulls_of_width_one(on_cpu, demo_period):
    """1,831 PMTs: widths within 0.1 (six errors), means within 4.5 errors: 3e-5 in all."""
    truth = demo_period[1]
    good = truth.status == "good"
    qe = truth.qe.copy()
    for diameter in (17, 20):
        rows = DETECTOR.diameter_inch == diameter
        qe[rows] /= qe[rows & good].mean()
    error = on_cpu.timing.covariance[:, 0, 0].sqrt()
    pairs = {
        "qe": (on_cpu.qe, on_cpu.qe_error, qe),
        "offset": (
            on_cpu.timing.offset,
            error,
            truth.time_offset - truth.time_offset[good].mean(),
        ),
    }
    for name, (value, sigma, true) in pairs.items():
        pull = ((value.numpy() - true) / sigma.numpy())[good]
        assert 0.9 < pull.std() < 1.1, name
        assert abs(pull.mean()) < 4.5 / np.sqrt(len(pull)), name


@pytest.mark.slow
def test_what_is_dead_has_no_constants_and_what_is_good_has_all(on_cpu, demo_period):
    status = demo_period[1].status
    columns = (on_cpu.qe, on_cpu.qe_error, on_cpu.charge.gain, on_cpu.charge.width)
    for column in columns:
        assert np.isfinite(column.numpy()[status == "good"]).all()
        assert np.isnan(column.numpy()[status == "dead"]).all()


@pytest.mark.cuda
@pytest.mark.slow
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, none is there")
def test_the_gpu_finds_what_the_cpu_finds(on_cpu, demo_period):
    """Constants agree within a twentieth of their errors, verdicts exactly."""
    on_gpu = calibrated(demo_period[0], "cuda")
    assert on_gpu.status.status.tolist() == on_cpu.status.status.tolist()
    charge, timing = (
        part.covariance.diagonal(dim1=1, dim2=2).sqrt() for part in (on_cpu.charge, on_cpu.timing)
    )
    pairs = [
        (on_gpu.qe, on_cpu.qe, on_cpu.qe_error),
        (on_gpu.charge.gain, on_cpu.charge.gain, charge[:, 0]),
        (on_gpu.charge.width, on_cpu.charge.width, charge[:, 1]),
        (on_gpu.timing.offset, on_cpu.timing.offset, timing[:, 0]),
        (on_gpu.timing.tts, on_cpu.timing.tts, timing[:, 1]),
        (on_gpu.survey.dark.rate, on_cpu.survey.dark.rate, on_cpu.survey.dark.error),
    ]
    good = torch.from_numpy(on_cpu.status.good)
    for gpu, cpu, error in pairs:
        assert float(((gpu.cpu() - cpu) / error)[good].abs().max()) < 0.05


def test_a_run_of_too_few_events_is_refused_with_their_number(tmp_path):
    n = FEWEST_EVENTS - 1
    none = Hits(np.zeros(n + 1, np.int64), *(np.zeros(0, t) for t in ("u2", "f4", "f4")))
    zeros = np.zeros(n, np.float32)
    events = Events(
        np.arange(n),
        np.arange(n),
        np.zeros(n, np.uint8),
        np.zeros((n, 3), np.float32),
        zeros + 1,
        zeros,
        none,
    )
    source = MemorySource(tmp_path / "few.h5", events, RunHeader(12, DETECTOR.name))
    with pytest.raises(CalibrationError, match=rf"needs {FEWEST_EVENTS}.*got {n} \(run 12\)"):
        calibrate_run(
            source,
            DETECTOR,
            CalibrationConfig(),
            samples={},
            device=torch.device("cpu"),
            advance=lambda _: None,
        )
