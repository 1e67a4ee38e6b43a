"""The contract of classifiers of candidates catches those who break it: every law can fail."""

from dataclasses import replace
from pathlib import Path

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
from tallying import TALLYING, LearningTally, Tallying

from kzcal.plugins import load
from kzcal.testing import LearnedCandidateContract, candidate_scores, scoring, training


def learning(**changes):
    """A classifier that learns from numbers of captures, some methods of its training changed."""
    return replace(TALLYING, learn=type("Changed", (LearningTally,), changes))


def scored(score):
    """A classifier whose scores of candidates are others once it is built."""

    class Changed(Tallying):
        def score(self, candidates):
            return score(candidates)

    return replace(TALLYING, build=Changed)


def spoilt(self, candidates):
    with torch.no_grad():
        self._network.line.bias += 1.0
    return LearningTally.score(self, candidates)


def scribbling(candidates):
    candidates.columns["energy"][:] = 1.0
    return candidates.counts.astype(float)


def last_capture(candidates):
    """Distance of the last point of each candidate, whichever that is."""
    distance = np.append(candidates.points["distance"], 0.0).astype(float)
    return np.where(candidates.counts > 0, distance[candidates.offsets[1:] - 1], 0.0)


def by_place(candidates):
    """The first column, whatever its name."""
    return np.nan_to_num(next(iter(candidates.columns.values()))).astype(float)


def by_truth(candidates):
    truth = candidates.truth.get("kind", np.zeros(len(candidates), "S1"))
    return (truth == b"xe136").astype(float)


LEARNERS = {
    "test_options_have_words": replace(
        TALLYING, options=(replace(TALLYING.options[0], unit=" "), TALLYING.options[1])
    ),
    "test_presets_choose_among_options": replace(TALLYING, presets={"quick": {"haste": 1.0}}),
    "test_a_step_tells_finite_numbers": learning(step=lambda self: {"loss": np.nan}),
    "test_the_same_seed_gives_the_same_weights": learning(
        weights=lambda self: {"line.weight": torch.full((1, 1), float(next(CLOCK)))}
    ),
    "test_resuming_changes_no_bit": learning(restore=lambda self, state: None),
    "test_scoring_does_not_disturb_the_training": learning(score=spoilt),
    "test_weights_are_all_that_a_score_needs": learning(
        score=lambda self, candidates: candidates.counts.astype(float)
    ),
    "test_everything_has_a_finite_score": scored(
        lambda candidates: candidates.columns["energy"].astype(float)
    ),
    "test_scores_differ": scored(lambda candidates: np.full(len(candidates), 0.3)),
    "test_each_is_scored_by_itself": scored(
        lambda candidates: candidates.counts - candidates.counts.mean()
    ),
    "test_what_is_scored_is_left_as_it_was": scored(scribbling),
    "test_the_record_names_what_it_takes": replace(TALLYING, takes="hits"),
    "test_the_truth_is_not_looked_at": scored(by_truth),
    "test_the_order_of_columns_and_of_captures_has_no_meaning": scored(last_capture),
}
BROKEN = [
    *((LearnedCandidateContract, law, part) for law, part in LEARNERS.items()),
    (
        LearnedCandidateContract,
        "test_the_order_of_columns_and_of_captures_has_no_meaning",
        scored(by_place),
    ),
]


@pytest.mark.parametrize(("contract", "law", "component"), BROKEN, ids=name_of)
def test_a_contract_finds_who_breaks_this_law(contract, law, component):
    assert_finds_the_culprit(contract, law, component)


def test_a_contract_lets_the_faultless_pass():
    assert_lets_pass(LearnedCandidateContract, TALLYING)


def test_the_example_of_the_plugin_guide_keeps_the_contract(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text()
    path = tmp_path / "nearby.py"
    path.write_text(text.partition('```python\n"""Long-lived')[2].partition("```")[0])
    path.write_text(f'"""Long-lived{path.read_text()}')
    record = load([path], installed=False).classifiers["nearby"]
    assert_lets_pass(LearnedCandidateContract, record)


@pytest.mark.parametrize("contracts", [candidate_scores, scoring, training], ids=name_of)
def test_every_law_is_broken_above(contracts):
    assert never_broken(contracts, BROKEN) == set()
