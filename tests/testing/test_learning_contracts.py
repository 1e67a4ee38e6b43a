"""The contract of translators that learn catches those who break it: every law can fail."""

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
from thinning import THINNING, Counting

from kzcal.testing import LearnedTranslatorContract
from kzcal.testing import learning as contracts


def learning(option=THINNING.options[0], **changes):
    """A translator that learns by counting, with some methods changed."""
    changed = type("Changed", (Counting,), changes)
    return replace(THINNING, learn=changed, options=(option,))


def forgetful(self, state):
    self.counts = state["counts"].clone()


def spoilt(self, events, detector, *, generator):
    self.counts += 1.0
    return Counting.translate(self, events, detector, generator=generator)


def from_elsewhere(self):
    return {"share": torch.full((1879,), 0.9)}


LEARNERS = {
    "test_options_have_words": learning(replace(THINNING.options[0], unit=" ")),
    "test_a_step_tells_finite_numbers": learning(step=lambda self: {"loss": np.nan}),
    "test_the_same_seed_gives_the_same_weights": learning(
        weights=lambda self: {"share": torch.full((1879,), float(next(CLOCK)))}
    ),
    "test_resuming_changes_no_bit": learning(restore=forgetful),
    "test_translating_does_not_disturb_the_training": learning(translate=spoilt),
    "test_weights_are_all_that_a_translation_needs": learning(
        translate=lambda self, events, detector, *, generator: events
    ),
    "test_dead_pmts_stay_dead": learning(weights=from_elsewhere),
}


BROKEN = [
    *((LearnedTranslatorContract, law, part) for law, part in LEARNERS.items()),
]
WHOLE = [
    (LearnedTranslatorContract, learning()),
]


@pytest.mark.parametrize(("contract", "law", "component"), BROKEN, ids=name_of)
def test_a_contract_finds_who_breaks_this_law(contract, law, component):
    assert_finds_the_culprit(contract, law, component)


@pytest.mark.parametrize(("contract", "component"), WHOLE, ids=name_of)
def test_a_contract_lets_the_faultless_pass(contract, component):
    assert_lets_pass(contract, component)


def test_every_law_is_broken_above():
    assert never_broken(contracts, BROKEN) == set()
