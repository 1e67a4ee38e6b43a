"""The cut that made a sample makes its twins; chances of the tests are below 1e-4."""

import numpy as np
import pytest

from kzcal.translate.energy_cut import EnergyCut, LightScale, Seen


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def seen(energy, square=None):
    return Seen(energy, np.zeros(len(energy)) if square is None else square)


def test_a_line_finds_the_scale_of_the_reconstruction(rng):
    found = 1.07 * rng.normal(2.2, 0.11, 20_000)
    found = found[(found > 2.1) & (found < 2.6)]
    cut = EnergyCut.of_line(found, rng.normal(2.2, 0.11, 20_000))
    assert cut.scale == pytest.approx(1.07, rel=3e-3)
    decays = rng.normal(2.2, 0.11, 20_000)
    passed = decays[cut.passes(seen(decays), generator=rng)]
    assert np.median(passed) * 1.07 == pytest.approx(np.median(found), rel=3e-3)
    assert passed.std() * 1.07 == pytest.approx(found.std(), rel=0.03)


def test_nothing_outside_of_a_cut_passes(rng):
    cut = EnergyCut(1.0, 2.0, 1.1)
    decays = rng.uniform(0.0, 3.0, 5000)
    assert (
        cut.passes(seen(decays), generator=rng) == ((decays > 1 / 1.1) & (decays < 2 / 1.1))
    ).all()


def test_a_spectrum_is_mixed_as_the_sample_is(rng):
    decays = seen(rng.uniform(1.0, 2.0, 20_000), rng.uniform(0, 36, 20_000))
    steep = 1.05 * rng.triangular(1.0, 2.0, 2.0, 8000)
    outside = 36 * rng.random(8000)
    found = Seen(steep, outside)
    cut = EnergyCut.of_spectrum(found, decays, 1.05)
    others = seen(rng.uniform(1.0, 2.0, 20_000), rng.uniform(0, 36, 20_000))
    passed = cut.passes(others, generator=rng)
    assert 0.2 < passed.mean() < 1.0
    energy = 1.05 * others.energy[passed]
    for share in (0.1, 0.5, 0.9):
        assert np.quantile(energy, share) == pytest.approx(np.quantile(steep, share), rel=0.02)


def test_a_mix_follows_the_radius(rng):
    decays = seen(rng.normal(1.5, 0.2, 20_000), rng.uniform(0, 36, 20_000))
    square = rng.uniform(0, 36, 8000)
    found = Seen(rng.normal(1.5, 0.2, 8000) - 0.004 * (square - 18), square)
    cut = EnergyCut.of_spectrum(found, decays, 1.0)
    passed = cut.passes(decays, generator=rng)
    inner = decays.square < 12
    means = [decays.energy[passed & part].mean() for part in (inner, ~inner)]
    wanted = [found.energy[part].mean() for part in (square < 12, square >= 12)]
    assert means == pytest.approx(wanted, abs=0.012)
    assert wanted[0] - wanted[1] > 0.04


def test_light_is_seen_with_the_energy_that_made_it_wherever(rng):
    square = rng.uniform(0, 36, 40_000)
    vertex = np.sqrt(square / 3)[:, None] * np.ones(3)
    energy = rng.uniform(0.5, 2.0, 40_000)
    number = rng.poisson(energy * (500 + 3 * square))
    rising = Seen(2.2 * (1 + 0.01 * square[:4000]), square[:4000])
    scale = LightScale.of(number, energy, vertex, rising, ceiling=1.6)
    found = scale.seen(number, vertex, generator=rng)
    ratio = found.energy / energy / (1 + 0.01 * square)
    assert found.square == pytest.approx(square)
    for part in (square < 12, square > 24):
        assert ratio[part].mean() == pytest.approx(1 / 1.18, rel=5e-3)
    of_one_mev = (energy > 0.95) & (energy < 1.05)
    photons = 554 / 1.6
    assert (ratio[of_one_mev] * 1.18).std() == pytest.approx(photons**-0.5, rel=0.05)
