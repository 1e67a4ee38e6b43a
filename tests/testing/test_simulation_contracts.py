"""The contracts of simulation and fits catch those who break them: every law can fail."""

from dataclasses import replace

import numpy as np
import pytest
from broken_contracts import (
    CLOCK,
    assert_finds_the_culprit,
    assert_lets_pass,
    name_of,
    never_broken,
)

from kzcal.components import Fitter, Option, Source, Translator
from kzcal.particles import ALPHA, Primaries
from kzcal.parts import Minimum
from kzcal.testing import (
    FitterContract,
    SourceContract,
    TranslatorContract,
    simulation,
    synthetic_run,
)


def decaying(change, option="energy"):
    class Changed:
        def __init__(self, energy=5.0):
            self.energy = energy

        def sample(self, n, *, generator):
            alphas = np.full(2 * n, ALPHA, np.int32)
            energy = generator.uniform(0, self.energy / 2, 2 * n)
            along = np.tile([[0.0, 0.0, 1.0]], (2 * n, 1))
            columns = alphas, energy, np.tile([0.0, 1.0], n), along
            return change(Primaries(2 * np.arange(n + 1), *columns))

    options = (Option(option, 5.0, "MeV", "Most energy."),)
    return Source("alphas", "Two alphas.", Changed, q_value=5.0, options=options)


SOURCES = {
    "test_offsets_and_columns_fit_together": decaying(lambda d: replace(d, offsets=d.offsets[1:])),
    "test_particles_are_possible": decaying(lambda d: replace(d, energy=-d.energy)),
    "test_particles_follow_the_decay_in_order_of_time": decaying(
        lambda d: replace(d, time=d.time[::-1])
    ),
    "test_no_decay_gives_more_than_q": decaying(lambda d: replace(d, energy=3.0 * d.energy)),
    "test_the_same_generator_gives_the_same_decays": decaying(
        lambda d: replace(d, time=d.time + next(CLOCK))
    ),
    "test_no_decay_is_no_error": decaying(lambda d: replace(d, energy=np.append(d.energy, 1.0))),
    "test_options_have_words_and_a_default_that_means_what_it_says": decaying(
        lambda d: d, option="no option"
    ),
}


def translating(change):
    class Changed:
        def translate(self, events, detector, *, generator):
            return change(events)

    return Translator("same", "Nothing changes.", Changed)


def with_hits(events, **columns):
    return replace(events, hits=replace(events.hits, **columns))


TRANSLATORS = {
    "test_events_stay_and_hits_are_possible": translating(
        lambda e: with_hits(e, pmt=e.hits.pmt + np.uint16(2000))
    ),
    "test_the_same_generator_gives_the_same_hits": translating(
        lambda e: with_hits(e, time=e.hits.time + np.float32(next(CLOCK)))
    ),
    "test_a_run_without_events_is_no_error": translating(
        lambda e: e if len(e) else synthetic_run(n_events=3).events
    ),
}


def fitting(change, ask=(1.05, 17.0)):
    class Changed:
        def minimise(self, objective, parameters, *, seed):
            best = np.array([1.05, 17.0])
            objective(np.array(ask))
            covariance = np.array(FitterContract.covariance)
            return change(Minimum(best, covariance, objective(best), 2))

    return Fitter("known", "Knows the answer.", Changed)


FITTERS = {
    "test_the_minimum_is_found": fitting(lambda m: replace(m, values=m.values * 1.1)),
    "test_the_covariance_is_that_of_the_objective": fitting(
        lambda m: replace(m, covariance=m.covariance / 2)
    ),
    "test_the_same_seed_gives_the_same_minimum": fitting(
        lambda m: replace(m, values=m.values + 1e-6 * next(CLOCK))
    ),
    "test_parameters_stay_in_their_ranges": fitting(lambda m: m, ask=(1.05, 170.0)),
}


BROKEN = [
    *((SourceContract, law, part) for law, part in SOURCES.items()),
    *((TranslatorContract, law, part) for law, part in TRANSLATORS.items()),
    *((FitterContract, law, part) for law, part in FITTERS.items()),
]
WHOLE = [
    (SourceContract, decaying(lambda d: d)),
    (TranslatorContract, translating(lambda e: e)),
    (FitterContract, fitting(lambda m: m)),
]


@pytest.mark.parametrize(("contract", "law", "component"), BROKEN, ids=name_of)
def test_a_contract_finds_who_breaks_this_law(contract, law, component):
    assert_finds_the_culprit(contract, law, component)


@pytest.mark.parametrize(("contract", "component"), WHOLE, ids=name_of)
def test_a_contract_lets_the_faultless_pass(contract, component):
    assert_lets_pass(contract, component)


def test_every_law_is_broken_above():
    assert never_broken(simulation, BROKEN) == set()
