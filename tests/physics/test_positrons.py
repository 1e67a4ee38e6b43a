"""Annihilation of positrons at rest."""

import numpy as np

from kzcal.physics.positrons import annihilation_photons

N = 20_000


def annihilate(share, lifetime, seed=1):
    generator = np.random.default_rng(seed)
    position = np.random.default_rng(0).normal(size=(N, 3))
    return position, annihilation_photons(
        position,
        np.full(N, 7.0),
        ortho_positronium=(share, lifetime),
        generator=generator,
    )


def test_two_photons_back_to_back_from_where_it_rests():
    position, photons = annihilate(0.5, 3.0)
    np.testing.assert_array_equal(photons.energy, 0.51099895)
    np.testing.assert_array_equal(photons.position[0::2], position)
    np.testing.assert_array_equal(photons.position[1::2], position)
    np.testing.assert_array_equal(photons.direction[0::2], -photons.direction[1::2])
    np.testing.assert_array_equal(photons.time[0::2], photons.time[1::2])
    np.testing.assert_allclose(np.linalg.norm(photons.direction, axis=1), 1)
    # Mean of a component of an isotropic direction: 1 / sqrt(3 N); a false alarm in 1e-5 seeds.
    assert (np.abs(photons.direction[0::2].mean(axis=0)) < 4.8 / np.sqrt(3 * N)).all()


def test_ortho_positronium_waits():
    _, photons = annihilate(0.5, 3.0)
    wait = photons.time[0::2] - 7.0
    assert (wait >= 0).all()
    # 4.5 standard errors each: a false alarm in one of 70000 seeds.
    assert abs((wait > 0).mean() - 0.5) < 4.5 * 0.5 / np.sqrt(N)
    late = wait[wait > 0]
    assert abs(late.mean() - 3.0) < 4.5 * 3.0 / np.sqrt(len(late))


def test_without_it_they_annihilate_at_once():
    _, photons = annihilate(0.0, 3.0)
    np.testing.assert_array_equal(photons.time, 7.0)


def test_same_generator_same_photons():
    one, again, other = (annihilate(0.5, 3.0, seed)[1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.direction, again.direction)
    np.testing.assert_array_equal(one.time, again.time)
    assert not np.array_equal(one.direction, other.direction)
