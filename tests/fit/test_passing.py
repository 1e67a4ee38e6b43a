"""Errors of the shares above threshold: what the hits fix must not move with them."""

import numpy as np
import pytest

from kzcal.fit.passing import passing_slopes

HITS = np.array([0.7, 0.3])
NAMES = ["absorption_scale", "light_yield", "efficiency_20"]
VALUES = np.array([1.1, 0.9, 0.8])


@pytest.mark.parametrize("share", [0, 1])
def test_the_products_that_hits_fix_stay(share):
    """Light times share of the 17-inch tubes, and light times efficiency times share of others."""
    slopes = passing_slopes(NAMES, VALUES, HITS)[:, share] / VALUES
    own = np.eye(2)[share]
    assert slopes[1] + own[0] == pytest.approx(0)
    assert slopes[1] + slopes[2] + own[1] == pytest.approx(0)
    assert slopes[0] == 0


def test_a_light_yield_alone_takes_up_both():
    slopes = passing_slopes(NAMES[:2], VALUES[:2], HITS)
    np.testing.assert_allclose(slopes, [[0, 0], [-0.63, -0.27]])


def test_without_a_light_yield_only_ratios_matter():
    slopes = passing_slopes(["efficiency_20"], VALUES[2:], HITS)
    np.testing.assert_allclose(slopes, [[0.8, -0.8]])
