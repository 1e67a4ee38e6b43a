"""Rank correlations of known strength, and whether the strongest is found."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from kzcal.study.ranks import correlations, spearman


def things(n: int, seed: int = 1) -> tuple[dict[str, np.ndarray], np.ndarray]:
    rng = np.random.default_rng(seed)
    quantity = rng.uniform(size=n)
    properties = {
        "same": quantity**3,
        "against": -quantity + 0.3 * rng.standard_normal(n),
        "other": rng.standard_normal(n),
    }
    return properties, quantity


def test_spearman_is_that_of_scipy():
    properties, quantity = things(40)
    ours = spearman(np.stack(list(properties.values())), quantity)
    theirs = [spearmanr(column, quantity).statistic for column in properties.values()]
    assert ours == pytest.approx(theirs, abs=1e-12)


def test_ties_and_constants():
    quantity = np.array([1.0, 1.0, 2.0, 3.0])
    table = np.array([[5.0, 5.0, 5.0, 5.0], [1.0, 2.0, 2.0, 3.0]])
    assert spearman(table, quantity)[0] == 0
    assert spearman(table, quantity)[1] == pytest.approx(spearmanr(table[1], quantity).statistic)


def test_the_strongest_is_found_and_chances_add_up():
    properties, quantity = things(32)
    rng = np.random.default_rng(2)
    found = correlations(properties, quantity, np.full(32, 0.01), generator=rng)
    assert found.value["same"] == pytest.approx(1)
    assert found.strongest["same"] > 0.99
    assert sum(found.strongest.values()) == pytest.approx(1)


def test_errors_are_the_spread_of_samples():
    rng = np.random.default_rng(3)
    values, errors = [], []
    for seed in range(50):
        properties, quantity = things(32, seed)
        found = correlations({"a": properties["against"]}, quantity, np.zeros(32), generator=rng)
        values.append(found.value["a"])
        errors.append(found.error["a"])
    # The spread of 50 is known to 10 %: four of them.
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.4)


def test_errors_of_the_quantity_weaken_what_is_known():
    properties, quantity = things(32)
    rng = np.random.default_rng(2)
    sharp, blurred = (
        correlations(properties, quantity, np.full(32, error), generator=rng)
        for error in (0.0, 0.5)
    )
    assert blurred.error["same"] > 3 * sharp.error["same"]
