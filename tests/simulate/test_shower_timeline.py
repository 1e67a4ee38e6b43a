"""A run of showers: its rates, its order, its memory."""

import dataclasses
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from kzcal.errors import ConfigurationError
from kzcal.geometry import load_detector
from kzcal.io.events import EventFile
from kzcal.simulate.energy_window import EnergyWindow
from kzcal.simulate.shower_laws import ShowerModel
from kzcal.simulate.shower_run import ShowerRequest, write_showers

DAYS = 1.5
RARE = 1e-6
MANY = ShowerModel(yields={"i122": 20_000.0, "in107": 10_000.0})
REQUEST = ShowerRequest(MANY, days=DAYS, window=EnergyWindow(1.0, 3.0), seed=2)


def columns(request):
    chunks = list(request.open().chunks())
    events = {
        name: np.concatenate([getattr(part, name) for part, _ in chunks])
        for name in ("event", "timestamp", "vertex", "energy")
    }
    truth = {
        name: np.concatenate([part.truth[name] for part, _ in chunks])
        for name in ("kind", "group", "isotope", "lag")
    }
    return events | truth, np.concatenate([muons.timestamp for _, muons in chunks])


@pytest.fixture(scope="module")
def run():
    return columns(REQUEST)


def test_rates_are_those_of_kamland(run):
    events, muons = run
    expected = 0.198 * 86_400 * DAYS
    assert abs(len(muons) - expected) < 5 * np.sqrt(expected)
    # Of 0.192 captures per muon nine tenths come later than 20 us, and 0.73 to 0.80 are kept.
    captures = (events["kind"] == b"capture") & (events["group"] >= 0)
    parents = np.isin(events["group"], events["group"][events["kind"] == b"long-lived"])
    seen = (captures & ~parents).sum() / (0.192 * len(muons))
    assert 0.60 < seen < 0.73
    # A day has 1,034 double beta decays above 1 MeV.
    signal = (events["kind"] == b"xe136").sum()
    assert abs(signal / DAYS - 1034) < 0.05 * 1034


def test_everything_comes_in_time_order_and_in_the_run(run):
    events, muons = run
    for time in (events["timestamp"], muons):
        assert (np.diff(time) >= 0).all()
        assert time[0] >= 0
        assert time[-1] < DAYS * 86_400e9
    np.testing.assert_array_equal(events["event"], np.arange(len(events["event"])))


def test_decays_follow_their_muons_by_their_lags(run):
    events, muons = run
    linked = (events["kind"] == b"long-lived") & (events["group"] >= 0)
    since = 1e-9 * (events["timestamp"] - muons[np.maximum(events["group"], 0)])
    np.testing.assert_allclose(since[linked], events["lag"][linked], rtol=1e-5, atol=1e-6)
    # Isotopes of some minutes have their parents in a run of days, but for those at its start.
    assert linked.sum() > 0.9 * (events["kind"] == b"long-lived").sum() > 100


def test_lags_are_exponential_with_the_half_life():
    found = dataclasses.replace(REQUEST, days=6.0, window=None).open().offspring().decays.truth
    for name, half_life in ((b"i122", 217.8), (b"in107", 1944.0)):
        lag = found["lag"][found["isotope"] == name]
        assert len(lag) > 1000
        assert stats.kstest(lag, "expon", (0, half_life / np.log(2))).pvalue > RARE
    # Two in three decays are of the isotope with twice the yield.
    share = np.mean(found["isotope"] == b"i122")
    assert abs(share - 2 / 3) < 5 * np.sqrt(2 / 9 / len(found["isotope"]))


def test_decays_come_at_the_rate_of_their_yields():
    found = dataclasses.replace(REQUEST, days=6.0, window=None).open().offspring()
    expected = 30_000 * 0.0238 * 6.0
    assert abs(len(found.decays) - expected) < 5 * np.sqrt(expected)
    assert np.linalg.norm(found.place, axis=1).max() <= load_detector().media[0].outer_radius_m


def test_the_same_seed_writes_the_same_file(tmp_path):
    short = dataclasses.replace(REQUEST, days=0.1)
    for name in "ab":
        write_showers(short, tmp_path / f"{name}.h5")
    write_showers(dataclasses.replace(short, seed=3), tmp_path / "c.h5")
    first, again, other = (read(tmp_path / f"{name}.h5") for name in "abc")
    for name in first:
        assert first[name].tobytes() == again[name].tobytes()
    assert first["time"].tobytes() != other["time"].tobytes()


def read(path):
    with EventFile(path, load_detector()) as file:
        assert file.n_hits == 0
        assert file.header.sample == "vertices"
        events, muons = file.table(), file.muons
        return {
            "time": events.timestamp,
            "vertex": events.vertex,
            "muons": muons.timestamp,
            "profile": muons.profile.deposit,
            **events.truth,
        }


def test_a_file_says_what_was_written(tmp_path):
    written = write_showers(dataclasses.replace(REQUEST, days=0.1), tmp_path / "run.h5")
    with EventFile(tmp_path / "run.h5", load_detector()) as file:
        kinds, counts = np.unique(file.table().truth["kind"], return_counts=True)
        assert written.n_muons == len(file.muons)
        assert file.header.livetime_ns == 8_640 * 10**9
    found = {kind.decode(): int(count) for kind, count in zip(kinds, counts, strict=True)}
    assert dict(written.events) == found
    assert written.days == pytest.approx(0.1)


def test_memory_does_not_grow_with_the_run():
    plain = ShowerModel(yields={"i122": 1.0})

    def most(days):
        maker = dataclasses.replace(REQUEST, model=plain, days=days).open()
        tracemalloc.start()
        for _ in maker.chunks():
            continue
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert most(2.0) < 1.25 * most(0.5)


def test_a_run_of_no_time_is_empty():
    events, muons = columns(dataclasses.replace(REQUEST, days=0.0))
    assert len(events["event"]) == len(muons) == 0


def test_a_run_without_end_is_refused():
    with pytest.raises(ConfigurationError, match=r"no longer than 100,000 days, got 1000000.0"):
        dataclasses.replace(REQUEST, days=1e6).open()
