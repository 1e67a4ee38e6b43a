"""What the mended version learns, and what it refuses."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from kzcal_graph_unet_gan import GRAPH_UNET_GAN
from kzcal_graph_unet_gan.dense import dense_of, maps_of
from kzcal_graph_unet_gan.generator import Generator, PulseDensity
from kzcal_graph_unet_gan.light import Light
from kzcal_graph_unet_gan.likelihood import Reported, log_likelihood, log_one_hit, log_two_hits
from kzcal_graph_unet_gan.mixtures import Mixture
from kzcal_graph_unet_gan.pairs import Pairs
from kzcal_graph_unet_gan.sphere import hierarchy
from kzcal_graph_unet_gan.start import start_from_means
from kzcal_graph_unet_gan.translation import large_of

from kzcal.errors import ConfigurationError
from kzcal.learning import Trained
from kzcal.testing.learning import translator_task
from kzcal.testing.synthetic import synthetic_run
from kzcal.translate.maps import HitMaps

NARROW = torch.tensor([[0.5, 0.0, 1.0, 2.0, -1.0, -0.5]])
CHARGES = torch.tensor([[0.5, 0.0, 0.5, 1.5, -1.0, -0.5]])
SEEN, AGAIN = 0.4, 0.25


@pytest.fixture(scope="module")
def task():
    return translator_task(synthetic_run(n_events=40))


def densities(n):
    gain, walk = torch.full((n,), 1.1), torch.tensor(0.0)
    charge, time = Mixture.of(CHARGES.expand(n, -1)), Mixture.of(NARROW.expand(n, -1))
    late = Mixture(time.log_weight, time.mean + 20, time.width)
    return tuple(
        PulseDensity(torch.full((n,), math.log(p / (1 - p))), charge, when, gain, walk)
        for p, when in ((SEEN, time), (AGAIN, late))
    )


def grid():
    """Times and charges in small cells, and the size of one."""
    time, charge = torch.linspace(-6, 30, 481), torch.linspace(0.01, 12, 800)
    cell = float((time[1] - time[0]) * (charge[1] - charge[0]))
    return *(x.ravel() for x in torch.meshgrid(time, charge, indexing="ij")), cell


def test_one_hit_is_as_probable_as_one_pulse():
    time, charge, cell = grid()
    n = len(time)
    there = torch.tensor([[True, False]]).expand(n, -1)
    hits = Reported(there, charge[:, None].expand(-1, 2), time[:, None].expand(-1, 2))
    none = torch.full((1, n), -math.inf)
    total = float(log_one_hit(*densities(n), hits, none).exp().sum()) * cell
    assert total == pytest.approx(SEEN * (1 - AGAIN), rel=0.01)


def test_two_hits_are_as_probable_as_two_pulses():
    time, charge, cell = grid()
    n = len(time)
    both = torch.ones(n, 2, dtype=torch.bool)
    fixed = torch.ones(n)
    hits = Reported(both, torch.stack([fixed, charge], 1), torch.stack([fixed, time], 1))
    total = float(log_two_hits(*densities(n), hits, torch.full((2, n), -math.inf)).exp().sum())
    first = densities(1)[0]
    one = torch.ones(1)
    begun = float((first.log_charge(one) + first.time.log_prob(one)).exp())
    assert total * cell == pytest.approx(SEEN * AGAIN * begun, rel=0.01)


def test_a_hit_far_from_the_light_is_a_dark_one():
    hits = Reported(torch.tensor([[True, False]]), torch.ones(1, 2), torch.full((1, 2), -120.0))
    log_dark = torch.full((1, 1), math.log(1e-5))
    found = float(log_one_hit(*densities(1), hits, log_dark).exp())
    assert found == pytest.approx((1 - SEEN) * 1e-5, rel=1e-3)


def started(task, **columns):
    """A network that starts from the pairs, after some columns of the hits were changed."""
    hits = replace(task.target.hits, **{k: v.astype(np.float32) for k, v in columns.items()})
    alive = np.ones(task.detector.n_pmt, bool)
    levels = hierarchy(task.detector.directions, alive, depth=1, neighbours=2)
    network = Generator(large_of(task.detector), levels, 2).requires_grad_(requires_grad=False)
    pairs = Pairs.of(replace(task, target=replace(task.target, hits=hits)), torch.Generator())
    start_from_means(network, pairs, task.detector)
    return network


def test_each_pmt_starts_where_its_hits_are(task):
    """One that reads late and one that reads too much stand out at once."""
    hits = task.target.hits
    late = hits.time + np.where(hits.pmt == 10, 5.0, 0.0)
    plain = started(task)
    changed = started(task, time=late, charge=hits.charge * np.where(hits.pmt == 20, 2.0, 1.0))
    assert int((changed.offset - plain.offset).argmax()) == 10
    assert int((changed.log_gain - plain.log_gain).argmax()) == 20


def test_pmts_that_scatter_start_wider(task):
    hits = task.target.hits
    scatter = 6 * (-1.0) ** np.arange(len(hits.pmt))
    some = (hits.pmt >= 30) & (hits.pmt < 90)
    wider = started(task, time=hits.time + np.where(some, scatter, 0.0))
    change = wider.log_spread - started(task).log_spread
    assert change[30:90].mean() > 5 * change[90:].abs().mean()


def test_every_weight_has_a_finite_gradient(task):
    torch.manual_seed(1)
    alive = np.ones(task.detector.n_pmt, bool)
    levels = hierarchy(task.detector.directions, alive, depth=2, neighbours=4)
    network = Generator(large_of(task.detector), levels, 4)
    light = Light.of(task.source[:8], task.detector)
    maps = HitMaps.of(task.target[:8], task.detector, 2)
    pair = network(light, generator=torch.Generator().manual_seed(1))
    log_dark = torch.full((task.detector.n_pmt,), math.log(1e-5))
    torch.autograd.backward(log_likelihood(network, light, pair, maps, log_dark))
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name


def test_the_likelihood_grows_with_training(task):
    learner = GRAPH_UNET_GAN.learn(task, channels=4.0, depth=1.0, batch=2.0)
    told = [learner.step()["likelihood"] for _ in range(24)]
    assert np.mean(told[-6:]) < np.mean(told[:6]) - 0.1


def test_without_an_adversary_there_is_no_discriminator(task):
    learner = GRAPH_UNET_GAN.learn(task, channels=4.0, depth=1.0, batch=1.0, adversarial=0.0)
    assert learner.step().keys() == {"likelihood"}


def test_dense_maps_hold_the_first_time_and_all_charge(task):
    events = task.target.take(task.target.physics)
    dense = dense_of(events, task.detector)
    maps = HitMaps.of(events, task.detector, 1)
    charge = events.hits.sum_per_event(events.hits.charge)
    np.testing.assert_allclose(dense[:, :, 1].sum(0).numpy(), charge, rtol=1e-5)
    again = maps_of(dense)
    both = again.present & maps.present
    assert torch.equal(both, again.present), "no hit where there was none"
    assert both.sum() > 0.9 * maps.present.sum(), "few hits are below the threshold"
    torch.testing.assert_close(again.time[both], maps.time[both], rtol=1e-5, atol=1e-3)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("faithful", [0.0, 1.0])
def test_both_train_and_translate_on_a_gpu(task, faithful):
    there = replace(task, device=torch.device("cuda"))
    learner = GRAPH_UNET_GAN.learn(there, channels=4.0, depth=2.0, batch=2.0, faithful=faithful)
    assert all(math.isfinite(value) for value in learner.step().values())
    generator = np.random.default_rng(1)
    hits = learner.translate(task.source, task.detector, generator=generator).hits
    assert len(hits) == len(task.source)


SMALL = {"channels": 4.0, "depth": 1.0, "neighbours": 2.0, "batch": 1.0}


@pytest.mark.parametrize("faithful", [0.0, 1.0])
def test_another_detector_is_refused(task, faithful):
    learner = GRAPH_UNET_GAN.learn(task, **SMALL, faithful=faithful)
    options = {**SMALL, "faithful": faithful}
    weights = learner.weights()
    built = GRAPH_UNET_GAN.build(Trained(weights, options, task.detector, task.device))
    names = ("positions", "diameter_inch", "aperture_radius")
    other = replace(task.detector, **{n: getattr(task.detector, n)[:100] for n in names})
    for translator in (learner, built):
        with pytest.raises(ConfigurationError, match="has 1879 PMTs, got 100: train"):
            translator.translate(task.source[:1], other, generator=np.random.default_rng(1))


@pytest.mark.parametrize("faithful", [0.0, 1.0])
def test_a_training_leaves_the_random_state_of_others_alone(task, faithful, monkeypatch):
    seeds = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeds.append)
    before = torch.get_rng_state()
    GRAPH_UNET_GAN.learn(task, **SMALL, faithful=faithful)
    assert torch.equal(torch.get_rng_state(), before)
    assert not seeds, "no stream of a GPU is seeded"


def test_a_target_of_another_window_is_refused(task):
    time = task.target.hits.time.copy()
    time[np.flatnonzero(task.target.physics[task.target.hits.event_index])[0]] = 1000.0
    late = replace(task.target, hits=replace(task.target.hits, time=time))
    with pytest.raises(ConfigurationError, match="from -150 to 350 ns, got a hit at 1000 ns"):
        GRAPH_UNET_GAN.learn(replace(task, target=late), **SMALL)


@pytest.mark.parametrize("faithful", [0.0, 1.0])
def test_what_are_no_pairs_is_refused(task, faithful):
    with pytest.raises(ConfigurationError, match="kzcal simulate --gtq"):
        GRAPH_UNET_GAN.learn(replace(task, paired=False), faithful=faithful)


def test_a_source_without_light_is_refused(task):
    dark = task.source.take(task.source.forced)
    only = replace(task, source=dark, target=task.target.take(task.target.forced))
    with pytest.raises(ConfigurationError, match="photoelectrons, got none"):
        GRAPH_UNET_GAN.learn(only)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("depth", 1.5),
        ("channels", 0.0),
        ("channels", math.inf),
        ("batch", math.nan),
        ("faithful", 2.0),
        ("learning_rate", -1.0),
        ("learning_rate", math.inf),
        ("halving", math.inf),
        ("adversarial", math.nan),
    ],
)
def test_options_without_sense_are_refused(task, name, value):
    sentence = f"{name} of graph-unet-gan must be .* from .* to .*, got {value:g}: choose"
    with pytest.raises(ConfigurationError, match=sentence):
        GRAPH_UNET_GAN.learn(task, **{name: value})
