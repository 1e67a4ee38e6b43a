"""Every decay has its own history; what is left out of it is not missed."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from kzcal.errors import ConfigurationError
from kzcal.simulate.energy_window import EnergyWindow
from kzcal.simulate.histories import HistoryPlan
from kzcal.simulate.shower_laws import ShowerModel
from kzcal.simulate.shower_run import ShowerRequest

HOURS = 6.0
N = 96
RARE = 1e-6
SHORT = ShowerModel(yields={"i122": 2.0, "in107": 1.0, "i130": 1.0})
REQUEST = ShowerRequest(
    SHORT, histories=N, look_back_s=3600 * HOURS, window=EnergyWindow(2.0, 3.0), seed=3
)


@dataclasses.dataclass
class Made:
    """All events and muons of histories, with the number of the history of each."""

    plan: HistoryPlan
    columns: dict
    muon_ns: np.ndarray
    n_pieces: int

    @property
    def event_history(self):
        return self.columns["timestamp"] // self.plan.step_ns

    @property
    def muon_history(self):
        return self.muon_ns // self.plan.step_ns

    def of(self, kind):
        return self.columns["kind"] == kind


def made(request):
    maker = request.open()
    chunks = list(maker.chunks())
    columns = {
        name: np.concatenate([getattr(events, name) for events, _ in chunks])
        for name in ("event", "timestamp", "vertex", "energy", "t0")
    }
    for name in ("kind", "group", "isotope", "lag"):
        columns[name] = np.concatenate([events.truth[name] for events, _ in chunks])
    muons = np.concatenate([muons.timestamp for _, muons in chunks])
    return Made(maker.plan, columns, muons, sum(len(m.profile.deposit) for _, m in chunks))


@pytest.fixture(scope="module")
def some():
    return made(REQUEST)


@pytest.fixture(scope="module")
def everything():
    """The same request, with every capture in the scintillator near enough."""
    return made(dataclasses.replace(REQUEST, reach_m=20.0, seed=4))


def test_there_are_as_many_decays_as_asked_for_in_time_order(some):
    assert some.of(b"long-lived").sum() == some.of(b"xe136").sum() == N
    assert (np.diff(some.columns["timestamp"]) >= 0).all()
    assert (np.diff(some.muon_ns) >= 0).all()
    np.testing.assert_array_equal(some.columns["event"], np.arange(len(some.columns["event"])))
    for name in ("vertex", "energy", "t0"):
        assert np.isfinite(some.columns[name]).all()


def test_each_decay_ends_a_history_of_its_own(some):
    decays = ~some.of(b"capture")
    np.testing.assert_array_equal(some.event_history[decays], np.arange(2 * N))
    time = some.columns["timestamp"][decays]
    span = round(3600e9 * HOURS)
    for when in (some.muon_ns, some.columns["timestamp"][~decays]):
        before = time[when // some.plan.step_ns] - when
        assert before.max() <= span
    assert (time[1:] - span > time[:-1]).all()
    # No muon is later than its decay, and captures may be by their delay alone.
    assert (time[some.muon_history] > some.muon_ns).all()


def test_energies_are_in_the_window_and_double_beta_decays_fill_it_evenly(some):
    energy = some.columns["energy"][~some.of(b"capture")]
    assert energy.min() >= 2.0
    assert energy.max() < 3.0
    flat = some.columns["energy"][some.of(b"xe136")]
    assert stats.kstest(flat, "uniform", (2.0, 1.0)).pvalue > RARE


def test_groups_link_captures_and_decays_to_their_muon(some):
    group, lag = some.columns["group"], some.columns["lag"]
    linked = group >= 0
    found = 1e-9 * (some.columns["timestamp"] - some.muon_ns[np.maximum(group, 0)])
    np.testing.assert_allclose(found[linked], lag[linked], rtol=1e-6)
    assert linked[some.of(b"capture")].all()
    assert not linked[some.of(b"xe136")].any()
    assert np.isnan(lag[some.of(b"xe136")]).all()
    long_lived = some.of(b"long-lived")
    np.testing.assert_array_equal(linked[long_lived], lag[long_lived] <= 3600 * HOURS)
    assert (some.columns["isotope"][long_lived] != b"").all()
    assert (some.columns["isotope"][~long_lived] == b"").all()


def test_the_last_muon_before_a_decay_is_there(some):
    decays = ~some.of(b"capture")
    time = some.columns["timestamp"][decays]
    last = some.muon_ns[np.searchsorted(some.muon_ns, time) - 1]
    since = 1e-9 * (time - last)[some.of(b"xe136")[decays]]
    assert stats.kstest(since, "expon", (0, 1 / 0.198)).pvalue > RARE


def test_muons_with_captures_come_at_their_rate(everything):
    captures, muons = everything.of(b"capture"), everything.columns["group"]
    alone = ~np.isin(muons, muons[everything.of(b"long-lived")])
    seen = len(np.unique(muons[captures & alone]))
    # Each of them has one capture at least, that is seen with a chance of 0.73 or, if there are
    # more, with a larger one.
    expected = 0.198 * 0.04 * 3600 * HOURS * 2 * N
    assert 0.73 * expected < seen < 0.97 * expected


def near(all_made, kind, radius):
    """Captures within a radius of decays of a kind, and how many followed the parent."""
    decays = np.flatnonzero(~all_made.of(b"capture"))
    own = decays[all_made.event_history]
    away = np.linalg.norm(all_made.columns["vertex"] - all_made.columns["vertex"][own], axis=1)
    close = all_made.of(b"capture") & (away < radius) & all_made.of(kind)[own]
    parents = close & (all_made.columns["group"] == all_made.columns["group"][own])
    counts = np.bincount(all_made.event_history[close & ~parents], minlength=2 * N)
    return counts[all_made.of(kind)[decays]], parents.sum()


def test_captures_near_a_decay_are_the_same_whatever_else_is_left_out(some, everything):
    few, many = (near(which, b"xe136", 1.6)[0] for which in (some, everything))
    error = np.hypot(few.std(), many.std()) / np.sqrt(N)
    assert abs(few.mean() - many.mean()) < 5 * error
    assert len(some.muon_ns) < 0.3 * len(everything.muon_ns)


def test_parents_bring_captures_and_others_are_alike_for_both_classes(everything):
    unrelated, parents = near(everything, b"long-lived", 1.6)
    others, none = near(everything, b"xe136", 1.6)
    assert parents > N
    assert none == 0
    error = np.hypot(unrelated.std(), others.std()) / np.sqrt(N)
    assert abs(unrelated.mean() - others.mean()) < 5 * error


def test_isotopes_live_as_long_as_their_half_lives_tell():
    lifetimes = REQUEST.open().lifetimes
    np.testing.assert_allclose(np.log(2) * lifetimes, [217.8, 1944.0, 44496.0], rtol=1e-9)


def test_the_same_seed_makes_the_same_histories(some):
    again, other = made(REQUEST), made(dataclasses.replace(REQUEST, seed=5))
    for name, column in some.columns.items():
        np.testing.assert_array_equal(again.columns[name], column)
    np.testing.assert_array_equal(again.muon_ns, some.muon_ns)
    assert again.n_pieces == some.n_pieces
    assert not np.array_equal(other.muon_ns[:50], some.muon_ns[:50])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"look_back_s": 0.0}, "look_back_s of histories must be positive, got 0.0"),
        ({"reach_m": -1.0}, "reach_m of histories must be positive, got -1.0"),
        ({"number": 10**7}, "within 292 years of each other, got 20000000 of 6 h"),
    ],
)
def test_histories_that_cannot_be_are_refused(change, says):
    plan = HistoryPlan(5, 3600 * HOURS, 2.0, 6.5, 1, 1)
    with pytest.raises(ConfigurationError, match=says):
        dataclasses.replace(plan, **change)


def test_a_window_without_decays_is_refused():
    empty = dataclasses.replace(REQUEST, window=EnergyWindow(8.0, 9.0))
    with pytest.raises(ConfigurationError, match="one in 1000 must have an energy in the window"):
        next(empty.open().chunks())
