"""The chain that ends with energy deposits."""

import numpy as np
import pytest

from kzcal.errors import ConfigurationError
from kzcal.geometry import load_detector
from kzcal.physics.transport import Transport
from kzcal.plugins import load
from kzcal.simulate.cocktail import Cocktail, Ingredient
from kzcal.simulate.constants import Constants
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.setup import Setup
from kzcal.simulate.smearing import Smearing
from kzcal.simulate.timeline import BLOCK, Series
from kzcal.simulate.vertices import VertexChain, visible_scale
from kzcal.simulate.volumes import volume

DETECTOR = load_detector()
TRANSPORT = Transport(DETECTOR)


def block(name: str, errors: Smearing | None, where: str = "sphere:3", **options):
    source = load(installed=False).sources[name].prepare(options)
    series = Series(name, name, source, volume(where, DETECTOR), BLOCK)
    key = BlockKey(1, 0, name, 0)
    return VertexChain(TRANSPORT, errors).simulate(series.batch(0, key), key).reported


def test_without_errors_the_truth_is_found():
    events = block("electron", Smearing(0.0, 0.0, energy=0.0, scale=1.1), energy=2.0)
    true = np.stack([events.truth[axis] for axis in "xyz"], axis=1)
    assert len(events) == BLOCK
    assert np.allclose(events.vertex, true, atol=1e-6)
    assert np.allclose(events.energy, 1.1 * events.truth["e_quenched"], rtol=1e-6)
    assert (events.hits.counts == 0).all()


def test_captures_have_their_own_energy_on_the_scale():
    scale = visible_scale(TRANSPORT)
    events = block(
        "gamma", Smearing(0.0, 0.0, energy=0.0, scale=scale), "sphere:3.9", energy=2.2246
    )
    # The spread of their quenched energies is 1 %; the mean of 64 is known to 0.13 %, 5 of which
    # are 0.014 MeV.
    assert abs(float(events.energy.mean()) - 2.2246) < 0.014
    assert scale == visible_scale(TRANSPORT)


def test_a_cascade_becomes_two_events_at_their_times():
    events = block("bipo214", Smearing(0.1, 0.3))
    later = np.flatnonzero(events.truth["part"] == 1)
    assert len(later) > 55
    assert (events.timestamp[later] > events.timestamp[later - 1]).all()


def test_without_errors_given_nothing_is_reconstructed():
    assert not block("electron", None, energy=1.0).reconstructed.any()


def test_hits_that_are_not_there_cannot_be_fitted():
    part = Ingredient("c11", "ls", number=1)
    with pytest.raises(ConfigurationError, match="without hits vertices are smeared"):
        Setup(Cocktail(1, (part,)), Constants(), hits=False)
