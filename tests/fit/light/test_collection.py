"""Hits that a photon leaves, from traced light."""

import numpy as np
import pytest
import torch
from traced_run import points_of, run_at

from kzcal.fit.light.collection import CollectionSums, cherenkov_weight, seen_share
from kzcal.fit.light.traced import traced
from kzcal.light import PROFILE_COMPONENTS


def sums_of(run, shell, photons=20_000):
    sums = CollectionSums.zeros(run, int(shell.max()) + 1)
    for block in traced(points_of(run), run, photons, seed=3):
        sums.add(block, run, shell)
    return sums


@pytest.fixture(scope="module")
def run():
    vertex = np.zeros((8, 3))
    vertex[4:, 2] = np.linspace(2.0, 4.0, 4)
    return run_at(vertex)


@pytest.fixture(scope="module")
def sums(run):
    return sums_of(run, torch.tensor([0, 0, 0, -1, 1, 1, 1, 1]))


def at(**values):
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()}


def test_hits_per_photon_are_coverage_efficiency_and_survival(run, sums):
    """At the centre a photon of many hits a disc; some tens of per cent of those leave a hit."""
    found = sums.per_photon({}, run.detector.light) / torch.tensor([3.0, 4.0])
    most = run.detector.photocoverage * 0.2487
    assert (found > 0.2 * most).all()
    assert (found < 1.2 * most).all()
    assert sums.traced.tolist() == [True] * 3 + [False] + [True] * 4


def test_the_slow_light_of_alphas_is_seen_less(run, sums):
    ratio = sums.per_photon({}, run.detector.light)
    assert ((ratio[1] / ratio[0] > 0.95) & (ratio[1] / ratio[0] < 0.99)).all()


def test_twenty_inch_tubes_count_by_their_efficiency(run, sums):
    light = run.detector.light
    none, half, one = (sums.per_photon(at(efficiency_20=e), light) for e in (0.0, 0.5, 1.0))
    torch.testing.assert_close(half - none, one - half)
    assert (one > none).all()


def test_absorption_moves_the_collection_as_tracing_again_does(run, sums):
    moved = run_at(
        run.stream.events.vertex.numpy(),
        absorption_scale=1.05 * run.detector.light.absorption_scale,
    )
    again = sums_of(moved, torch.tensor([0, 0, 0, -1, 1, 1, 1, 1]))
    value = at(absorption_scale=moved.detector.light.absorption_scale)
    expected = sums.per_photon(value, run.detector.light)
    found = again.per_photon({}, moved.detector.light)
    torch.testing.assert_close(found, expected, rtol=5 * 2**0.5 * sums.relative_error, atol=0)


def test_weights_of_pmts_scale_the_hits(run):
    shell = torch.zeros(8, dtype=torch.long)
    whole = sums_of(run, shell, 500).hits.total
    run.weight.mul_(0.5)
    halved = sums_of(run, shell, 500).hits.total
    run.weight.mul_(2.0)
    torch.testing.assert_close(2 * halved, whole)


def test_seen_share_is_the_integral_of_the_profile():
    residual = torch.tensor([0.0, 50.0, 199.0, 300.0])
    for profile, components in enumerate(PROFILE_COMPONENTS[:2]):
        total = sum(weight for weight, _ in components)
        for place, early in enumerate(residual.tolist()):
            left = max(200.0 - early, 0.0)
            seen = sum(w * (1 - np.exp(-left / (1.02 * t))) for w, t in components) / total
            found = float(seen_share(residual, profile, 1.02)[place])
            assert found == pytest.approx(seen, abs=1e-9)


def test_cherenkov_light_is_collected_less_than_scintillation(run):
    """Most of it is ultraviolet, which is absorbed or re-emitted."""
    weight = cherenkov_weight(run, np.zeros((3, 3)), photons=60_000, seed=1)
    assert 0.05 < weight < 1.0
