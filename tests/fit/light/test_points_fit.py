"""Points that emit the light of calibration samples."""

from dataclasses import replace

import numpy as np
import pytest

from kzcal.errors import ConfigurationError
from kzcal.fit.light.points import SAMPLES, emission_points, rows_of_samples, source_of
from kzcal.geometry import load_detector
from kzcal.parts import Selection
from kzcal.physics.transport import Transport


@pytest.fixture(scope="module")
def transport():
    return Transport(load_detector())


@pytest.fixture(scope="module")
def vertex():
    direction = np.random.default_rng(1).normal(size=(300, 3))
    return 3.0 * direction / np.linalg.norm(direction, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def points(transport, vertex):
    rows = {name: np.arange(i, 300, 5) for i, name in enumerate(SAMPLES)}
    return emission_points(rows, vertex, transport, seed=7)


def test_light_of_every_event_is_conserved_and_its_centroid_is_the_vertex(points, vertex):
    total = np.bincount(points.row, points.share, 300)
    np.testing.assert_allclose(total, 1, rtol=1e-12)
    for axis in range(3):
        centroid = np.bincount(points.row, points.share * points.position[:, axis], 300)
        np.testing.assert_allclose(centroid, vertex[:, axis], atol=1e-6)
    assert points.n_events == 300


def test_alphas_are_points_and_gammas_are_clouds(points, vertex):
    apart = np.linalg.norm(points.position - vertex[points.row], axis=1)
    names = np.array(points.names)[points.sample]
    assert apart[np.isin(names, ("po210", "po214"))].max() < 1e-3
    clouds = names == "neutron-capture"
    spread = np.sqrt((points.share * apart**2)[clouds].sum() / points.share[clouds].sum())
    assert 0.1 < spread < 0.4
    assert (points.time[clouds] > 0).all()


def test_many_decays_share_an_event_s_light_and_steady_its_time(transport, vertex):
    rows = {"neutron-capture": np.arange(200), "po210": np.arange(200, 300)}

    def mean_time(decays):
        found = emission_points(rows, vertex, transport, decays=decays, seed=7)
        np.testing.assert_allclose(np.bincount(found.row, found.share, 300), 1, rtol=1e-12)
        for axis in range(3):
            centroid = np.bincount(found.row, found.share * found.position[:, axis], 300)
            np.testing.assert_allclose(centroid, vertex[:, axis], atol=1e-6)
        return np.bincount(found.row, found.share * found.time, 300)[:200]

    one, many = mean_time(1), mean_time(16)
    assert many.mean() == pytest.approx(one.mean(), abs=4 * one.std() / 200**0.5)
    assert many.std() < 0.4 * one.std()


def test_bright_events_get_bright_decays_whose_gammas_shine_later(transport, vertex):
    rows, light = {"bi214": np.arange(300)}, np.arange(300.0)[::-1]
    found = emission_points(rows, vertex, transport, light=light, decays=8, seed=7)
    np.testing.assert_allclose(np.bincount(found.row, found.share, 300), 1, rtol=1e-12)
    for axis in range(3):
        centroid = np.bincount(found.row, found.share * found.position[:, axis], 300)
        np.testing.assert_allclose(centroid, vertex[:, axis], atol=1e-6)
    time = np.bincount(found.row, found.share * found.time, 300)
    assert time[light < 45].mean() < 0.5 * time[light >= 150].mean()


@pytest.mark.parametrize("steady", [True, False])
def test_a_slightly_other_birks_constant_moves_no_decay_if_the_order_is_given(vertex, steady):
    """Without, a constant moved by a hundredth gives 7 % of 2,400 decays another event."""
    detector = load_detector()
    medium = tuple(replace(m, birks_mm_per_mev=1.01 * m.birks_mm_per_mev) for m in detector.media)
    rows, light = {"bi214": np.arange(300)}, np.arange(300.0)
    ordering = Transport(detector) if steady else None
    row = np.zeros((2, 2400), np.int64)
    for k, there in enumerate((detector, replace(detector, media=medium))):
        transport = Transport(there)
        found = emission_points(
            rows, vertex, transport, light=light, ordering=ordering, decays=8, seed=7
        )
        row[k, found.decay] = found.row
    stayed = float((row[0] == row[1]).mean())
    assert stayed == 1.0 if steady else stayed < 0.95


def test_events_that_differ_by_their_number_of_hits_alone_get_decays_alike(transport):
    light = np.random.default_rng(3).poisson(400, 2000).astype(float)
    rows = {"neutron-capture": np.arange(2000)}
    found = emission_points(rows, np.zeros((2000, 3)), transport, light=light, seed=7)
    time = np.bincount(found.row, found.share * found.time, 2000)[np.argsort(light)]
    dim, bright = time[:400].mean(), time[-400:].mean()
    assert abs(dim - bright) < 0.35  # 0.98 ns if decays had no fluctuations


def test_same_seed_same_points_whatever_the_other_samples_are(transport, vertex, points):
    rows = {"po210": np.arange(1), "neutron-capture": np.arange(0, 300, 5)}
    alone = emission_points(rows, vertex, transport, seed=7)
    other = emission_points(rows, vertex, transport, seed=8)
    first, mine = points.sample == 0, alone.sample == 1
    np.testing.assert_array_equal(alone.position[mine], points.position[first])
    np.testing.assert_array_equal(alone.time[mine], points.time[first])
    assert not np.array_equal(alone.position[1:5], other.position[1:5])


def test_an_event_belongs_to_the_smallest_sample_and_few_can_be_asked_for():
    chosen = np.ones(100, bool)
    chosen[0] = False
    many = Selection(np.arange(100) < 60, 1.0, 0.0, "")
    few = replace(many, rows=np.arange(100) % 10 == 0)
    found = rows_of_samples({"c11": many, "po210": few}, chosen)
    assert found["po210"].tolist() == list(range(10, 100, 10))
    assert not set(found["c11"]) & set(found["po210"])
    assert len(found["c11"]) == 54
    assert list(found) == ["c11", "po210"]
    thinned = rows_of_samples({"c11": many}, chosen, most=20)["c11"]
    assert 15 <= len(thinned) <= 20


def test_unknown_samples_are_refused_with_the_choices():
    with pytest.raises(ConfigurationError, match=r"neutron-capture, c11.*got 'physics'"):
        source_of("physics")
