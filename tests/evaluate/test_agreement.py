"""Tagged data against simulation: false alarms, power, and what energies must not do."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from kzcal.errors import CalibrationError
from kzcal.evaluate.agreement import Classed, agree, classes


def drawn(
    n_data: int, n_simulated: int, seed: int, *, shift: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores that follow the energy, of which data have more; scores, data, energies."""
    generator = np.random.default_rng(seed)
    data = np.arange(n_data + n_simulated) < n_data
    energy = np.where(data, generator.beta(3, 2, len(data)), generator.random(len(data)))
    score = 4 * energy + generator.normal(shift * data, 1.0)
    return score, data, energy


def classed(score: np.ndarray, data: np.ndarray, energy: np.ndarray, bins: int = 20) -> Classed:
    place, inside = classes(energy, np.ones(len(energy)), data, (bins, 1))
    return Classed.of(score[inside], data[inside], place[inside])


def probability(one: Classed, seed: int = 1, deals: int = 199) -> float:
    dealt = one.dealt(deals, generator=np.random.default_rng(seed))
    return float((1 + (dealt >= one.distance() - 1e-12).sum()) / (1 + deals))


def test_one_class_of_equal_events_is_the_kolmogorov_distance():
    score, data, _ = drawn(80, 300, 1)
    one = Classed.of(score, data, np.zeros(len(score), np.int64))
    assert one.distance() == pytest.approx(ks_2samp(score[data], score[~data]).statistic)


def test_false_alarms_come_at_their_rate_though_energies_differ():
    """Of 200 comparisons of one law 10 % are below 0.1 and half below 0.5.

    Within three deviations, of 2.1 % and 3.5 %: a false alarm in 0.5 % of seeds.
    """
    chances = np.array([probability(classed(*drawn(100, 600, seed))) for seed in range(200)])
    assert np.mean(chances <= 0.1) == pytest.approx(0.1, abs=0.064)
    assert np.mean(chances <= 0.5) == pytest.approx(0.5, abs=0.106)


def test_without_classes_the_energies_would_raise_an_alarm():
    score, data, _ = drawn(400, 2000, 2)
    plain = Classed.of(score, data, np.zeros(len(score), np.int64))
    assert probability(plain) == 1 / 200


def test_a_shift_of_the_score_is_seen():
    assert probability(classed(*drawn(300, 2000, 3, shift=0.5))) == 1 / 200


def test_the_result_holds_what_was_compared_and_its_false_alarms():
    score, data, energy = drawn(100, 900, 4)
    one = classed(score, data, energy, bins=5)
    generator = np.random.default_rng(1)
    found = agree(one, left_out=3, purity=(0.98, 0.01), deals=199, splits=300, generator=generator)
    assert found.n_data == 100
    assert found.left_out == 3
    assert found.impurity == pytest.approx(0.03)
    assert found.weight[found.weight > 0].sum() == pytest.approx(1)
    assert found.weight.sum() == pytest.approx(0, abs=1e-12)
    assert 0 < found.seen < 1
    assert [level for level, _ in found.alarms] == [0.32, 0.1, 0.05, 0.01]
    # 300 comparisons, each fair by itself: 3.3 deviations, a false alarm in 0.4 % of seeds.
    for level, rate in found.alarms:
        assert rate == pytest.approx(level, abs=3.3 * np.sqrt(level * (1 - level) / 300))


def test_the_same_seed_deals_the_same():
    one = classed(*drawn(50, 200, 5))
    first, second = (one.dealt(250, generator=np.random.default_rng(2)) for _ in "ab")
    np.testing.assert_array_equal(first, second)
    assert len(first) == 250


def test_too_few_events_are_refused():
    score, data, energy = drawn(10, 500, 6)
    with pytest.raises(CalibrationError, match="needs 20 events"):
        classed(score, data, energy, bins=2)
    alone = Classed(np.arange(4.0), np.array([True, False] * 2), np.array([0, 2]))
    with pytest.raises(CalibrationError, match="two simulated events"):
        alone.split(generator=np.random.default_rng(1))


def test_events_where_the_other_kind_has_none_are_left_out():
    score, data = np.arange(60.0), np.arange(60) < 30
    place = np.where(data & (np.arange(60) < 5), 1, 0)
    assert Classed.of(score, data, place).data.sum() == 25
