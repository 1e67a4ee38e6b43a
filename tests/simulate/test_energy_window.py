"""Windows of quenched energy: nothing outside, and as many events of each energy inside."""

import functools

import numpy as np
import pytest

from kzcal.errors import ConfigurationError
from kzcal.geometry import load_detector
from kzcal.physics.transport import Transport
from kzcal.plugins import load
from kzcal.simulate.energy_window import BINS, RAREST, EnergyWindow, Thinning, thinned
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.separation import Parted, part_events
from kzcal.simulate.volumes import volume

DETECTOR = load_detector()
TRANSPORT, CENTRE = Transport(DETECTOR), volume("sphere:1.67", DETECTOR)
WINDOW = EnergyWindow(2.0, 2.6)
KEY = BlockKey(1, 0, "bi214", 0)


def source(name: str, **options: float):
    return load(installed=False).sources[name].prepare(options)


def flat(name: str, window: EnergyWindow = WINDOW, **options: float) -> Thinning:
    return Thinning.flat(window, source(name, **options), CENTRE, TRANSPORT, KEY)


@functools.cache
def bismuth() -> Thinning:
    return flat("bi214")


def decays(name: str, n: int) -> Parted:
    generator = np.random.default_rng(5)
    primaries = source(name).sample(n, generator=generator)
    place = CENTRE.sample(n, generator=generator)
    return part_events(TRANSPORT.deposits(primaries, place, generator=generator))


def quenched(parted: Parted) -> np.ndarray:
    return TRANSPORT.truth(parted.deposits)["e_quenched"]


def test_what_stays_is_flat_where_the_spectrum_is_not():
    before = decays("bi214", 40_000)
    after = thinned(before, bismuth(), TRANSPORT, generator=np.random.default_rng(1))
    counts = [np.histogram(quenched(part), WINDOW.edges)[0] for part in (before, after)]
    expected = counts[1].sum() / BINS
    # Pearson's sum over 16 bins; chances known from 65,536 decays widen it by half, so that it
    # passes 60 once in 3,000 times. Without thinning it is 240.
    assert ((counts[1] - expected) ** 2 / expected).sum() < 60
    assert ((counts[0] - counts[0].mean()) ** 2 / counts[0].mean()).sum() > 150
    assert quenched(after).min() >= WINDOW.lower
    assert quenched(after).max() < WINDOW.upper


def test_deposits_stay_with_their_events():
    before = decays("bi214", 500)
    kept = np.random.default_rng(2).random(len(before.decay)) < 0.3
    after = before.where(kept)
    assert np.array_equal(quenched(after), quenched(before)[kept])
    assert np.array_equal(after.decay, before.decay[kept])
    assert len(after.deposits.time) == after.deposits.offsets[-1]


def test_chances_are_probabilities_and_rare_energies_do_not_empty_the_window():
    # Electrons are rare above their flat spectrum, whose lower end lies in the window.
    thinning = flat("electron", EnergyWindow(1.0, 2.0), energy=1.9, energy_to=2.0)
    assert thinning.chance.max() == 1
    assert thinning.chance.min() > RAREST / BINS


def test_a_window_that_few_decays_reach_is_told_by_more_of_them():
    # Flat up to 9.751 MeV of quenched energy: 1.5 per cent of the decays lie in the window, in its
    # lower quarter, 1,000 of the first 65,536. Each of four bins then has 4,000 of 16,000 pilots.
    thinning = flat("electron", EnergyWindow(9.6, 10.2), energy=0.1, energy_to=10.0)
    chance = thinning.chance
    assert chance[-1] == chance.max() == 1
    expected = RAREST * (9.751 - 9.6) / 0.6
    np.testing.assert_allclose(chance[chance < 1], np.full(4, expected), rtol=0.1)


def test_the_same_key_gives_the_same_chances():
    pairs = source("electron-pair", energy=2.0, energy_to=2.7)
    first, again, other = (
        Thinning.flat(WINDOW, pairs, CENTRE, TRANSPORT, BlockKey(seed, 0, "bb", 0)).chance
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_without_a_spectrum_every_event_in_the_window_stays():
    energy = np.array([1.9, 2.0, 2.3, 2.6])
    kept = Thinning.none(WINDOW).kept(energy, generator=np.random.default_rng(1))
    assert kept.tolist() == [False, True, True, False]


def test_a_window_without_decays_is_refused():
    with pytest.raises(ConfigurationError, match=r"2 to 2\.6 MeV of quenched energy, got 0 of"):
        flat("electron", energy=1.0)


def test_a_window_that_hardly_any_decay_reaches_is_refused():
    with pytest.raises(ConfigurationError, match=r"16000 of 2097152 decays of bi214 .* widen"):
        flat("bi214", EnergyWindow(3.05, 3.3))


@pytest.mark.parametrize("text", ["2.0", "2.6:2.0", "a:b", "-1:2", "2:inf", "2:3:4"])
def test_a_window_that_is_none_is_refused(text: str):
    with pytest.raises(ConfigurationError, match="window of quenched energy"):
        EnergyWindow.parse(text)
