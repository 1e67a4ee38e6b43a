"""The contracts of what works on runs catch those who break them: every law can fail."""

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

from kzcal.components import Classifier, Estimator, Sample
from kzcal.conditions.payload import Column
from kzcal.parts import Selection
from kzcal.testing import ClassifierContract, EstimatorContract, SampleContract, runs


def selecting(change):
    """A selection of bright events, changed."""

    class Changed:
        def select(self, events, muons, header, detector):
            rows = np.nan_to_num(events.energy) > 1.5
            return change(events, Selection(rows, 0.9, 0.1, "Counted."))

    return Sample("bright", "Bright events.", Changed)


def scribble(events, found):
    events.energy[:] = 1.0
    return found


SELECTIONS = {
    "test_rows_say_of_every_event_whether_it_belongs": lambda e, s: replace(
        s, rows=np.flatnonzero(s.rows)
    ),
    "test_purity_is_a_share_with_an_error_and_a_note": lambda e, s: replace(s, purity=1.2),
    "test_the_same_run_gives_the_same_sample": lambda e, s: replace(
        s, purity=1.0 / (2 + next(CLOCK))
    ),
    "test_the_run_is_left_as_it_was": scribble,
    "test_the_order_of_events_has_no_meaning": lambda e, s: replace(
        s, rows=np.arange(len(s.rows)) < 10
    ),
    "test_a_run_without_events_or_muons_has_an_empty_sample": lambda e, s: replace(
        s, rows=np.ones(max(len(e), 1), bool)
    ),
}


def estimating(change=lambda c: c, accumulate=None):
    """The mean charge of every PMT, changed."""

    class Changed:
        def __init__(self):
            self.total, self.counts = np.zeros(1879), np.zeros(1879)

        def accumulate(self, chunk):
            hits = chunk.events.hits
            self.counts += np.bincount(hits.pmt, minlength=1879)
            self.total += np.bincount(hits.pmt, hits.charge, minlength=1879)
            if accumulate:
                accumulate(self, chunk)

        def estimate(self):
            n = np.maximum(self.counts, 1)
            return {"charge": change(Column(self.total / n, "p.e.", "Mean charge.", 1 / n))}

    return Estimator("charge", "Mean charge.", Changed)


SHARED = np.zeros(1879)


def remember(_self, chunk):
    global SHARED
    SHARED = SHARED + np.bincount(chunk.events.hits.pmt, minlength=1879)
    _self.total = SHARED


ESTIMATORS = {
    "test_every_column_has_a_row_per_pmt_a_unit_and_words": estimating(
        lambda c: replace(c, unit="")
    ),
    "test_errors_are_positive_where_values_are_known": estimating(
        lambda c: replace(c, errors=0 * c.errors)
    ),
    "test_the_split_into_chunks_has_no_meaning": estimating(
        accumulate=lambda self, chunk: self.total.__iadd__(1)
    ),
    "test_two_estimators_share_nothing": estimating(accumulate=remember),
    "test_a_run_without_events_is_no_error": estimating(
        accumulate=lambda self, chunk: chunk.events.energy.reshape(-1)[0]
    ),
}


def scoring(score):
    class Changed:
        def score(self, events, muons, detector):
            return score(events)

    return Classifier("bright", "How bright.", Changed)


CLASSIFIERS = {
    "test_every_event_has_a_finite_score": scoring(lambda e: e.energy.astype(float)),
    "test_the_same_run_gives_the_same_scores": scoring(lambda e: np.full(len(e), next(CLOCK))),
    "test_the_order_of_events_has_no_meaning": scoring(lambda e: np.arange(len(e), dtype=float)),
    "test_a_run_without_events_has_no_score": scoring(lambda e: np.zeros(max(len(e), 1))),
}


BROKEN = [
    *((SampleContract, law, selecting(change)) for law, change in SELECTIONS.items()),
    *((EstimatorContract, law, part) for law, part in ESTIMATORS.items()),
    *((ClassifierContract, law, part) for law, part in CLASSIFIERS.items()),
]
WHOLE = [
    (SampleContract, selecting(lambda e, s: s)),
    (EstimatorContract, estimating()),
    (ClassifierContract, scoring(lambda e: e.hits.counts.astype(float))),
]


@pytest.mark.parametrize(("contract", "law", "component"), BROKEN, ids=name_of)
def test_a_contract_finds_who_breaks_this_law(contract, law, component):
    assert_finds_the_culprit(contract, law, component)


@pytest.mark.parametrize(("contract", "component"), WHOLE, ids=name_of)
def test_a_contract_lets_the_faultless_pass(contract, component):
    assert_lets_pass(contract, component)


def test_every_law_is_broken_above():
    assert never_broken(runs, BROKEN) == set()
