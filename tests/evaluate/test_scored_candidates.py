"""Candidates with their scores: classes, columns, and those that are not known."""

from dataclasses import replace

import numpy as np
import pytest

from kzcal.candidates import IBD, SPALLATION
from kzcal.components import HITS
from kzcal.errors import ConfigurationError
from kzcal.evaluate.config import EvaluationConfig
from kzcal.evaluate.dependence import Column, dependence
from kzcal.evaluate.evaluation import evaluate
from kzcal.evaluate.kinds import chosen_kinds
from kzcal.evaluate.scored import Labelled, Scored
from kzcal.testing import synthetic_candidates

CANDIDATES, SIGNAL = synthetic_candidates(SPALLATION, 400)
QUICK = EvaluationConfig(draws=20)


def labelled(candidates=CANDIDATES, **options):
    return Labelled.of_candidates(candidates, ["xe136"], ["long-lived"], **options)


def test_kinds_that_nobody_names_are_the_usual_ones():
    assert chosen_kinds(SPALLATION, (), ()) == (("xe136",), ("long-lived",))
    assert chosen_kinds(IBD, ("ibd",), ()) == (("ibd",), ("accidental",))
    assert chosen_kinds(HITS, (), ("k40", "tl208")) == (("bb",), ("k40", "tl208"))


def test_every_column_is_there_with_its_unit():
    one = labelled()
    assert np.array_equal(one.signal, SIGNAL)
    units = {column.name: column.unit for column in one.columns}
    assert units["energy"] == "MeV"
    assert units.keys() == {*CANDIDATES.columns, "run"}


def test_the_last_of_each_kind_and_known_kinds_alone_are_judged():
    kind = CANDIDATES.truth["kind"].copy()
    kind[:100] = b"other"
    one = labelled(replace(CANDIDATES, truth={"kind": kind}), last=0.5)
    assert one.rows.tolist() == list(range(250, 400))
    with pytest.raises(ConfigurationError, match="candidates for spallation"):
        labelled(replace(CANDIDATES, truth={}))


def test_files_with_other_columns_are_not_judged_together():
    more = {**CANDIDATES.columns, "pid": CANDIDATES.columns["energy"]}
    parts = [labelled(), labelled(replace(CANDIDATES, columns=more))]
    scores = [[np.arange(400.0)] * 2]
    with pytest.raises(ConfigurationError, match="the same columns"):
        Scored.of(["a"], parts, scores)


def test_what_is_not_known_takes_no_part_in_a_dependence():
    generator = np.random.default_rng(2)
    score = generator.normal(size=400) + SIGNAL
    values = generator.normal(size=400)
    missing = generator.random(400) < 0.3
    found = dependence(
        Column("some", "1", np.where(missing, np.nan, values)),
        score,
        SIGNAL,
        acceptance=0.9,
        bins=3,
        generator=np.random.default_rng(1),
    )
    known = ~missing
    assert sum(b.signal for b in found.bins) == (SIGNAL & known).sum()
    assert found.bins[0].low == values[known].min()
    assert np.isfinite([found.alone.value, found.inside.value]).all()
    accepted = sum(b.accepted.value * b.signal for b in found.bins)
    # The threshold is that of all 200 events of signal, known or not.
    cut = np.sort(score[SIGNAL])[20]
    assert accepted == pytest.approx((score[SIGNAL & known] >= cut).sum())


def test_a_column_that_a_class_lacks_is_left_out():
    unknown = np.where(SIGNAL, np.nan, CANDIDATES.columns["dt_muon"]).astype(np.float32)
    columns = {**CANDIDATES.columns, "dt_muon": unknown}
    one = labelled(replace(CANDIDATES, columns=columns))
    score = np.random.default_rng(3).normal(size=400) + SIGNAL
    found = evaluate(Scored.of(["a"], [one], [[score]]), QUICK)
    assert {d.name for d in found.dependences} == {*CANDIDATES.columns, "run"} - {"dt_muon"}
