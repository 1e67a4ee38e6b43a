"""A bench whose light comes from the map of bare geometry, and a score that is the spread."""

import functools

import pytest
import torch
from spreading import Spreading

from kzcal.classify.corrected import Correction
from kzcal.geometry import load_detector
from kzcal.optics.light_map_analytic import analytic_light_map
from kzcal.simulate import setup
from kzcal.simulate.cocktail import Cocktail
from kzcal.simulate.constants import Constants
from kzcal.simulate.energy_window import EnergyWindow
from kzcal.simulate.volumes import volume
from kzcal.study.bench import Bench

WINDOW = EnergyWindow(2.0, 2.6)
DETECTOR = load_detector()


@functools.cache
def bench(seed: int = 1) -> Bench:
    """With nominal PMTs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setup, "light_map_of", lambda d, _materials, **_: analytic_light_map(d))
        cocktail = Cocktail(0, (), seed=seed, vertex="smeared")
        simulation = setup.Setup(cocktail, Constants()).open()
    correction = Correction.of(Constants().payload(DETECTOR), DETECTOR)
    where = volume("sphere:1.67", DETECTOR)
    classifier = Spreading(torch.tensor([0.0, -1.0]))
    return Bench(classifier, DETECTOR, simulation, correction, WINDOW, where)
