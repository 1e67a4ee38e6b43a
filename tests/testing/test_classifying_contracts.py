"""The contract of classifiers that learn catches those who break it: every law can fail."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from broken_contracts import (
    CLOCK,
    assert_finds_the_culprit,
    assert_lets_pass,
    name_of,
    never_broken,
)
from spreading import SPREADING, LearningSpread, Spreading, spread

from kzcal.testing import LearnedClassifierContract, classifying, training
from kzcal.testing import scoring as laws_of_scores


def learning(**changes):
    """A classifier that learns from spreads, with some methods of its training changed."""
    return replace(SPREADING, learn=type("Changed", (LearningSpread,), changes))


def scoring(score):
    """A classifier whose scores, of slope and events, are others once it is built."""

    class Changed(Spreading):
        def score(self, events):
            return score(self.slope.detach().double().numpy()[1], events)

    return replace(SPREADING, build=lambda trained: Changed(trained.weights["slope"]))


def forgetful(self, state):
    self.slope.data.copy_(state["slope"])


def spoilt(self, events):
    with torch.no_grad():
        self.slope += 1.0
    return LearningSpread.score(self, events)


def scribbling(slope, events):
    events.energy[:] = 1.0
    return slope * spread(events)


LEARNERS = {
    "test_options_have_words": replace(
        SPREADING, options=(replace(SPREADING.options[0], unit=" "), SPREADING.options[1])
    ),
    "test_presets_choose_among_options": replace(SPREADING, presets={"wide": {}}),
    "test_a_step_tells_finite_numbers": learning(step=lambda self: {"loss": np.nan}),
    "test_the_same_seed_gives_the_same_weights": learning(
        weights=lambda self: {"slope": torch.full((2,), float(next(CLOCK)))}
    ),
    "test_resuming_changes_no_bit": learning(restore=forgetful),
    "test_scoring_does_not_disturb_the_training": learning(score=spoilt),
    "test_weights_are_all_that_a_score_needs": learning(score=lambda self, events: spread(events)),
    "test_everything_has_a_finite_score": scoring(
        lambda slope, events: spread(events).astype(np.float32)
    ),
    "test_scores_differ": scoring(lambda slope, events: np.full(len(events), 0.3)),
    "test_each_is_scored_by_itself": scoring(
        lambda slope, events: spread(events) - spread(events).mean()
    ),
    "test_the_order_of_hits_has_no_meaning": scoring(
        lambda slope, events: np.add.reduceat(
            np.append(events.hits.pmt * (np.arange(len(events.hits.pmt)) % 2), 0.0),
            events.hits.offsets[:-1],
        )
    ),
    "test_other_runs_have_no_say": scoring(
        lambda slope, events: spread(events) * events.live.sum()
    ),
    "test_what_is_scored_is_left_as_it_was": scoring(scribbling),
}

NARROW = scoring(lambda slope, events: 1e-5 * (spread(events) - spread(events).mean()))
"""Its scores differ little, and hang on the other events by as much as they differ."""

BROKEN = [
    *((LearnedClassifierContract, law, part) for law, part in LEARNERS.items()),
    (LearnedClassifierContract, "test_each_is_scored_by_itself", NARROW),
]
WHOLE = [
    (LearnedClassifierContract, learning()),
]


@pytest.mark.parametrize(("contract", "law", "component"), BROKEN, ids=name_of)
def test_a_contract_finds_who_breaks_this_law(contract, law, component):
    assert_finds_the_culprit(contract, law, component)


@pytest.mark.parametrize(("contract", "component"), WHOLE, ids=name_of)
def test_a_contract_lets_the_faultless_pass(contract, component):
    assert_lets_pass(contract, component)


@pytest.mark.parametrize("contracts", [classifying, laws_of_scores, training], ids=name_of)
def test_every_law_is_broken_above(contracts):
    assert never_broken(contracts, BROKEN) == set()
