"""Events of a bench: in its window, scored as files are, the same for the same seed."""

import numpy as np
import pytest
from spreading import spread
from study_bench import WINDOW, bench

from kzcal.errors import ConfigurationError
from kzcal.particles import ELECTRON
from kzcal.physics.given import GivenParticle
from kzcal.plugins import load
from kzcal.study.signal import signal_sample

SOURCES = load(installed=False).sources


def test_events_lie_in_the_window_and_have_a_smeared_vertex():
    sample = bench().sample("bi214", SOURCES["bi214"].prepare(), 70)
    assert len(sample.events) == 70
    assert (sample.energy >= WINDOW.lower).all()
    assert (sample.energy < WINDOW.upper).all()
    true = np.stack([sample.events.truth[axis] for axis in "xyz"], axis=1)
    off = np.linalg.norm(sample.events.vertex - true, axis=1)
    assert 0 < off.min() < off.max() < 0.6


def test_scores_are_those_of_corrected_events():
    sample = signal_sample(bench(), 40)
    expected = -spread(bench().corrected(sample.events))
    assert sample.score == pytest.approx(expected)


def test_the_name_and_the_seed_decide_the_events():
    source = GivenParticle(ELECTRON, 2.3)
    times = [
        one.events(name, source, 30).hits.time[:500].tobytes()
        for one, name in ((bench(), "a"), (bench(), "a"), (bench(), "b"), (bench(2), "a"))
    ]
    assert times[0] == times[1]
    assert len(set(times)) == 3


def test_signal_fills_the_window():
    energy = signal_sample(bench(), 300).energy
    # 300 of a flat spectrum in three thirds: five standard deviations are 41.
    assert np.abs(np.histogram(energy, np.linspace(2.0, 2.6, 4))[0] - 100).max() < 41


def test_a_source_without_such_energies_is_refused():
    with pytest.raises(ConfigurationError, match="a study needs 20 events of each kind, got 0"):
        bench().sample("electron", GivenParticle(ELECTRON, 1.0), 5)
