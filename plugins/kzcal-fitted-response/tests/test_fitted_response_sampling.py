"""The sampler against the response of kzcal itself, and its limits."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fitted_response_toys import CEILING, CPU, flashes, small_detector, true_constants
from kzcal_fitted_response.constants import Constants, kind_of
from kzcal_fitted_response.draws import EventTable, light_of, windows_of
from kzcal_fitted_response.grids import NO_DELAY, SIGHT_NODES
from kzcal_fitted_response.translator import FittedTranslator, translated

from kzcal.errors import ConfigurationError
from kzcal.learning import Trained
from kzcal.response.charge import ChargeShape
from kzcal.response.detector import DetectorResponse

DETECTOR = small_detector()


def prompt(constants):
    """The constants without further delays."""
    delay = torch.zeros_like(constants.shapes.delay)
    delay[:, NO_DELAY] = 1.0
    return replace(constants, shapes=replace(constants.shapes, delay=delay))


def hits_of(constants, events, seed=1):
    return translated(constants, events, DETECTOR, generator=np.random.default_rng(seed)).hits


def test_it_reports_what_the_detector_response_reports():
    """Rates, charges and times within four standard deviations: false alarms 1 in 3000."""
    constants, events = prompt(true_constants(DETECTOR)), flashes(DETECTOR, 3000)
    tubes, shapes, kind = (
        constants.tubes,
        constants.shapes,
        kind_of(DETECTOR, constants.tubes.cable),
    )
    shape = ChargeShape(
        *(
            getattr(shapes, n)[kind]
            for n in ("low_share", "low_scale", "threshold", "threshold_width")
        )
    )
    names = ("gain", "spe_width", "time_offset", "tts", "dark_rate", "alive", "qe")
    response = DetectorResponse(
        **{n: getattr(tubes, n) for n in names},
        shape=shape,
        walk=torch.tensor([1.0, 1.6])[kind],
        late_share=0.0,
        saturation=float(constants.readout.saturation),
    )
    table, light = EventTable.of(events, CPU), light_of(events, CPU)
    window = windows_of(table, constants.readout.physics_window, constants.readout.forced_window)
    generator = torch.Generator().manual_seed(1)
    theirs = response.sample(light, window, ceiling=CEILING, generator=generator)
    ours = hits_of(constants, events)
    n = DETECTOR.n_pmt
    counts = [np.bincount(h.pmt, minlength=n) for h in (ours, theirs)]
    pulls = (counts[0] - counts[1]) / np.sqrt(np.maximum(counts[0] + counts[1], 1))
    assert abs(pulls.mean()) < 4 / np.sqrt(n)
    assert 0.7 < pulls.std() < 1.3
    for mine, other in ((ours.charge, theirs.charge), (ours.time, theirs.time)):
        for power in (1, 2):
            a, b = (np.asarray(v, np.float64) ** power for v in (mine, other))
            error = np.sqrt(a.var() / len(a) + b.var() / len(b))
            assert abs(a.mean() - b.mean()) < 4 * error


def test_pmts_without_efficiency_and_rate_report_nothing():
    constants = true_constants(DETECTOR)
    silent = replace(
        constants.tubes,
        qe=torch.zeros(DETECTOR.n_pmt),
        dark_rate=torch.zeros(DETECTOR.n_pmt),
    )
    assert len(hits_of(replace(constants, tubes=silent), flashes(DETECTOR, 50)).pmt) == 0


def test_without_noise_every_photoelectron_is_reported_once_in_time():
    """Zero spread, full efficiency, no threshold: times of hits are those of first photons."""
    constants = prompt(Constants.nominal(DETECTOR, 1.0, 12.0, CPU))
    tubes, shapes = constants.tubes, constants.shapes
    n = DETECTOR.n_pmt
    quiet = replace(
        tubes, tts=torch.zeros(n), dark_rate=torch.zeros(n), spe_width=torch.full((n,), 0.01)
    )
    plain = replace(
        shapes,
        low_share=torch.zeros(2),
        threshold=torch.zeros(2),
        walk=torch.zeros_like(shapes.walk),
    )
    readout = replace(constants.readout, saturation=torch.tensor(torch.inf))
    events = flashes(DETECTOR, 100)
    found = hits_of(Constants(quiet, plain, readout), events)
    assert found.charge.sum() == pytest.approx(len(events.hits.pmt), rel=1e-3)
    assert np.isin(found.time, events.hits.time).all()


def test_exchanged_cables_exchange_hits():
    cable = torch.arange(DETECTOR.n_pmt)
    cable[3], cable[40] = 40, 3
    constants = true_constants(DETECTOR, dead=())
    bright = replace(
        constants.tubes, qe=torch.zeros(DETECTOR.n_pmt), dark_rate=torch.zeros(DETECTOR.n_pmt)
    )
    bright.qe[40] = 1.0
    there = replace(constants, tubes=replace(bright, cable=cable))
    events = flashes(DETECTOR, 200)
    only = replace(events, hits=events.hits.where(events.hits.pmt == 3))
    assert (hits_of(there, only).pmt == 40).all()
    assert len(hits_of(there, only).pmt) > 0


def test_the_factor_by_distance_thins_light_alone():
    constants, events = true_constants(DETECTOR, dead=()), flashes(DETECTOR, 300)
    dark = replace(
        constants, shapes=replace(constants.shapes, sight=torch.zeros(2, len(SIGHT_NODES)))
    )
    left = hits_of(dark, events)
    none = replace(events, hits=events.hits.where(np.zeros(len(events.hits.pmt), bool)))
    expected = len(hits_of(constants, none, seed=2).pmt)
    assert abs(len(left.pmt) - expected) < 4 * np.sqrt(2 * expected)


def test_another_detector_is_refused():
    constants = true_constants(DETECTOR)
    other = small_detector(20)
    translator = FittedTranslator(Trained(constants.tensors(), {}, DETECTOR, CPU))
    with pytest.raises(ConfigurationError, match="a response holds for the 120 PMTs"):
        translator.translate(flashes(other, 5), other, generator=np.random.default_rng(1))


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_reports_as_many_hits_and_as_much_charge():
    constants, events = true_constants(DETECTOR), flashes(DETECTOR, 1000)
    there = Constants.of(constants.tensors(), torch.device("cuda"))
    ours, theirs = hits_of(constants, events), hits_of(there, events)
    assert abs(len(ours.pmt) - len(theirs.pmt)) < 5 * np.sqrt(2 * len(ours.pmt))
    error = ours.charge.std() * np.sqrt(2 / len(ours.pmt))
    assert abs(ours.charge.mean() - theirs.charge.mean()) < 5 * error
