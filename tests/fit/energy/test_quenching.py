"""Light of simulated decays as a function of the Birks constant."""

import numpy as np
import pytest
import torch

from kzcal.fit.energy.quenching import (
    BirksTables,
    QuenchedLight,
    quenched_light,
    transport_at,
)
from kzcal.fit.light.points import source_of
from kzcal.geometry import load_detector
from kzcal.geometry.materials import load_materials


def at(**values):
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()}


def places(n):
    return np.tile([0.0, 0.0, 3.5], (n, 1))


@pytest.fixture(scope="module")
def detector():
    return load_detector()


@pytest.fixture(scope="module")
def tables(detector):
    return BirksTables.of(detector, load_materials())


@pytest.fixture(scope="module")
def lights(tables):
    return {
        name: quenched_light(name, tables, places(400), seed=3)
        for name in ("neutron-capture", "po210", "bi214")
    }


@pytest.mark.parametrize("name", ["neutron-capture", "po210", "bi214"])
@pytest.mark.parametrize("ratio", [0.55, 1.2, 2.1])
def test_mean_light_is_that_of_the_transport_at_that_constant(lights, detector, name, ratio):
    generator = np.random.default_rng([3, *name.encode()])
    decays = source_of(name).sample(400, generator=generator)
    transport = transport_at(detector, load_materials(), ratio)
    deposits = transport.deposits(decays, places(400), generator=generator)
    expected = transport.truth(deposits)["e_quenched"].mean()
    light = lights[name]
    found = light.energy(at(birks_mm_per_mev=ratio * light.birks))
    assert float(light.weight @ found) == pytest.approx(expected, rel=2e-4)


def test_shells_keep_the_light_of_their_own_places(tables):
    inside = np.tile([0.0, 0.0, 1.0], (300, 1))
    alone = [quenched_light("po214", tables, p, seed=3) for p in (inside, places(300))]
    mean = [float(light.weight @ light.energy({})) for light in alone]
    assert mean[0] > 1.01 * mean[1]
    together = QuenchedLight.by_shell(alone)
    for changed in (at(), at(birks_mm_per_mev=0.2, alpha_slope=0.1)):
        separate = torch.stack([light.energy(changed) for light in alone])
        torch.testing.assert_close(together.energy(changed), separate)


def test_without_quenching_loss_all_energy_shines(lights):
    light = lights["neutron-capture"]
    found = float(light.weight @ light.energy(at(electron_quenching=0.0)))
    assert found == pytest.approx(2.2246, rel=3e-3)


def test_alpha_light_scales_alphas_alone(lights):
    for name, factor in (("po210", 1.05), ("neutron-capture", 1.0)):
        light = lights[name]
        ratio = light.energy(at(alpha_light=1.05)) / light.energy({})
        torch.testing.assert_close(ratio, torch.full_like(ratio, factor))


def test_a_steeper_law_changes_lines_by_their_energies(lights):
    light = lights["po210"]
    ratio = light.energy(at(alpha_slope=0.1)) / light.energy({})
    assert float(ratio[0]) == pytest.approx((5.304 / 6.4) ** 0.1, rel=1e-3)


def test_light_falls_with_the_constant_and_its_slope_is_that_of_differences(lights):
    for light in lights.values():

        def mean(birks, light=light):
            return light.weight @ light.energy({"birks_mm_per_mev": birks})

        here = torch.tensor(1.1 * light.birks, dtype=torch.float64)
        slope = torch.func.jacfwd(mean)(here)
        step = 1e-5
        assert float(slope) < 0
        assert float(slope) == pytest.approx(
            float(mean(here + step) - mean(here - step)) / (2 * step), rel=1e-5
        )


def test_cherenkov_light_adds_in_proportion_to_its_scale(lights):
    light = lights["neutron-capture"]
    none, one, two = (light.energy(at(cherenkov_scale=s)) for s in (0.0, 1.0, 2.0))
    assert (one >= none).all()
    assert float((one - none).sum()) > 0
    torch.testing.assert_close(two - one, one - none)
    assert not lights["po210"].cherenkov.any()
