"""Augmented events are events that the detector could have seen."""

import numpy as np
import pytest

from kzcal.classify.augment import (
    GONE,
    Turns,
    Variation,
    icosahedral_rotations,
    random_dead,
    turned,
    turned_by,
)
from kzcal.errors import ConfigurationError
from kzcal.testing import classifier_events, synthetic_run

RUN = synthetic_run(n_events=60)
EVENTS, SIGNAL = classifier_events(RUN)


@pytest.fixture(scope="module")
def turns():
    return Turns.of(RUN.detector)


def test_dead_pmts_are_drawn_anew_for_every_event_and_have_no_hit():
    found = random_dead(EVENTS, 0.1, generator=np.random.default_rng(1))
    before = EVENTS.live[EVENTS.run]
    assert found.live.shape == before.shape
    assert not (found.live & ~before).any()
    # 42 events of about 1,878 PMTs: the share scatters by 0.1 %, five of which are allowed.
    assert found.live.sum() / before.sum() == pytest.approx(0.9, abs=0.006)
    assert (found.live[0] != found.live[1]).any()
    assert found.live[found.run[found.hits.event_index], found.hits.pmt].all()
    kept = found.live[EVENTS.hits.event_index, EVENTS.hits.pmt]
    assert np.array_equal(found.hits.time, EVENTS.hits.time[kept])


def test_no_further_dead_pmt_changes_nothing_and_the_generator_decides():
    same = random_dead(EVENTS, 0.0, generator=np.random.default_rng(1))
    assert np.array_equal(same.hits.pmt, EVENTS.hits.pmt)
    assert np.array_equal(same.live[same.run], EVENTS.live[EVENTS.run])
    first, second, other = (
        random_dead(EVENTS, 0.2, generator=np.random.default_rng(seed)).live for seed in (4, 4, 5)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)
    assert not random_dead(EVENTS, 1.0, generator=np.random.default_rng(1)).live.any()


def test_there_are_sixty_rotations_of_an_icosahedron():
    found = icosahedral_rotations()
    np.testing.assert_allclose(
        found @ found.transpose(0, 2, 1), np.eye(3)[None].repeat(60, 0), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(found), 1.0)
    flat = np.round(found.reshape(60, 9), 9) + 0.0
    assert len(np.unique(flat, axis=0)) == 60
    products = np.einsum("aij,bjk->abik", found, found).reshape(-1, 9)
    assert len(np.unique(np.round(products, 6) + 0.0, axis=0)) == 60


def test_the_layout_has_five_turns_that_keep_places_and_diameters(turns):
    assert len(turns) == 5
    assert np.array_equal(turns.matrix[0], np.eye(3))
    assert np.array_equal(turns.image[0], np.arange(RUN.detector.n_pmt))
    for matrix, image in zip(turns.matrix, turns.image, strict=True):
        there = image != GONE
        assert there.mean() > 0.99
        carried = RUN.detector.directions[there] @ matrix.T
        np.testing.assert_allclose(carried, RUN.detector.directions[image[there]], atol=1e-9)
        assert np.array_equal(
            RUN.detector.diameter_inch[there], RUN.detector.diameter_inch[image[there]]
        )
        assert len(np.unique(image[there])) == there.sum()


def test_a_turn_carries_hits_vertices_and_pmts_in_use_together(turns):
    which = np.arange(len(EVENTS)) % 5
    found = turned_by(EVENTS, turns, which)
    assert found.live[found.run[found.hits.event_index], found.hits.pmt].all()
    # Distances from vertex to PMT, and so residuals, are what a turn keeps.
    stayed = turns.image[which][EVENTS.hits.event_index, EVENTS.hits.pmt] != GONE
    place = RUN.detector.positions
    before = np.linalg.norm(
        place[EVENTS.hits.pmt] - EVENTS.vertex[EVENTS.hits.event_index], axis=1
    )
    after = np.linalg.norm(place[found.hits.pmt] - found.vertex[found.hits.event_index], axis=1)
    np.testing.assert_allclose(after, before[stayed], atol=1e-5)
    assert np.array_equal(found.hits.time, EVENTS.hits.time[stayed])


def test_turning_on_and_back_loses_only_what_has_no_image(turns):
    there = np.full(len(EVENTS), 1)
    inverse = int(np.argmin([np.abs(m @ turns.matrix[1] - np.eye(3)).max() for m in turns.matrix]))
    back = turned_by(turned_by(EVENTS, turns, there), turns, np.full(len(EVENTS), inverse))
    kept = turns.image[1][EVENTS.hits.pmt] != GONE
    assert np.array_equal(back.hits.pmt, EVENTS.hits.pmt[kept])
    np.testing.assert_allclose(back.vertex, EVENTS.vertex, atol=1e-5)


def test_turns_are_drawn_from_the_generator(turns):
    first, second, other = (
        turned(EVENTS, turns, generator=np.random.default_rng(seed)).vertex for seed in (1, 1, 2)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_a_variation_turns_first_and_silences_then(turns):
    found = Variation(0.1, turns)(EVENTS, np.random.default_rng(3))
    generator = np.random.default_rng(3)
    expected = random_dead(turned(EVENTS, turns, generator=generator), 0.1, generator=generator)
    assert np.array_equal(found.hits.pmt, expected.hits.pmt)
    assert np.array_equal(found.live, expected.live)
    assert len(found.hits.pmt) < len(EVENTS.hits.pmt)
    assert Variation(0.0)(EVENTS, np.random.default_rng(3)) is EVENTS
    for share in (1.0, -0.1, np.nan):
        with pytest.raises(ConfigurationError, match="dead is a share"):
            Variation(share)
