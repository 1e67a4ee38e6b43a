"""Errors of a reconstruction, drawn: of the widths asked for, about the truth."""

import numpy as np
import pytest

from kzcal.errors import ConfigurationError
from kzcal.hits import FORCED, PHYSICS, Events, Hits
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.smearing import T0_NS, VERTEX_M, Smearing

N = 20_000
KEY = BlockKey(1, 0, "electron", 0)
FITTED = {"vertex_resolution": 0.13, "t0_resolution": 0.4, "time_shift": 0.1}
TRUTH = {
    "x": np.full(N, 0.5),
    "y": np.full(N, -0.2),
    "z": np.zeros(N),
    "e_quenched": np.full(N, 2.25),
}


def events(trigger: int = PHYSICS) -> Events:
    empty = np.zeros(0, np.float32)
    return Events(
        event=np.arange(N),
        timestamp=np.arange(N),
        trigger=np.full(N, trigger, np.uint8),
        vertex=np.full((N, 3), np.nan, np.float32),
        energy=np.full(N, np.nan, np.float32),
        t0=np.full(N, np.nan, np.float32),
        hits=Hits.from_counts(np.zeros(N, int), np.zeros(0, np.uint16), empty, empty),
        truth=TRUTH,
    )


def test_errors_have_the_widths_of_the_fit():
    smearing = Smearing.parse("smeared", FITTED)
    found = smearing.smeared(events(), np.full(N, 7.0), KEY)
    true = np.stack([TRUTH[axis] for axis in "xyz"], axis=1)
    # Widths of 20,000 are known to 0.5 %, and means to 0.7 % of them: four of each.
    pull = (found.vertex - true) / (0.13 / np.sqrt(3 * 2.25))
    assert pull.std(axis=0) == pytest.approx(1, abs=0.02)
    assert pull.mean(axis=0) == pytest.approx(0, abs=0.03)
    assert found.t0.std() == pytest.approx(0.4, rel=0.02)
    assert found.t0.mean() == pytest.approx(7.0 - 0.1, abs=0.4 * 0.03)
    assert (found.energy - 2.25).std() == pytest.approx(0.067 * 1.5, rel=0.02)


def test_without_errors_the_truth_is_found():
    found = Smearing(0.0, 0.0).smeared(events(), np.full(N, 7.0), KEY)
    true = np.stack([TRUTH[axis] for axis in "xyz"], axis=1)
    assert np.array_equal(found.vertex, true.astype(np.float32))
    assert (found.t0 == 7.0).all()


def test_forced_triggers_have_none():
    found = Smearing(0.1, 0.3).smeared(events(FORCED), np.zeros(N), KEY)
    assert np.isnan(found.vertex).all()
    assert np.isnan(found.t0).all()


def test_numbers_given_take_the_place_of_the_fit():
    assert Smearing.parse("smeared:0.1:0.2", FITTED) == Smearing(0.1, 0.2)
    assert Smearing.parse("smeared", {}) == Smearing(VERTEX_M, T0_NS)
    assert Smearing.parse("fitted", FITTED) is None


@pytest.mark.parametrize("text", ["", "true", "smeared:0.1", "smeared:a:b", "fitted:1:2"])
def test_other_words_are_refused(text: str):
    with pytest.raises(ConfigurationError, match="a vertex is fitted, smeared or smeared:M:NS"):
        Smearing.parse(text, {})


def test_an_error_is_not_negative():
    with pytest.raises(ConfigurationError, match="error of vertex must be finite"):
        Smearing.parse("smeared:-0.1:0.2", {})
