"""Holes in the shells of an atom."""

import numpy as np
import pytest

from kzcal.particles import ELECTRON, GAMMA
from kzcal.physics.decay_table import Atom
from kzcal.physics.emission import in_order
from kzcal.physics.relaxation import Holes, K, L, M, relax

TELLURIUM = Atom((0.031814, 0.004341, 0.00082), 0.875, 0.02738, 0.03100, 0.18)


def filled(shell: int, n: int = 20_000):
    holes = Holes(np.arange(n), np.zeros(n, np.int64), np.full(n, shell), np.zeros(n))
    return in_order(relax(holes, (TELLURIUM,), generator=np.random.default_rng(6)), n)


@pytest.mark.parametrize("shell", [K, L, M])
def test_what_comes_out_adds_up_to_the_binding_energy(shell: int):
    found = filled(shell)
    total = np.bincount(found.decay, found.energy, minlength=20_000)
    np.testing.assert_allclose(total, TELLURIUM.binding[shell], rtol=1e-12)


def test_a_k_hole_glows_as_often_as_its_yield_says():
    found = filled(K)
    photons = found.energy[found.particle == GAMMA]
    error = np.sqrt(0.875 * 0.125 / 20_000)
    assert abs(len(photons) / 20_000 - 0.875) < 4.0 * error
    assert abs((photons == 0.03100).mean() - 0.18) < 4.0 * np.sqrt(0.18 * 0.82 / len(photons))


def test_outer_holes_give_electrons_only():
    assert set(filled(L).particle) == {ELECTRON}
