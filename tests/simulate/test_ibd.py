"""Laws of antineutrinos' pairs of events."""

import numpy as np
import pytest

from kzcal.errors import ConfigurationError
from kzcal.hits import Events
from kzcal.physics.inverse_beta import OFFSET
from kzcal.simulate.antineutrino_run import AntineutrinoRequest, CoincidenceSetup
from kzcal.simulate.cocktail import Cocktail, Ingredient
from kzcal.simulate.constants import Constants
from kzcal.simulate.ibd import Flux, NeutronWalk
from kzcal.simulate.ibd_events import ALONE, DELAYED, PROMPT
from kzcal.simulate.order import joined
from kzcal.simulate.run import events_of
from kzcal.simulate.setup import Setup
from kzcal.simulate.timeline import SPACING_NS

N = 3000
DAY_S = 86_400.0


def simulated(request: AntineutrinoRequest | None, *parts: Ingredient, seed=1, **asked) -> Events:
    chosen = {"duration_s": asked.pop("duration_s", None), "vertex": "smeared:0.12:0.35"}
    cocktail = Cocktail(1, parts, seed=seed, **chosen)
    setup = Setup(cocktail, Constants(), hits=False)
    recipe = CoincidenceSetup(setup, request, **asked)
    return joined([part.reported for part in events_of(recipe, recipe.open())])


def of(events: Events, kind: str) -> Events:
    """Events of a kind by their group."""
    rows = np.flatnonzero(events.truth["kind"] == kind.encode())
    return events.take(rows[np.argsort(events.truth["group"][rows])])


@pytest.fixture(scope="module")
def pairs() -> tuple[Events, Events]:
    flux = Flux.parse("reactor:0.6,geo:0.4")
    events = simulated(AntineutrinoRequest(flux, N, volume="sphere:5"))
    assert (np.diff(events.timestamp) >= 0).all()
    return of(events, PROMPT), of(events, DELAYED)


def test_each_antineutrino_gives_two_events(pairs: tuple[Events, Events]):
    for events in pairs:
        assert np.array_equal(events.truth["group"], np.arange(N))
    assert np.array_equal(pairs[0].timestamp, np.arange(N) * SPACING_NS)


def test_neutrons_are_captured_in_their_mean_time(pairs: tuple[Events, Events]):
    wait = (pairs[1].timestamp - pairs[0].timestamp) * 1e-3
    # The mean of an exponential of 207.5 us, and the share that lives longer than it: 5 sigma.
    assert abs(wait.mean() / 207.5 - 1) < 5 / np.sqrt(N)
    share = np.exp(-1)
    assert abs(np.mean(wait > 207.5) - share) < 5 * np.sqrt(share * (1 - share) / N)


def test_the_prompt_energy_is_the_antineutrino_s_less_0_78_mev(pairs: tuple[Events, Events]):
    prompt = pairs[0]
    left = prompt.truth["e_neutrino"] - prompt.truth["e_dep"]
    # The neutron takes up to some tens of keV; a gamma that leaves takes more, which is rare.
    assert np.median(left) == pytest.approx(OFFSET, abs=0.02)
    assert np.mean(left < OFFSET - 1e-6) == 0


def test_delayed_energies_are_those_of_captures(pairs: tuple[Events, Events]):
    energy = pairs[1].energy
    on_hydrogen = (energy > 1.8) & (energy < 2.6)
    # 2.2246 MeV with 6.5 %/sqrt(E): 0.097 MeV, of whose median of 3,000 5 sigma are 0.011.
    assert abs(np.median(energy[on_hydrogen]) - 2.2246) < 0.02
    assert np.std(energy[on_hydrogen]) == pytest.approx(0.065 * np.sqrt(2.2246), rel=0.1)
    # 0.77 % on carbon, at 4.95 MeV: 5 sigma of 3,000 are 0.8 %.
    assert abs(np.mean(energy > 4.0) - 0.0077) < 0.008


def test_both_are_near_each_other(pairs: tuple[Events, Events]):
    prompt, delayed = pairs
    distance = np.linalg.norm(prompt.vertex.astype(float) - delayed.vertex, axis=1)
    # A gamma of 2.2 MeV goes some 30 cm.
    assert 0.25 < np.median(distance) < 0.45
    assert np.mean(distance < 1.6) > 0.97


