"""Made-up candidates are such as kzcal builds."""

import numpy as np
import pytest

from kzcal.candidates import PURPOSES, SPALLATION
from kzcal.errors import ConfigurationError
from kzcal.testing.candidates import synthetic_candidates


@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_seed_decides_and_kinds_say_which_are_signal(purpose):
    candidates, signal = synthetic_candidates(purpose, 200)
    again, other = (synthetic_candidates(purpose, 200, seed=s)[0] for s in (1, 2))
    for name, column in candidates.columns.items():
        assert np.array_equal(column, again.columns[name], equal_nan=True), name
        assert column.dtype == np.float32
        assert candidates.units[name]
    assert any((other.columns[n] != c).any() for n, c in candidates.columns.items())
    assert (np.isin(candidates.truth["kind"], (b"xe136", b"ibd")) == signal).all()
    assert signal.sum() == 100


def test_captures_come_newest_muon_first_and_tell_the_classes_apart():
    candidates, signal = synthetic_candidates(SPALLATION, 400)
    dt, candidate = candidates.points["dt"], np.repeat(np.arange(400), candidates.counts)
    assert (np.diff(dt)[np.diff(candidate) == 0] >= 0).all()
    assert (candidates.counts == 0).any()
    assert candidates.counts[~signal].mean() > 1.5 * candidates.counts[signal].mean()
    assert np.array_equal(candidates.columns["n_captures"], candidates.counts)
    assert all(len(column) == len(dt) for column in candidates.points.values())
    assert np.isnan(candidates.columns["dt_muon"]).any()


def test_other_purposes_are_refused():
    with pytest.raises(ConfigurationError, match="'muons'"):
        synthetic_candidates("muons")
