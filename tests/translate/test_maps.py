"""Events become maps and come back; what a PMT has too many of is counted."""

import numpy as np
import pytest
import torch

from kzcal.errors import ConfigurationError
from kzcal.hits import Hits
from kzcal.testing import synthetic_run
from kzcal.translate.maps import HitMaps, events_of


@pytest.fixture(scope="module")
def run():
    return synthetic_run(seed=4, n_events=60)


def test_maps_give_the_events_back(run):
    most = np.bincount(
        run.events.hits.event_index * run.detector.n_pmt + run.events.hits.pmt
    ).max()
    maps = HitMaps.of(run.events, run.detector, pulses=int(most))
    back = events_of(maps, run.events, run.detector).hits
    hits = run.events.hits
    assert maps.left_out == 0
    assert np.array_equal(back.offsets, hits.offsets)
    assert np.array_equal(back.pmt, hits.pmt)
    assert np.array_equal(back.charge, hits.charge)
    np.testing.assert_allclose(back.time, hits.time, atol=5e-5, rtol=1e-7)


def test_the_earliest_hits_of_a_pmt_are_kept_and_the_rest_are_counted(run):
    events = run.events[:1]
    pmt = np.array([7, 7, 7, 3], np.uint16)
    time = np.array([30.0, 10.0, 20.0, 5.0], np.float32)
    hits = Hits.from_counts(np.array([4]), pmt, time, np.array([3, 1, 2, 9], np.float32))
    two = HitMaps.of(type(events)(**_columns(events, hits)), run.detector, pulses=2)
    assert two.left_out == 1
    assert two.charge[0, 7].tolist() == [1.0, 2.0]
    assert two.present.sum() == 3
    assert two.time[0, 7, 1] - two.time[0, 7, 0] == pytest.approx(10.0, abs=1e-4)


def _columns(events, hits):
    names = ("event", "timestamp", "trigger", "vertex", "energy", "t0", "truth")
    return {name: getattr(events, name) for name in names} | {"hits": hits}


def test_residuals_are_free_of_flight_and_forced_triggers_keep_their_times(run):
    maps = HitMaps.of(run.events, run.detector)
    first, forced = maps.present[..., 0], torch.from_numpy(run.events.forced)
    physics = maps.time[..., 0][~forced][first[~forced]]
    # Light of the run comes 7 ns late on average with a speed of 0.195 m/ns taken as 0.196.
    assert float(physics.mean()) == pytest.approx(7.0, abs=1.0)
    rows = np.flatnonzero(run.events.forced)
    times = maps.time[rows][maps.present[rows]]
    assert set(times.tolist()) <= set(run.events.hits.time.tolist())


def test_what_is_absent_is_zero_and_has_no_say(run):
    maps = HitMaps.of(run.events, run.detector)
    assert not maps.charge[~maps.present].any()
    assert not maps.time[~maps.present].any()
    noise = torch.where(maps.present, maps.charge, 5.0)
    noisy = HitMaps(maps.present, noise, maps.time)
    same, other = (events_of(m, run.events, run.detector).hits for m in (maps, noisy))
    assert np.array_equal(same.charge, other.charge)


def test_no_event_is_no_error(run):
    none = HitMaps.of(run.events[:0], run.detector)
    assert len(none) == 0
    assert len(events_of(none, run.events[:0], run.detector)) == 0


def test_maps_without_a_pulse_are_refused(run):
    with pytest.raises(ConfigurationError, match="pulses=0"):
        HitMaps.of(run.events, run.detector, pulses=0)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_maps_of_a_gpu_give_the_same_events(run):
    here, there = (
        events_of(HitMaps.of(run.events, run.detector, device=device), run.events, run.detector)
        for device in ("cpu", "cuda")
    )
    for column in ("offsets", "pmt", "time", "charge"):
        assert np.array_equal(getattr(here.hits, column), getattr(there.hits, column)), column
