"""Light of decays: where it is put, and what departs from Birks' law."""

import numpy as np
import pytest
import torch

from kzcal.fit.energy.quenching import BirksTables, quenched_light
from kzcal.fit.light.points import source_of
from kzcal.geometry import load_detector
from kzcal.geometry.materials import load_materials
from kzcal.translate.decays import Quenching

SCINTILLATOR_M = 5.0
"""A radius within the outer scintillator."""


def light(sample, n=200, seed=2, **values):
    """Sites and energies of decays at x = 5 m."""
    quenching = Quenching.of(load_detector(), load_materials(), values)
    start = np.tile([SCINTILLATOR_M, 0.0, 0.0], (n, 1))
    rng = np.random.default_rng(seed)
    return quenching.light(source_of(sample), start, generator=rng)


@pytest.mark.parametrize("sample", ["neutron-capture", "c11", "po210"])
def test_light_is_about_its_place(sample):
    sites, energy = light(sample)
    weight = sites.scintillation.double()
    total = torch.zeros(len(energy), dtype=torch.float64).index_add(0, sites.event, weight)
    mean = torch.zeros(len(energy), 3, dtype=torch.float64)
    mean.index_add_(0, sites.event, weight[:, None] * sites.position.double())
    centroid = (mean / total[:, None]).numpy()
    assert centroid == pytest.approx(np.tile([5.0, 0, 0], (len(energy), 1)), abs=1e-5)


def test_alphas_give_the_light_that_a_fit_found():
    _, plain = light("po210")
    _, brighter = light("po210", alpha_light=1.1)
    assert brighter == pytest.approx(1.1 * plain)
    _, steeper = light("po210", alpha_slope=-0.1)
    assert steeper == pytest.approx(plain * (5.304 / 6.4) ** -0.1, rel=1e-3)
    _, quenched = light("po210", electron_quenching=0.0)
    assert quenched == pytest.approx(plain)


def test_electrons_lose_what_a_fit_found():
    _, plain = light("c11")
    _, alike = light("c11", alpha_light=1.3, electron_quenching=1.0)
    assert alike == pytest.approx(plain)
    _, lossless = light("c11", electron_quenching=0.0)
    _, twice = light("c11", electron_quenching=2.0)
    assert lossless - plain == pytest.approx(plain - twice, rel=1e-5)
    assert (lossless > 1.04 * plain).all()


@pytest.mark.parametrize("sample", ["neutron-capture", "c11", "po214"])
def test_energies_are_those_of_the_global_fit(sample):
    values = {"electron_quenching": 1.3, "alpha_light": 0.95, "alpha_slope": -0.2}
    detector, materials, n = load_detector(), load_materials(), 500
    start = np.tile([SCINTILLATOR_M, 0.0, 0.0], (n, 1))
    generator = np.random.default_rng([7, *sample.encode()])
    quenching = Quenching.of(detector, materials, values)
    _, energy = quenching.light(source_of(sample), start, generator=generator)
    fitted = quenched_light(sample, BirksTables.of(detector, materials), start, seed=7)
    tensors = {name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()}
    mean = float(fitted.weight @ fitted.energy(tensors))
    assert energy.mean() == pytest.approx(mean, rel=1e-3)
