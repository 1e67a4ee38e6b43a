"""Densities that integrate to one, and samples that follow them."""

import math

import numpy as np
import pytest
import torch
from kzcal_graph_unet_gan.dark import dark_hits, dark_rates, reporting
from kzcal_graph_unet_gan.generator import PulseDensity, log_charge, log_second_time
from kzcal_graph_unet_gan.light import DEAD_TIME, Light
from kzcal_graph_unet_gan.mixtures import Mixture, charge_of, log_stretch, stretched
from kzcal_graph_unet_gan.sampling import draw
from scipy import stats

from kzcal.geometry import load_detector
from kzcal.testing.learning import translator_task
from kzcal.testing.synthetic import synthetic_run

NUMBERS = torch.tensor([[0.3, -1.0, 0.2, -0.5, 0.4, 2.0, -0.7, 0.1, 0.6]])


def rows(n):
    return Mixture.of(NUMBERS.expand(n, -1))


def test_a_mixture_integrates_to_one_and_its_tail_to_what_is_beyond():
    x = torch.linspace(-15, 25, 40001)
    density = rows(len(x)).log_prob(x).exp()
    assert float(torch.trapezoid(density, x)) == pytest.approx(1, abs=1e-4)
    beyond = float(rows(1).log_beyond(torch.tensor([0.7])).exp())
    assert float(torch.trapezoid(density[x >= 0.7], x[x >= 0.7])) == pytest.approx(
        beyond, abs=2e-3
    )


def test_samples_follow_the_mixture():
    """Kolmogorov-Smirnov at a fixed seed; one seed in a thousand would fail."""
    mixture = rows(20_000)
    drawn = mixture.sample(generator=torch.Generator().manual_seed(4)).numpy()
    points = np.linspace(-8, 12, 4001)
    one = rows(len(points))
    below = 1 - one.log_beyond(torch.from_numpy(points).float()).exp().numpy()
    assert stats.kstest(drawn, lambda x: np.interp(x, points, below)).pvalue > 1e-3


def test_samples_beyond_a_limit_follow_what_is_left():
    """Kolmogorov-Smirnov at a fixed seed; one seed in a thousand would fail."""
    limit = torch.full((5000,), 1.0)
    generator = torch.Generator().manual_seed(5)
    drawn = rows(5000).sample_beyond(limit, generator=generator)
    assert (drawn > limit).all()
    plain = rows(60_000).sample(generator=generator)
    assert stats.ks_2samp(drawn.numpy(), plain[plain > 1.0].numpy()).pvalue > 1e-3


def test_the_scale_of_charges_is_undone_by_its_inverse():
    charge = torch.tensor([0.01, 0.2, 1.0, 7.0, 60.0])
    torch.testing.assert_close(charge_of(stretched(charge)), charge)


def test_the_slope_of_the_scale_is_that_of_the_scale():
    charge = torch.tensor([0.05, 0.3, 1.0, 4.0], requires_grad=True)
    (slope,) = torch.autograd.grad(stretched(charge).sum(), charge)
    torch.testing.assert_close(log_stretch(charge), torch.log(slope))


def test_the_density_of_charges_integrates_to_one_whatever_the_gain():
    charge = torch.linspace(1e-3, 60, 200_001)
    n = len(charge)
    density = log_charge(rows(n), charge, torch.full((n,), 1.3)).exp()
    assert float(torch.trapezoid(density, charge)) == pytest.approx(1, abs=2e-3)


def pulse(n, logit):
    same = torch.full((n,), logit)
    return PulseDensity(same, rows(n), rows(n), torch.ones(n), torch.tensor(0.5))


def test_second_pulses_come_after_the_dead_time_with_a_density_of_their_own():
    after = torch.full((20_001,), -12.0)
    time = torch.linspace(-15, 25, 20_001)
    density = log_second_time(pulse(20_001, 0.0), time, after).exp()
    inside = time > after + DEAD_TIME
    assert float(torch.trapezoid(density[inside], time[inside])) == pytest.approx(1, abs=5e-3)
    assert float(density[~inside].max()) < 1e-8


def test_pulses_are_as_frequent_as_they_say_and_never_without_the_first():
    """Five standard deviations: one seed in two million would fail."""
    n, chance, again = 40_000, 0.3, 0.2
    densities = tuple(pulse(n, math.log(p / (1 - p))) for p in (chance, again))
    drawn = draw(densities, generator=torch.Generator().manual_seed(6))
    for found, wanted in zip(
        drawn.present.mean(0).tolist(), (chance, chance * again), strict=True
    ):
        assert abs(found - wanted) < 5 * math.sqrt(wanted / n)
    assert (drawn.present[:, 1] <= drawn.present[:, 0]).all()
    both = drawn.present[:, 1] > 0
    late = drawn.time - 0.5 * (drawn.charge.clamp(min=0.05) ** -0.5 - 1)
    assert (late[both, 1] - late[both, 0] > DEAD_TIME - 1e-3).all()


def test_the_light_of_a_pmt_names_the_photoelectrons_that_may_begin_a_pulse():
    run = synthetic_run(n_events=40)
    task = translator_task(run)
    light = Light.of(task.source, task.detector)
    hits = task.source.hits
    node = hits.pmt.astype(int) * len(hits) + hits.event_index
    many, counts = np.unique(node, return_counts=True)
    assert light.node.tolist() == many.tolist()
    assert light.count[:, 0].tolist() == counts.tolist()
    valid, c = light.valid, light.candidate
    assert valid[:, 0].all()
    assert (c[:, 1] >= c[:, 0])[valid[:, 1]].all()
    assert (c[:, 3] > c[:, 0] + DEAD_TIME)[valid[:, 3]].all()
    assert (c[:, 4] > c[:, 3] + DEAD_TIME)[valid[:, 4]].all()
    assert (light.count[:, 1] + light.count[:, 2] <= light.count[:, 0]).all()


def test_dark_rates_are_those_of_the_pmts():
    """Mean over the PMTs within five standard deviations: one seed in two million would fail."""
    detector = load_detector()
    task = translator_task(synthetic_run(n_events=120))
    alive = reporting(task.target, detector)
    rate = dark_rates(task.target, detector, alive)
    assert (rate[~alive] == 0).all()
    forced = task.target.take(task.target.forced)
    exposure = 1e4 * len(forced) * alive.sum()
    expected = len(forced.hits.pmt) / exposure
    assert (
        abs(rate[alive].mean() - expected) < 5 * math.sqrt(expected / exposure) + 0.02 * expected
    )


def test_dark_hits_come_at_their_rate_and_evenly():
    """Five standard deviations, and Kolmogorov-Smirnov: one seed in a thousand would fail."""
    rate = torch.tensor([0.0, 1e-4, 5e-4])
    window = (torch.full((200,), -150.0), torch.full((200,), 350.0))
    generator = torch.Generator().manual_seed(7)
    event, pmt, time = dark_hits(rate, window, generator=generator)
    expected = 200 * 500 * rate
    found = torch.bincount(pmt, minlength=3)
    assert ((found - expected).abs() <= 5 * expected.sqrt()).all()
    assert stats.kstest((time.numpy() + 150) / 500, "uniform").pvalue > 1e-3
    assert int(event.max()) < 200
