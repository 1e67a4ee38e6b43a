"""What a classifier looks at, for classifiers of which it is known."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from kzcal.evaluate.axis import axes_of, frames
from kzcal.evaluate.dead import dead_pmts
from kzcal.evaluate.occlusion import (
    N_BANDS,
    N_SECTORS,
    TIME_EDGES,
    Probe,
    n_scorings,
    patches,
    time_bins,
)
from kzcal.geometry import Detector, load_detector
from kzcal.hits import Hits
from kzcal.learning import CorrectedEvents

HITS = 150


@dataclass(frozen=True)
class EarlyShare:
    """Share of hits in a range of times, among hits on some of the PMTs."""

    low: float
    high: float
    pmts: np.ndarray | None = None

    def score(self, events: CorrectedEvents) -> np.ndarray:
        hits = events.hits
        inside = (hits.time >= self.low) & (hits.time < self.high)
        if self.pmts is not None:
            inside &= self.pmts[hits.pmt]
        return hits.sum_per_event(inside) / np.maximum(hits.counts, 1)


@dataclass(frozen=True)
class Upwards:
    """Mean height of the PMTs of early hits: knows no other times."""

    detector: Detector

    def score(self, events: CorrectedEvents) -> np.ndarray:
        early = events.hits.where(events.hits.time < 2)
        height = self.detector.directions[early.pmt, 2]
        return early.sum_per_event(height) / np.maximum(early.counts, 1)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return load_detector()


def made(detector: Detector, n: int = 300) -> tuple[CorrectedEvents, np.ndarray]:
    """Signal has more hits at 0 to 2 ns, and those more often above."""
    generator = np.random.default_rng(1)
    signal = np.arange(n) % 2 == 0
    of_signal = np.repeat(signal, HITS)
    early = generator.random(n * HITS) < np.where(of_signal, 0.36, 0.3)
    time = np.where(
        early, generator.uniform(0, 2, len(early)), generator.exponential(20, len(early)) + 2
    )
    upper = np.flatnonzero(detector.directions[:, 2] > 0)
    pmt = generator.integers(0, detector.n_pmt, len(early))
    moved = early & of_signal & (generator.random(len(early)) < 0.3)
    pmt[moved] = generator.choice(upper, int(moved.sum()))
    hits = Hits.from_counts(
        np.full(n, HITS),
        pmt.astype(np.uint16),
        time.astype(np.float32),
        np.ones(n * HITS, np.float32),
    )
    vertex = generator.normal(0, 0.5, (n, 3)).astype(np.float32)
    live = np.ones((1, detector.n_pmt), bool)
    energy = np.full(n, 2.3, np.float32)
    return CorrectedEvents(hits, vertex, energy, np.zeros(n, np.int64), live), signal


def nothing(_amount: float) -> None:
    """Take note of no progress."""


def test_a_classifier_of_times_loses_nothing_when_pmts_are_traded(detector):
    events, signal = made(detector)
    probe = Probe.of(EarlyShare(0, 2), events, signal, detector)
    found = time_bins(probe, generator=np.random.default_rng(1), advance=nothing)
    assert all(b.traded.lost == b.traded.shift == 0 for b in found)
    removed = {(b.low, b.high): b.removed for b in found}
    assert removed[0, 1].lost > 3 * removed[0, 1].error
    assert removed[1, 2].lost > 3 * removed[1, 2].error
    assert removed[-6, -4].shift == 0
    assert sum(change.hits for change in removed.values()) == pytest.approx(1)


def test_a_classifier_of_places_loses_only_where_it_looks(detector):
    events, signal = made(detector)
    probe = Probe.of(Upwards(detector), events, signal, detector)
    found = time_bins(probe, generator=np.random.default_rng(1), advance=nothing)
    early = [b.traded for b in found if 0 <= b.low < 2]
    assert all(change.lost > 3 * change.error for change in early)
    assert all(b.traded.shift == 0 for b in found if b.low >= 2)


def leaning(detector: Detector, n: int) -> tuple[CorrectedEvents, np.ndarray]:
    """Events with more early light on one side, another in each, and that side."""
    events, _ = made(detector, n)
    towards = np.random.default_rng(2).normal(size=(n, 3))
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    height = (towards[events.hits.event_index] * detector.directions[events.hits.pmt]).sum(1)
    late = events.hits.time + np.where(height < 0, 5, 0).astype(np.float32)
    return replace(events, hits=replace(events.hits, time=late)), towards


def test_times_matter_on_the_side_that_a_classifier_looks_at(detector):
    """A classifier that looks around the axis of each event and nowhere else."""
    events, towards = leaning(detector, 100)

    class AroundTheAxis:
        def score(self, given: CorrectedEvents) -> np.ndarray:
            hits = given.hits
            place = detector.directions[hits.pmt]
            near = (towards[hits.event_index] * place).sum(1) > 0.75
            return hits.sum_per_event(near & (hits.time < 2))

    probe = Probe.of(AroundTheAxis(), events, np.arange(100) % 2 == 0, detector)
    bands, parts = patches(probe, generator=np.random.default_rng(1), advance=nothing)
    assert len(bands) == N_BANDS
    assert len(parts) == N_BANDS * N_SECTORS
    shifts = [b.traded.shift for b in bands]
    assert shifts[-1] == max(shifts) > 0.5
    assert shifts[: N_BANDS // 2] == pytest.approx([0] * (N_BANDS // 2), abs=0.1)
    assert sum(b.traded.hits for b in bands) == pytest.approx(1)
    assert sum(p.traded.hits for p in parts) == pytest.approx(1)
    areas = [(p.high - p.low) * (p.east - p.west) for p in parts]
    assert areas == pytest.approx([areas[0]] * len(areas))


def test_a_trade_of_times_keeps_types_and_counts(detector):
    """A classifier of the times of 20-inch tubes sees a trade only in the order of events."""
    events, signal = made(detector)
    large = EarlyShare(0, 2, detector.diameter_inch == 20)
    seen: list[np.ndarray] = []

    class Watching:
        def score(self, given: CorrectedEvents) -> np.ndarray:
            seen.append(large.score(given))
            return seen[-1]

    probe = Probe.of(Watching(), events, signal, detector)
    patches(probe, generator=np.random.default_rng(1), advance=nothing)
    totals = [float(one.sum()) for one in seen]
    assert totals == pytest.approx([totals[0]] * len(totals))


def test_rotating_everything_rotates_the_axes(detector):
    events, _ = made(detector, 40)
    angle = 0.7
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    ) @ np.array([[1, 0, 0], [0, 0.6, -0.8], [0, 0.8, 0.6]])
    turned = replace(detector, positions=detector.positions @ turn.T)
    moved = replace(events, vertex=(events.vertex @ turn.T).astype(np.float32))
    np.testing.assert_allclose(
        axes_of(moved, turned), axes_of(events, detector) @ turn.T, atol=1e-4
    )


def test_the_axis_points_to_the_side_of_more_early_light(detector):
    events, towards = leaning(detector, 60)
    assert (axes_of(events, detector) * towards).sum(1).mean() > 0.9


def test_early_light_that_the_vertex_explains_gives_no_axis(detector):
    """Hits by solid angle from vertices half a metre up: the mean axis is that of chance."""
    generator = np.random.default_rng(3)
    n, vertex = 400, np.array([0.0, 0.0, 1.0])
    away = detector.positions - vertex
    distance = np.linalg.norm(away, axis=1)
    solid = detector.aperture_radius**2 * (away * detector.directions).sum(1) / distance**3
    pmt = generator.choice(detector.n_pmt, n * HITS, p=solid / solid.sum())
    hits = Hits.from_counts(
        np.full(n, HITS),
        pmt.astype(np.uint16),
        np.zeros(n * HITS, np.float32),
        np.ones(n * HITS, np.float32),
    )
    events = CorrectedEvents(
        hits,
        np.tile(vertex, (n, 1)).astype(np.float32),
        np.full(n, 2.3, np.float32),
        np.zeros(n, np.int64),
        np.ones((1, detector.n_pmt), bool),
    )
    # The mean of 400 random unit vectors has components of 0.029; 5 deviations.
    assert np.abs(axes_of(events, detector).mean(0)).max() < 0.145


def test_frames_turn_the_axis_up_and_the_vertex_to_the_front():
    generator = np.random.default_rng(4)
    up = generator.normal(size=(20, 3))
    up /= np.linalg.norm(up, axis=1, keepdims=True)
    towards = generator.normal(size=(20, 3))
    towards[0] = 2 * up[0]
    turn = frames(up, towards)
    np.testing.assert_allclose(
        np.einsum("eij,ej->ei", turn, up), np.tile([0, 0, 1], (20, 1)), atol=1e-12
    )
    front = np.einsum("eij,ej->ei", turn, towards)
    assert (front[1:, 0] > 0).all()
    np.testing.assert_allclose(front[1:, 1], 0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(turn), 1)


def test_dead_pmts_take_their_hits_away_and_are_told_to_the_classifier(detector):
    events, signal = made(detector)
    alive: list[CorrectedEvents] = []

    class Watching:
        def score(self, given: CorrectedEvents) -> np.ndarray:
            alive.append(given)
            return EarlyShare(0, 2).score(given)

    probe = Probe.of(Watching(), events, signal, detector)
    found = dead_pmts(probe, (0.1, 0.9), 0.9, generator=np.random.default_rng(1), advance=nothing)
    for one, given in zip(found, alive[1:], strict=True):
        assert one.live == pytest.approx(given.live.sum(1).mean(), rel=0.01)
        assert one.live == pytest.approx((1 - one.share) * 1879, rel=0.05)
        assert given.live[given.run[given.hits.event_index], given.hits.pmt].all()
        assert len(np.unique(given.live, axis=0)) == 8
        assert one.change.hits == pytest.approx(one.share, abs=0.05)
    assert found[1].change.lost > 3 * found[1].change.error
    assert abs(found[0].change.lost) < found[1].change.lost
    assert found[1].fewer > 2 * found[1].error
    none = dead_pmts(probe, (0.0,), 0.9, generator=np.random.default_rng(1), advance=nothing)[0]
    assert none.fewer == none.error == none.change.shift == 0


def test_a_thinned_probe_is_some_of_its_events(detector):
    events, signal = made(detector, 40)
    probe = Probe.of(EarlyShare(0, 2), events, signal, detector)
    some = probe.thinned(7)
    assert len(some.signal) == len(some.events) == 7
    np.testing.assert_array_equal(some.score, EarlyShare(0, 2).score(some.events))
    assert len(probe.thinned(100).signal) == 40


def test_progress_adds_up(detector):
    events, signal = made(detector, 40)
    probe = Probe.of(EarlyShare(0, 2), events, signal, detector)
    done: list[float] = []
    generator = np.random.default_rng(1)
    time_bins(probe, generator=generator, advance=done.append)
    patches(probe, generator=generator, advance=done.append)
    dead_pmts(probe, (0.1, 0.2), 0.9, generator=generator, advance=done.append)
    assert sum(done) == n_scorings(2)
    assert TIME_EDGES[0] == -150
    assert TIME_EDGES[-1] == 350
