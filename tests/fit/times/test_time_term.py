"""The times of hits in a run whose truth is known."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from timed_run import TRUTH, TimedRun

from kzcal.errors import CalibrationError
from kzcal.fit.newton import Newton
from kzcal.fit.objective import FitObjective
from kzcal.fit.terms import deviance
from kzcal.fit.times.cells import SAMPLES
from kzcal.fit.times.term import time_edges
from kzcal.parts import Parameter

FREE = {
    "decay_scale": (1.0, 0.7, 1.4),
    "late_fraction": (0.02, 0.0, 0.2),
    "time_walk": (0.5, -1.0, 3.0),
    "tts_mean_17": (1.2, 0.5, 3.0),
    "tts_mean_20": (2.6, 1.0, 5.0),
    "time_shift": (0.0, -5.0, 5.0),
}
OWN = {"decay_scale": 1.03, "late_fraction": 0.04, "time_walk": 0.9, "tts_mean_17": 1.4}


def tensors(values):
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()}


def fitted(term, truth, free):
    """Value and error, by name, of what is free; all else is at the truth."""
    parameters = [Parameter(name, *numbers, "1") for name, numbers in free.items()]
    fixed = {name: value for name, value in truth.items() if name not in free}
    minimum = Newton().minimise(FitObjective([term], parameters, fixed), parameters, seed=1)
    sigma = np.sqrt(np.diag(minimum.covariance))
    return dict(zip(free, minimum.values, strict=True)), dict(zip(free, sigma, strict=True))


@pytest.fixture(scope="module")
def toy():
    return TimedRun(TRUTH | OWN, n_events=(70, 200), seed=11)


@pytest.fixture(scope="module")
def term(toy):
    return toy.term(4000, seed=5)


def test_every_cell_and_charge_expects_as_many_hits_as_were_counted(term):
    expected = term.expected(tensors(TRUTH)).mean.reshape(term.hits.shape)
    torch.testing.assert_close(expected.sum(2), term.hits.sum(2), rtol=1e-9, atol=1e-9)
    assert float(term.counts.sum()) > 40_000


def test_dark_hits_before_the_light_need_no_fit(term):
    """One sum of some tens of hits within four standard deviations."""
    before = torch.tensor(time_edges()[1:]) <= -12
    expected = term.expected(tensors(TRUTH | OWN)).mean.reshape(term.hits.shape)
    counted, wanted = (float(x[..., before].sum()) for x in (term.hits, expected))
    assert wanted > 10
    assert abs(counted - wanted) < 4 * wanted**0.5


def test_the_truth_describes_the_hits(term):
    """Chi-square of the time bins of all cells together, within four standard deviations."""
    expected = term.expected(tensors(TRUTH | OWN))
    mean, variance = (x.reshape(term.hits.shape) for x in (expected.mean, expected.variance))
    of_photons = variance[:, 0] * (term.hits[:, 0].sum(-1) / term.hits.sum((1, 2)))[:, None]
    together, counts = mean.sum((0, 1)), term.hits.sum((0, 1))
    spread = together + (of_photons * mean.sum(1) ** 2).sum(0)
    square = float(((counts - together) ** 2 / spread).sum())
    n = len(counts)
    assert square < n + 4 * (2 * n) ** 0.5


def test_a_fit_finds_the_truth(term):
    """Six parameters within four of their standard deviations, and these are small."""
    truth = TRUTH | OWN
    found, sigma = fitted(term, truth, FREE)
    pulls = {name: (found[name] - truth[name]) / sigma[name] for name in FREE}
    assert max(map(abs, pulls.values())) < 4, pulls
    assert sigma["decay_scale"] < 0.03
    assert sigma["late_fraction"] < 0.015
    assert sigma["time_walk"] < 0.15


def test_a_fit_finds_early_pulses_by_their_hits():
    """One per cent within three standard deviations, which are less than a tenth of it."""
    truth = TRUTH | {"early_fraction": 0.01}
    free = FREE | {"early_fraction": (0.003, 0.0, 0.05)}
    found, sigma = fitted(TimedRun(truth, (100, 300), seed=11).term(6000, seed=5), truth, free)
    pulls = {name: (found[name] - truth[name]) / sigma[name] for name in free}
    assert max(map(abs, pulls.values())) < 3, pulls
    assert sigma["early_fraction"] < 0.001


def test_a_late_reconstruction_of_one_sample_moves_its_own_shift_alone(toy, term):
    hits = toy.hits
    later = (toy.samples[hits.event.numpy()] == 1) * 0.25
    toy.hits = replace(hits, residual=hits.residual + torch.from_numpy(later).float())
    moved = toy.term(4000, seed=5)
    toy.hits = hits
    truth = tensors(TRUTH | OWN)
    before, after = term.settled(truth).shift, moved.settled(truth).shift
    alphas = SAMPLES.index("po210")
    assert float(after[alphas] - before[alphas]) == pytest.approx(0.25, abs=0.02)
    others = torch.arange(len(after)) != alphas
    assert (after[others] == 0).all()


def test_slopes_are_those_of_differences(term):
    names = ("decay_scale", "late_fraction", "time_walk", "scattering_scale", "vertex_resolution")
    fixed = tensors({n: v for n, v in (TRUTH | OWN).items() if n not in names})
    at = torch.tensor([1.02, 0.03, 0.8, 1.0, 0.14], dtype=torch.float64)

    def mean(point):
        return term.expected(fixed | dict(zip(names, point, strict=True))).mean

    exact = torch.func.jacfwd(mean)(at)
    for i, name in enumerate(names):
        step = torch.zeros_like(at)
        step[i] = 1e-4
        about = (mean(at + step) - mean(at - step)) / 2e-4
        error = (exact[:, i] - about).abs().max() / about.abs().max()
        assert float(error) < 1e-4, name


def test_the_term_can_be_pickled_and_the_seed_decides_it(toy, term):
    again = pickle.loads(pickle.dumps(toy.term(500, seed=5)))
    twin = toy.term(500, seed=5)
    truth = tensors(TRUTH)
    torch.testing.assert_close(again.expected(truth).mean, twin.expected(truth).mean)
    torch.testing.assert_close(again.counts, term.counts)
    one, other = (deviance(t.counts, t.expected(truth)).sum() for t in (again, term))
    assert float(one) != float(other)


def test_a_run_without_enough_hits_is_refused():
    small = TimedRun(n_events=(3, 3), seed=1)
    with pytest.raises(CalibrationError, match="cells of 1000 hits"):
        small.term(100, seed=1)