def test_the_walk_goes_forward_and_spreads():
    ahead = np.tile([0.0, 0.0, 1.0], (20_000, 1))
    way, wait = NeutronWalk(0.03, 0.06).captured(ahead, generator=np.random.default_rng(1))
    # 5 sigma of means of 20,000.
    assert np.allclose(way.mean(axis=0), [0.0, 0.0, 0.03], atol=5 * 0.06 / np.sqrt(3 * 20_000))
    assert np.sqrt(way.var(axis=0).sum()) == pytest.approx(0.06, rel=0.02)
    assert wait.min() > 0


def test_a_still_neutron_stays():
    ahead = np.tile([0.0, 0.0, 1.0], (10, 1))
    walk = NeutronWalk(0.0, 0.0, 0.0)
    way, wait = walk.captured(ahead, generator=np.random.default_rng(1))
    assert not way.any()
    assert not wait.any()


def test_more_only_add_to_fewer_and_the_seed_decides():
    request = AntineutrinoRequest(Flux.parse("geo"), 40)
    few, many, other = (
        simulated(AntineutrinoRequest(Flux.parse("geo"), n), seed=seed)
        for n, seed in ((40, 1), (300, 1), (40, 2))
    )
    first = many.take(many.truth["group"] < 40)
    assert np.array_equal(few.vertex, first.vertex, equal_nan=True)
    assert np.array_equal(few.timestamp, first.timestamp)
    assert np.array_equal(few.energy, simulated(request).energy, equal_nan=True)
    assert not np.array_equal(few.truth["e_neutrino"], other.truth["e_neutrino"])


def test_a_run_has_antineutrinos_at_their_rate_among_single_events():
    request = AntineutrinoRequest(Flux.parse("reactor"), rate_per_day=4000.0)
    single = Ingredient("c11", "ls", rate_per_day=2000.0)
    events = simulated(request, single, duration_s=DAY_S / 2, least_mev=0.9)
    assert (np.diff(events.timestamp) >= 0).all()
    alone = events.truth["kind"] == b"c11"
    assert (events.truth["group"][alone] == ALONE).all()
    assert np.isnan(events.truth["e_neutrino"][alone]).all()
    # 5 sigma of 2,000; and the most that is left of 1,000 whose energies begin at 1 MeV.
    n_pairs = len(of(events, PROMPT))
    assert abs(n_pairs - 2000) < 5 * np.sqrt(2000)
    assert 850 < alone.sum() < 1000 + 5 * np.sqrt(1000)
    assert len(np.unique(events.truth["group"][~alone])) == n_pairs
    # Uniform times: 5 sigma of their mean.
    share = of(events, PROMPT).timestamp / (DAY_S / 2 * 1e9)
    assert abs(share.mean() - 0.5) < 5 / np.sqrt(12 * n_pairs)


def test_a_number_in_a_run_is_exact():
    request = AntineutrinoRequest(Flux.parse("geo"), number=500)
    events = simulated(request, duration_s=DAY_S)
    assert len(of(events, PROMPT)) == len(of(events, DELAYED)) == 500


def test_single_events_below_the_least_energy_are_left_out():
    beta = Ingredient("bi210", "ls", rate_per_day=4000.0)
    events = simulated(None, beta, duration_s=DAY_S, least_mev=0.6)
    assert 0 < len(events) < 2000
    # Quenched energies of electrons are 1.4 % off the scale at most, errors 5 sigma of 0.05.
    assert events.energy.min() > 0.6 - 0.26


def test_fluxes_are_read():
    assert Flux.parse("geo").shares == (("geo", 1.0),)
    assert Flux.parse("reactor:3,geo:1").shares == (("reactor", 0.75), ("geo", 0.25))


@pytest.mark.parametrize("text", ["", "sun", "geo:-1", "geo:a", "geo,geo", "geo:inf"])
def test_other_fluxes_are_refused(text: str):
    with pytest.raises(ConfigurationError, match="a flux names each of reactor, geo once"):
        Flux.parse(text)


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigurationError, match="spread_m of a neutron must be finite"):
        NeutronWalk(spread_m=-0.1)
    with pytest.raises(ConfigurationError, match="rate of antineutrinos must not be negative"):
        AntineutrinoRequest(Flux.parse("geo"), rate_per_day=-1.0)
