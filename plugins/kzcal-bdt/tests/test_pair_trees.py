"""Laws of boosted trees on pairs whose likelihood ratio is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from kzcal_bdt import BDT
from kzcal_bdt.booster import contributions, loaded, logits
from kzcal_bdt.importance import importance
from kzcal_bdt.inputs import DIRECTIONS
from kzcal_bdt.trees import BOOSTER, PairTreesLearner, check_trees
from pair_laws import LAWS, lawful_pairs, pairs_of
from scipy.special import expit

from kzcal.candidates import SPALLATION
from kzcal.errors import ConfigurationError
from kzcal.evaluate.area import areas
from kzcal.evaluate.reliability import reliability
from kzcal.geometry import load_detector
from kzcal.learning import CandidateTask
from kzcal.testing.candidates import synthetic_candidates

CPU = torch.device("cpu")
DETECTOR = load_detector()
PAIRS, SIGNAL, _ = lawful_pairs(4000)
OTHERS, OTHER_SIGNAL, RATIO = lawful_pairs(4000, seed=2)


def task_of(candidates, signal, weight=None, device=CPU):
    weight = np.ones(len(signal), np.float32) if weight is None else weight
    return CandidateTask(candidates, signal, weight, DETECTOR, device, 1)


def grown(n_trees, task=None, **options):
    """Trees after so many steps."""
    learner = PairTreesLearner(task_of(PAIRS, SIGNAL) if task is None else task, **options)
    for _ in range(n_trees):
        learner.step()
    return learner


def test_trees_come_close_to_the_likelihood_ratio():
    """Of 4,000 pairs they learn an area less than 0.005 below that of the exact ratio."""
    both = np.stack([grown(120).score(OTHERS), RATIO])
    found = areas(both, OTHER_SIGNAL)
    lost, error = found.difference(1, 0)
    assert found.values[0] > 0.98
    assert lost > -3 * error, "nothing tells pairs apart better than the ratio of their densities"
    assert lost < 0.005


def test_a_score_is_a_logit():
    """Near the exact probability, and true of the share of antineutrinos, once trees suffice."""
    score = grown(200).score(OTHERS)
    assert np.abs(expit(score) - expit(RATIO)).mean() < 0.05
    generator = np.random.default_rng(3)
    found = reliability(score, OTHER_SIGNAL, bins=10, draws=500, generator=generator)
    assert found.calibration_error < 0.03
    doubled = reliability(3 * score, OTHER_SIGNAL, bins=10, draws=500, generator=generator)
    assert doubled.log_loss > found.log_loss


def test_a_score_does_not_hang_on_how_many_there_are_of_a_class():
    """Ten times as many accidentals would move logits by log 10, were classes not made even."""
    few = np.flatnonzero(SIGNAL)[::10]
    rows = np.sort(np.concatenate([few, np.flatnonzero(~SIGNAL)]))
    score = grown(60, task_of(PAIRS.take(rows), SIGNAL[rows]), leaf=1.0).score(OTHERS)
    both = grown(60, leaf=1.0).score(OTHERS)
    moved = np.median(score[~OTHER_SIGNAL]) - np.median(both[~OTHER_SIGNAL])
    assert abs(moved) < 0.2 * np.log(10)


def along(name):
    """A pair, moved along one input from end to end."""
    x = np.linspace(LAWS[name][0][0], LAWS[name][0][-1], 300)
    middle = {other: np.median(column) for other, column in OTHERS.columns.items()}
    columns = {n: np.full(300, v, np.float32) for n, v in middle.items()}
    return pairs_of(columns | {name: x.astype(np.float32)}, np.ones(300, bool))


def test_monotone_trees_never_rise_where_they_must_not():
    """Trees that are free do, for they follow fluctuations."""
    held = [name for name, sign in DIRECTIONS.items() if sign < 0]
    free, bound = grown(120, leaf=1.0, monotone=0), grown(120, leaf=1.0)
    assert held == ["r_prompt", "r_delayed", "dr", "dt"]
    rises = {
        name: [np.diff(trees.score(along(name))).max() for trees in (bound, free)] for name in held
    }
    assert max(rise for rise, _ in rises.values()) <= 1e-6
    assert max(rise for _, rise in rises.values()) > 1e-2


def test_what_inputs_add_makes_up_the_logit():
    """With what all pairs have in common; Shapley values leave nothing over."""
    booster = loaded(grown(40).weights()[BOOSTER], {})
    common = logits(booster, OTHERS) - contributions(booster, OTHERS).sum(axis=1)
    assert common == pytest.approx(common[0], abs=1e-5)
    assert logits(booster, OTHERS).std() > 0.5


def test_an_input_that_tells_nothing_is_worth_nothing():
    """All inputs but the delay are alike in both classes; it is worth more than all others."""
    generator = np.random.default_rng(4)
    columns = {name: generator.random(4000).astype(np.float32) for name in DIRECTIONS}
    columns["dt"] = (columns["dt"] * np.where(SIGNAL, 0.5, 1.0)).astype(np.float32)
    pairs = pairs_of(columns, SIGNAL)
    trees = grown(30, task_of(pairs, SIGNAL), depth=2, leaf=40.0)
    found = importance([loaded(trees.weights()[BOOSTER], {})], pairs)
    assert found.inputs[found.order[0]] == "dt"
    told = found.as_dict()
    assert told["dt"]["added"] > 5 * sum(told[name]["added"] for name in told if name != "dt")
    assert told["dt"]["gain"] > 0.9
    assert sum(one["gain"] for one in told.values()) == pytest.approx(1.0)


def test_scores_of_prompts_are_inputs_on_request():
    """A score that tells half of the classes apart makes the area larger; unknown ones are NaN."""
    generator = np.random.default_rng(5)
    pid = generator.normal(np.where(SIGNAL, 1.0, -1.0)).astype(np.float32)
    pid[::7] = np.nan
    pairs = replace(PAIRS, columns={**PAIRS.columns, "pid": pid})
    half = np.arange(4000) < 2000
    learned, judged = task_of(pairs.take(half), SIGNAL[half]), pairs.take(~half)
    scores = np.stack(
        [grown(80, learned, scores=with_pid).score(judged) for with_pid in (0.0, 1.0)]
    )
    gained, error = areas(scores, SIGNAL[~half]).difference(1, 0)
    assert gained > 3 * error


def test_pairs_without_scores_are_refused_where_scores_are_inputs():
    with pytest.raises(ConfigurationError, match="need pairs with scores"):
        grown(0, scores=1)


def test_candidates_for_spallation_are_refused():
    decays, signal = synthetic_candidates(SPALLATION)
    with pytest.raises(ConfigurationError, match="got candidates for spallation without e_prompt"):
        grown(0, task_of(decays, signal))


def test_a_score_needs_the_inputs_of_the_training():
    fewer = replace(OTHERS, columns={k: v for k, v in OTHERS.columns.items() if k != "dr"})
    with pytest.raises(ConfigurationError, match="candidates have no column 'dr'"):
        grown(1).score(fewer)


def without(value, rows=slice(None, None, 50)):
    """The pairs, some of them with a distance that is no number."""
    distance = PAIRS.columns["dr"].copy()
    distance[rows] = value
    return replace(PAIRS, columns={**PAIRS.columns, "dr": distance})


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_what_is_not_finite_is_not_known(value):
    """Whether trees learn from it, are asked about it or tell what it is worth."""
    unknown, wrong = without(np.nan), without(value)
    one, other = (grown(5, task_of(pairs, SIGNAL)) for pairs in (unknown, wrong))
    assert torch.equal(one.weights()[BOOSTER], other.weights()[BOOSTER])
    assert (one.score(wrong) == one.score(unknown)).all()
    booster = loaded(one.weights()[BOOSTER], {})
    assert (contributions(booster, wrong) == contributions(booster, unknown)).all()


def test_no_tree_says_nothing():
    """Neither of pairs, nor of what their inputs are worth."""
    learner = grown(0)
    assert (learner.score(OTHERS) == 0).all()
    booster = loaded(learner.weights()[BOOSTER], {})
    assert (logits(booster, OTHERS) == 0).all()
    with pytest.raises(ConfigurationError, match="need trees that ask something, got none"):
        importance([booster], OTHERS)
    with pytest.raises(ConfigurationError, match="need at least one pair, got none"):
        importance([booster], OTHERS.take(np.arange(0)))


def test_pairs_without_weight_have_no_say():
    """Their labels may be what they want."""
    weight = np.ones(len(SIGNAL), np.float32)
    weight[::3] = 0.0
    flipped = np.where(weight == 0.0, ~SIGNAL, SIGNAL)
    one, other = (grown(5, task_of(PAIRS, signal, weight)) for signal in (SIGNAL, flipped))
    assert torch.equal(one.weights()[BOOSTER], other.weights()[BOOSTER])


def test_steps_beyond_the_last_tree_change_nothing():
    one, other = grown(7, trees=5), grown(5, trees=5)
    assert torch.equal(one.weights()[BOOSTER], other.weights()[BOOSTER])


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("depth", 2.5, "depth is a whole number above 0 and at most 12, got 2.5"),
        ("rate", 0.0, "rate is above 0 and at most 1, got 0"),
        ("part", 1.5, "part is above 0 and at most 1, got 1.5"),
        ("trees", float("nan"), "trees is a whole number above 0"),
        ("monotone", 0.5, "monotone is 0 or 1, got 0.5"),
        ("scores", 2.0, "scores is 0 or 1, got 2"),
    ],
)
def test_an_option_out_of_range_is_refused(name, value, rule):
    options = {option.name: option.default for option in BDT.options}
    check_trees(options)
    with pytest.raises(ConfigurationError, match=rule):
        check_trees({**options, name: value})


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_grows_trees_as_good():
    """Sums are taken in another order there, so that trees differ in the last places."""
    on_gpu = grown(60, task_of(PAIRS, SIGNAL, device=torch.device("cuda")))
    scores = np.stack([on_gpu.score(OTHERS), grown(60).score(OTHERS)])
    found = areas(scores, OTHER_SIGNAL)
    assert abs(found.difference(0, 1)[0]) < 0.003
