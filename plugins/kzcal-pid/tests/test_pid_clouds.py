"""Clouds hold every hit of their window; products of columns are powers of cosines."""

import numpy as np
import pytest
import torch
from kzcal_pid.angles import HIGHEST, columns, degrees, legendre
from kzcal_pid.clouds import KNOTS, PAGE, CloudView

from kzcal.geometry import load_detector
from kzcal.testing.classifying import classifier_events
from kzcal.testing.synthetic import synthetic_run

DETECTOR = load_detector()
EVENTS = classifier_events(synthetic_run(n_events=80))[0]
CLOUDS = CloudView.of(DETECTOR, torch.device("cpu"))(EVENTS)


def test_products_of_columns_are_powers_of_the_cosine() -> None:
    """The multinomial theorem, for random directions."""
    direction = np.random.default_rng(1).normal(size=(2, 50, 3))
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    one, other = (columns(torch.from_numpy(d)) for d in direction)
    cosine = (direction[0] * direction[1]).sum(-1)
    for power in range(HIGHEST + 1):
        chosen = degrees() == power
        found = (one[:, chosen] * other[:, chosen]).sum(-1).numpy()
        np.testing.assert_allclose(found, cosine**power, rtol=0, atol=1e-14)


def test_legendre_polynomials_are_one_at_one_and_orthogonal() -> None:
    """Integrals over the cosine by Gauss's rule, exact for these degrees."""
    node, weight = np.polynomial.legendre.leggauss(HIGHEST + 1)
    value = legendre() @ node ** np.arange(HIGHEST + 1)[:, None]
    norm = 2.0 / (2 * np.arange(HIGHEST + 1) + 1)
    np.testing.assert_allclose((value * weight) @ value.T, np.diag(norm), atol=1e-6)
    np.testing.assert_allclose(legendre().sum(1), 1.0, rtol=1e-6)


def test_every_hit_of_the_window_is_on_a_page_of_its_event() -> None:
    """Times come back from knots, distances and directions from PMTs and vertices."""
    hits = EVENTS.hits
    inside = (hits.time > KNOTS[0]) & (hits.time < KNOTS[-1])
    kept, real = hits.where(inside), CLOUDS.real
    assert 0 < inside.sum() < len(inside), "some hits lie outside"
    assert kept.counts.max() > PAGE, "some events need several pages"
    knots = torch.tensor(KNOTS, dtype=torch.float32)
    before, after = knots[CLOUDS.knot[real]], knots[CLOUDS.knot[real] + 1]
    time = before + CLOUDS.part[real] * (after - before)
    np.testing.assert_allclose(time.numpy(), kept.time, rtol=0, atol=1e-5)
    row = CLOUDS.event[:, None].expand(real.shape)[real].numpy()
    assert np.array_equal(row, kept.event_index)
    sight = DETECTOR.positions[kept.pmt] - EVENTS.vertex[row]
    found = (CLOUDS.direction * CLOUDS.distance[..., None])[real]
    np.testing.assert_allclose(found.numpy(), sight, rtol=0, atol=1e-5)
    large = DETECTOR.diameter_inch[kept.pmt] == 20
    assert np.array_equal(CLOUDS.kind[real].numpy() // 2, large)


@pytest.mark.parametrize("n", [0, 1])
def test_few_events_and_events_without_hits_have_clouds(n: int) -> None:
    """Without hits an event has no page."""
    some = EVENTS.take(np.arange(n))
    dark = some.hits.where(np.zeros(len(some.hits.pmt), bool))
    view = CloudView.of(DETECTOR, torch.device("cpu"))
    clouds = view(type(some)(dark, some.vertex, some.energy, some.run, some.live))
    assert clouds.real.shape == (0, PAGE)
    assert clouds.radius.shape == (n,)
