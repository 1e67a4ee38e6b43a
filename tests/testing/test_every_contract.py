"""What all contracts have in common, and the run that they use."""

import inspect

import numpy as np
import pytest
from broken_contracts import subject

from kzcal import testing
from kzcal.components import Estimator, Sample
from kzcal.testing import ComponentContract, SampleContract, synthetic_run

HELD_TO_ACCOUNT = {
    *("candidate_scores", "classifying", "contract", "learning", "outputs", "runs"),
    *("simulation",),
}
"""Modules whose laws tests of their names break one by one."""


def test_every_contract_is_held_to_account():
    contracts = [c for c in vars(testing).values() if inspect.isclass(c)]
    modules = {c.__module__ for c in contracts if issubclass(c, ComponentContract)}
    assert {module.rpartition(".")[2] for module in modules} == HELD_TO_ACCOUNT


def test_a_record_of_another_kind_or_without_words_is_found():
    wrong = subject(SampleContract, Estimator("charge", "Mean charge.", list))
    with pytest.raises(AssertionError, match="Sample"):
        wrong.test_the_record_is_of_the_kind_that_its_hook_yields()
    nameless = subject(SampleContract, Sample("No Name", " ", list))
    with pytest.raises(AssertionError, match="lower-case"):
        nameless.test_the_record_has_a_name_and_a_summary()


def test_the_synthetic_run_is_the_same_for_the_same_seed_and_in_time_order():
    run, again, other = synthetic_run(3), synthetic_run(3), synthetic_run(4)
    assert np.array_equal(run.events.hits.time, again.events.hits.time)
    assert not np.array_equal(run.events.timestamp, other.events.timestamp)
    assert (np.diff(run.events.timestamp) >= 0).all()
    assert run.events.hits.pmt.max() < run.detector.n_pmt
    assert len(run.table.hits.pmt) == 0
    assert len(run.table) == len(run.events)
