"""Patterns of hits on the sphere."""

import numpy as np
import pytest
import torch
from scipy.special import eval_legendre

from kzcal.geometry import load_detector
from kzcal.scorecard.sphere import LARGEST_DEGREE, SphereTables, presence

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def directions():
    return load_detector().directions


def test_the_pattern_is_the_mean_legendre_polynomial_over_pairs(directions):
    pmts = [3, 500, 1700]
    present = presence(torch.zeros(3, dtype=torch.long), torch.tensor(pmts), 1, len(directions))
    found = SphereTables.of(directions, CPU).pair_angles(present)[0].numpy()
    cosines = [directions[a] @ directions[b] for a, b in ((3, 500), (3, 1700), (500, 1700))]
    expected = [np.mean(eval_legendre(degree, cosines)) for degree in range(1, LARGEST_DEGREE + 1)]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_pattern_does_not_know_where_north_is(directions):
    rng = np.random.default_rng(1)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    present = torch.from_numpy((rng.random((4, len(directions))) < 0.1).astype(np.float32))
    straight, turned = (
        SphereTables.of(d, CPU).pair_angles(present).numpy()
        for d in (directions, directions @ turn)
    )
    np.testing.assert_allclose(turned, straight, atol=1e-5)


def test_hits_anywhere_are_neighbours_by_chance_alone(directions):
    tables, rng = SphereTables.of(directions, CPU), np.random.default_rng(2)
    anywhere = (rng.random((300, len(directions))) < 0.1).astype(np.float32)
    found = tables.adjacency(torch.from_numpy(anywhere))
    assert abs(float(found.mean()) - 1) < 4 * float(found.std()) / 300**0.5
    spread = anywhere.copy()
    spread[:, tables.neighbours[:, 0].numpy()] += anywhere
    doubled = tables.adjacency(torch.from_numpy(np.minimum(spread, 1)))
    assert float(doubled.mean()) > 1.3
