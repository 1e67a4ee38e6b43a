"""Two-sample tests by classifiers."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from scored_events import run_of, with_hits

from kzcal.calibrate.config import CalibrationConfig
from kzcal.scorecard.classifiers import auc, auc_error, boosted_auc, judged
from kzcal.scorecard.graph import HitGraph, graph_auc
from kzcal.scorecard.sphere import nearest

CPU = torch.device("cpu")


def test_the_area_is_the_share_of_pairs_in_order():
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 5, 30), rng.integers(0, 5, 40)
    pairs = (first[:, None] > second) + 0.5 * (first[:, None] == second)
    assert auc(first, second) == pytest.approx(pairs.mean())


def test_the_error_of_an_area_is_its_scatter():
    rng = np.random.default_rng(2)
    found = [auc(rng.normal(0.5, 1, 200), rng.normal(0, 1, 200)) for _ in range(300)]
    assert auc_error(float(np.mean(found)), 200) == pytest.approx(np.std(found), rel=0.12)


def test_trees_find_what_is_there_and_nothing_else():
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(2, 1000, 4))
    assert abs(boosted_auc(first, second, seed=1) - 0.5) < 0.05
    first[:, 2] *= 1.5
    assert boosted_auc(first, second, seed=1) > 0.56


def test_rows_that_both_share_teach_nothing():
    rows = np.random.default_rng(4).normal(size=(600, 4))
    assert boosted_auc(rows, rows.copy(), seed=1) == pytest.approx(0.5, abs=1e-9)


def test_chances_of_areas_of_one_law_are_even():
    rng = np.random.default_rng(5)
    n = 100
    areas = [[auc(rng.normal(size=n), rng.normal(size=n)) for _ in range(5)] for _ in range(200)]
    found = [judged(row[0], np.array(row[1:]), n).probability for row in areas]
    assert kstest(found, "uniform").pvalue > 0.001


@pytest.fixture(scope="module")
def lit():
    run = run_of(1, 500)
    return run.events.take(run.events.physics)[0:200], run.detector


def graph(events, detector):
    return HitGraph.of(events, detector, CalibrationConfig(), CPU)


def test_pairs_are_hits_of_one_event_on_pmts_next_to_each_other(lit):
    events, detector = lit
    found = graph(events, detector)
    hits = events.hits
    near = nearest(detector.directions, 8)
    event = torch.repeat_interleave(torch.arange(len(events)), found.offsets.diff())
    first, second = found.pair
    assert torch.equal(event[first], event[second])
    assert bool((first.diff() >= 0).all())
    inside = found.offsets[-1] == len(hits.pmt)
    assert inside, "every toy hit lies within the light"
    pmt = hits.pmt.astype(int)
    assert (near[pmt[first.numpy()]] == pmt[second.numpy()][:, None]).any(1).all()


def test_the_network_sees_charges_and_the_same_seed_sees_the_same(lit):
    events, detector = lit
    half = graph(events[0:100], detector), graph(events[100:200], detector)
    bright = with_hits(events[0:100], charge=events[0:100].hits.charge * np.float32(1.5))
    found = graph_auc(graph(bright, detector), half[1], seed=1)
    assert found > 0.9
    assert graph_auc(graph(bright, detector), half[1], seed=1) == found
    assert abs(graph_auc(*half, seed=1) - 0.5) < 0.12


def test_the_same_events_cannot_be_told_apart(lit):
    events, detector = lit
    same = graph(replace(events), detector)
    assert graph_auc(same, same, seed=1) == pytest.approx(0.5)


def test_few_events_teach_a_network_too(lit):
    events, detector = lit
    half = graph(events[0:25], detector), graph(events[100:125], detector)
    assert 0 <= graph_auc(*half, seed=1) <= 1
