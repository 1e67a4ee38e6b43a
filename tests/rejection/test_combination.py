"""Scores put together, against the exact optimum of Gaussian laws."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ks_2samp, norm

from kzcal.errors import ConfigurationError
from kzcal.evaluate.area import areas
from kzcal.evaluate.config import EvaluationConfig
from kzcal.evaluate.curve import Ranking
from kzcal.evaluate.dependence import Column
from kzcal.rejection.combination import combine
from kzcal.rejection.crossing import FOLDS, folds, judged
from kzcal.rejection.density import DensityRatio, NormalScore
from kzcal.rejection.matching import matched
from kzcal.rejection.material import Material
from kzcal.rejection.methods import METHODS, applicable

CONFIG = EvaluationConfig(draws=100)
N = 2500
CUT = norm.ppf(0.9)


def gaussian(apart, correlated=(0.0, 0.0), n=N, seed=1):
    """Scores of both classes: signal ``apart`` from background, correlated within each."""
    generator = np.random.default_rng(seed)
    signal = np.arange(2 * n) < n
    scores = np.zeros((len(apart), 2 * n))
    for rows, rho, shift in (
        (signal, correlated[0], np.array(apart)),
        (~signal, correlated[1], np.zeros(len(apart))),
    ):
        covariance = np.full((len(apart), len(apart)), rho) + (1 - rho) * np.eye(len(apart))
        scores[:, rows] = generator.multivariate_normal(shift, covariance, int(rows.sum())).T
    return scores, signal


def material(scores, signal, isotope=None):
    n = len(signal)
    names = tuple("abc"[: len(scores)])
    isotope = np.full(n, "") if isotope is None else isotope
    column = Column("energy", "MeV", np.linspace(2.0, 3.0, n))
    number = np.arange(n)
    return Material(
        names, scores, number, np.zeros(n, np.int64), signal, ~signal, isotope, (column,), (n,),
        number,
    )  # fmt: skip


def rejection(score, signal):
    return float(Ranking.of(score, signal).curve().rejection(np.array([0.9]))[0])


def optimum(apart):
    """Rejection at 90 % by the likelihood ratio of Gaussian laws so far apart."""
    return float(norm.cdf(apart - CUT))


def test_independent_scores_reach_the_likelihood_ratio():
    scores, signal = gaussian((1.0, 1.5))
    found = combine(material(scores, signal), CONFIG)
    # 2,500 of each class: the error of a rejection is 0.014, four of it and a false alarm in 10^4.
    best = optimum(np.hypot(1.0, 1.5))
    combined, first, second = found.evaluation.rejections.values[:, 1]
    assert combined == pytest.approx(best, abs=0.056)
    assert combined > max(first, second) + 0.1
    assert first == pytest.approx(optimum(1.0), abs=0.056)
    assert not found.warnings


@pytest.mark.parametrize("method", METHODS)
def test_every_method_reaches_it_where_scores_are_independent(method):
    scores, signal = gaussian((1.0, 1.5), seed=2)
    found = combine(material(scores, signal), CONFIG, method=method)
    assert found.method == method
    assert found.evaluation.rejections.values[0, 1] == pytest.approx(
        optimum(np.hypot(1.0, 1.5)), abs=0.056
    )


def test_a_common_part_of_both_classes_is_left_to_no_product():
    rho, apart = 0.8, np.array([1.0, 0.2])
    scores, signal = gaussian(apart, (rho, rho))
    inverse = np.linalg.inv([[1, rho], [rho, 1]])
    best = optimum(np.sqrt(apart @ inverse @ apart))
    product = combine(material(scores, signal), CONFIG, method="product")
    assert len(product.warnings) == 2
    assert "correlated" in product.warnings[0]
    found = combine(material(scores, signal), CONFIG)
    assert found.method != "product"
    assert not found.warnings
    combined = found.evaluation.rejections.values[0, 1]
    assert combined == pytest.approx(best, abs=0.056)
    assert combined > product.evaluation.rejections.values[0, 1]


def test_classes_that_differ_by_their_correlation_alone_need_the_joint_density():
    scores, signal = gaussian((0.0, 0.0), (0.8, -0.8))
    found = combine(material(scores, signal), CONFIG)
    assert found.method == "joint"
    assert [round(one.value, 1) for one in found.correlations] == [0.8, -0.8]
    exact = scores[0] * scores[1]
    best = rejection(exact, signal)
    assert found.evaluation.rejections.values[0, 1] == pytest.approx(best, abs=0.056)
    losses = {one.name: one for one in found.methods}
    more, error = losses["product"].worse(losses["joint"])
    assert more > 10 * error


def test_a_score_that_says_nothing_takes_nothing_away():
    scores, signal = gaussian((1.5, 0.0))
    found = combine(material(scores, signal), CONFIG)
    assert found.evaluation.areas.values[0] == pytest.approx(norm.cdf(1.5 / np.sqrt(2)), abs=0.02)


def test_correlations_are_those_of_the_law():
    rho = 0.5
    scores, signal = gaussian((1.0, 1.0), (rho, 0.0))
    inside, outside = combine(material(scores, signal), CONFIG).correlations
    spearman = 6 / np.pi * np.arcsin(rho / 2)
    assert abs(inside.value - spearman) < 4 * inside.error
    assert abs(outside.value) < 4 * outside.error
    assert inside.error == pytest.approx(0.0158, rel=0.25)
    assert inside.significant


def test_the_ratio_is_that_of_the_densities():
    scores, signal = gaussian((1.2,), n=40_000)
    ratio = DensityRatio.of(scores, signal)
    x = np.linspace(-1.0, 2.2, 9)
    exact = 1.2 * x - 0.72
    assert np.abs(ratio(x[None]) - exact).max() < 0.15


def test_equal_scores_have_one_rank_and_no_order():
    score = np.array([0.0, 0.0, 0.0, 1.0])
    signal = np.array([True, False, True, False])
    scale = NormalScore.of(score, signal)
    assert scale(np.array([0.0, 1.0, -5.0])).tolist() == [
        pytest.approx(norm.ppf(0.375)), pytest.approx(norm.ppf(0.875)),
        pytest.approx(norm.ppf(0.375)),
    ]  # fmt: skip


def test_a_score_of_no_vertex_is_only_the_lowest():
    scores, signal = gaussian((1.5, 1.0))
    scores[0, ::50] = -1000.0
    found = combine(material(scores, signal), CONFIG)
    assert np.isfinite(found.score).all()
    assert found.evaluation.rejections.values[0, 1] > 0.5


def test_ranks_are_all_that_counts():
    scores, signal = gaussian((1.0, 1.5), n=400)
    bent = np.stack([np.exp(scores[0]), scores[1] ** 3])
    for learn in METHODS.values():
        first, second = (learn(s, signal)(s) for s in (scores, bent))
        np.testing.assert_allclose(first, second, atol=1e-9)


def test_the_same_seed_gives_the_same_scores_and_another_other_folds():
    scores, signal = gaussian((1.0, 1.5), n=400)
    made = [
        combine(material(scores, signal), EvaluationConfig(draws=100, seed=seed)).score
        for seed in (1, 1, 2)
    ]
    assert (made[0] == made[1]).all()
    assert (made[0] != made[2]).any()


def test_folds_are_even_in_both_classes():
    signal = np.arange(1003) < 300
    fold = folds(signal, np.arange(1003), generator=np.random.default_rng(1))
    for rows in (signal, ~signal):
        counts = np.bincount(fold[rows], minlength=FOLDS)
        assert counts.max() - counts.min() <= 1


def test_candidates_of_other_kinds_are_scored_and_judge_nothing():
    scores, signal = gaussian((1.0, 1.5), n=400)
    whole = material(scores, signal)
    background = ~signal & (np.arange(800) < 700)
    part = Material(
        whole.names, scores, whole.event, whole.run, signal, background, whole.isotope,
        whole.columns, whole.counts, whole.group,
    )  # fmt: skip
    found = combine(part, CONFIG)
    assert len(found.evaluation.scored.signal) == 700
    assert len(found.score) == 800
    assert np.isfinite(found.score).all()


def test_isotopes_are_rejected_as_their_scores_say():
    scores, signal = gaussian((1.5, 1.0), n=1000)
    generator = np.random.default_rng(3)
    isotope = np.where(signal, "", np.where(generator.random(2000) < 0.7, "i130", "y88"))
    near = (isotope == "y88")[None] & ~signal
    scores = scores + 1.5 * near
    found = combine(material(scores, signal, isotope), CONFIG).isotopes
    assert [one.name for one in found] == ["i130", "y88"]
    assert sum(one.n for one in found) == 1000
    assert found[0].rejected[0].value > found[1].rejected[0].value + 0.2
    assert 0 < found[0].rejected[0].error < 0.03


def test_a_method_that_is_none_is_refused_by_name():
    scores, signal = gaussian((1.0, 1.0), n=100)
    with pytest.raises(ConfigurationError, match="auto, product, logistic, joint, got 'sum'"):
        combine(material(scores, signal), CONFIG, method="sum")
    assert applicable(4) == ("product", "logistic")


def test_results_hold_curves_for_a_sensitivity():
    scores, signal = gaussian((1.0, 1.5), n=400)
    told = combine(material(scores, signal), CONFIG).as_dict()
    curve = told["curves"]["rejected"]["combined"]
    assert len(curve) == len(told["curves"]["acceptance"]) == 201
    assert curve[0] == 1.0
    assert curve[-1] <= 0.1
    assert (np.diff(curve) <= 1e-12).all()


def test_a_column_that_is_matched_tells_nothing_any_more():
    scores, signal = gaussian((1.0, 1.5))
    whole = material(scores, signal)
    generator = np.random.default_rng(4)
    energy = np.where(signal, generator.normal(0.0, 1.0, 2 * N), generator.normal(0.5, 1.5, 2 * N))
    column = Column("energy", "MeV", energy)
    bent = replace(whole, scores=scores + energy, columns=(column,))
    alike = matched(bent, "energy", generator=np.random.default_rng(5))
    assert alike.signal.sum() == alike.background.sum() > 1000
    assert not (alike.signal & ~whole.signal).any()
    assert ks_2samp(energy[alike.signal], energy[alike.background]).pvalue > 1e-3
    assert ks_2samp(energy[signal], energy[~signal]).pvalue < 1e-30
    assert (alike.scores == bent.scores).all()
    with pytest.raises(ConfigurationError, match="no column 'mass' to match: choose from energy"):
        matched(bent, "mass", generator=generator)
    apart = replace(whole, columns=(Column("energy", "MeV", np.where(signal, 1.0, 2.0)),))
    with pytest.raises(ConfigurationError, match="got 0 with the same energy"):
        matched(apart, "energy", generator=generator)


def test_the_largest_value_of_a_column_is_matched_too():
    scores, signal = gaussian((1.0, 1.5), n=200)
    captures = Column("n_captures", "1", np.tile(np.arange(4.0), 100))
    alike = matched(
        replace(material(scores, signal), columns=(captures,)),
        "n_captures",
        generator=np.random.default_rng(6),
    )
    assert alike.labelled.all()


def test_a_group_is_in_one_fold():
    generator = np.random.default_rng(7)
    signal = np.arange(900) < 300
    group = np.where(signal, np.arange(900), 1000 + generator.integers(0, 90, 900))
    fold = folds(signal, group, generator=generator)
    for one in np.unique(group):
        assert len(np.unique(fold[group == one])) == 1
    largest = np.unique(group[~signal], return_counts=True)[1].max()
    counts = np.bincount(fold[~signal], minlength=FOLDS)
    assert counts.min() > 0
    assert np.ptp(counts) <= largest
    assert np.ptp(np.bincount(fold[signal], minlength=FOLDS)) == 0


def test_a_score_that_knows_the_shower_teaches_nothing_of_others():
    generator = np.random.default_rng(8)
    group = np.repeat(np.arange(160), 12)
    signal = group < 80
    # Both scores tell the showers apart and nothing else: the class hangs on the shower alone.
    scores = generator.normal(size=(2, 160))[:, group]
    found = []
    for families in (group, np.arange(len(group))):
        fold = folds(signal, families, generator=np.random.default_rng(9))
        score = judged("product", scores, signal, fold).score
        found.append(areas(score[None], signal).values[0])
    assert found[0] < 0.6
    assert found[1] > 0.65
