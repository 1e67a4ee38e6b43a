"""The generator on sparse hits: what it draws, and derivatives through its choices."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from cyclegan_hits import DETECTOR, TUBES, lit
from kzcal_cyclegan.forward import Forward
from kzcal_cyclegan.mixtures import Mixture
from kzcal_cyclegan.runs import Batch, RunTensors, Tubes
from kzcal_cyclegan.sampling import SparseTranslator, steps_of

from kzcal.hits import FORCED, Events

CPU = torch.device("cpu")
ALIVE = torch.ones(DETECTOR.n_pmt, dtype=torch.bool)


def quiet(alive: torch.Tensor = ALIVE) -> Forward:
    """A generator without dark pulses."""
    forward = Forward(TUBES, alive)
    with torch.no_grad():
        forward.dark.fill_(-60.0)
    return forward


def batch_of(events: Events) -> Batch:
    """All events of a run as one batch."""
    run = RunTensors.of(events, TUBES)
    return run.take(torch.arange(len(events)))


def at(times: list[float], pmt: int = 7) -> Batch:
    """One event whose photoelectrons all hit one PMT, at residuals of these ns."""
    some = batch_of(lit(1)).events
    n = len(times)
    where = torch.full((n,), pmt)
    return Batch(
        some, torch.zeros(n, dtype=torch.int64), where, torch.tensor(times), torch.ones(n)
    )


def draw(forward: Forward, light: Batch, seed: int = 1):
    """Hits of a generator."""
    return forward.draw(light, TUBES, torch.Generator().manual_seed(seed))


def sure(forward: Forward) -> Forward:
    """The same, keeping everything and moving nothing."""
    with torch.no_grad():
        forward.keep.fill_(40.0)
        forward.spread.fill_(-20.0)
        forward.times.mean.zero_()
        forward.times.width.zero_()
        forward.walk.zero_()
    return forward


def test_choices_weigh_one_and_have_the_derivative_of_the_expectation() -> None:
    """Of n lone photoelectrons n p are kept, with the slope n p (1 - p) by the log-odds.

    The slope's estimate is (1 - p) for each that is kept; 4 sigma: false alarm 6e-5.
    """
    forward = quiet()
    with torch.no_grad():
        forward.keep.fill_(0.4)
    event = torch.arange(40).repeat_interleave(DETECTOR.n_pmt)
    pmt = torch.arange(DETECTOR.n_pmt).repeat(40)
    time = torch.zeros(len(pmt))
    light = Batch(batch_of(lit(40)).events, event, pmt, time, torch.ones(len(pmt)))
    drawn = draw(forward, light)
    assert torch.equal(drawn.weight.detach(), torch.ones_like(drawn.weight))
    (slopes,) = torch.autograd.grad(drawn.weight.sum(), forward.keep_all)
    p, n = 1.0 / (1.0 + math.exp(-0.4)), len(pmt)
    error = (1 - p) * math.sqrt(n * p * (1 - p))
    assert abs(float(slopes.sum()) - n * p * (1 - p)) < 4 * error


def test_photoelectrons_of_a_pmt_merge_and_their_charges_add() -> None:
    """Within 12 ns there is one hit at the first one's time; beyond there are two."""
    near, far = (draw(sure(quiet()), at(times)) for times in ([3.0, 11.0], [3.0, 40.0]))
    assert near.hits.time.tolist() == pytest.approx([3.0], abs=1e-4)
    assert near.light.tolist() == [2.0]
    assert far.hits.time.tolist() == pytest.approx([3.0, 40.0], abs=1e-4)
    assert far.light.tolist() == [1.0, 1.0]
    torch.testing.assert_close(near.hits.charge, far.hits.charge.sum()[None])


def test_noise_makes_dark_hits_at_the_rate_and_anywhere_in_the_window() -> None:
    """Poisson in number, uniform in time; 4 sigma: false alarm 6e-5 each."""
    forward = Forward(TUBES, ALIVE)
    with torch.no_grad():
        forward.dark.fill_(math.log(1e-4))
    events = lit(50)
    none = replace(events, hits=events.hits.where(np.zeros(len(events.hits.pmt), bool)))
    drawn = draw(forward, batch_of(none))
    mean = 50 * DETECTOR.n_pmt * 1e-4 * 500.0
    assert abs(len(drawn.weight) - mean) < 4 * math.sqrt(mean) + mean**2 * 1e-6
    assert not drawn.light.any()
    arrival = drawn.hits.time + drawn.hits.events.expected(drawn.hits.event, drawn.hits.pmt, TUBES)
    inside = arrival[drawn.passing > 0].detach()
    assert abs(float(inside.mean()) - 100.0) < 4 * 500.0 / math.sqrt(12 * len(inside)) + 2.0


def test_dead_pmts_report_nothing() -> None:
    """Neither of light nor of noise."""
    alive = ALIVE.clone()
    alive[::2] = False
    drawn = draw(Forward(TUBES, alive), batch_of(lit(5)))
    assert len(drawn.weight)
    assert alive[drawn.hits.pmt].all()


def test_a_density_is_one_of_what_is_drawn() -> None:
    """It integrates to 1, to the same above a level, and draws agree within 4 sigma."""
    mixture = Mixture((0.7, 0.3), (0.0, 4.0), (1.0, 2.0))
    kind, scale = torch.zeros(1, dtype=torch.int64), torch.tensor([1.5])
    value = torch.arange(-30.0, 40.0, 0.01)
    many, wide = kind.expand(len(value)), scale.expand(len(value))
    density = mixture.log_prob(value, many, wide).detach().exp()
    assert float(density.sum() * 0.01) == pytest.approx(1.0, abs=1e-4)
    above = float(mixture.above(torch.tensor([2.0]), kind, scale).detach()[0])
    assert float(density[value >= 2.0].sum() * 0.01) == pytest.approx(above, abs=5e-3)
    n = 20_000
    generator = torch.Generator().manual_seed(2)
    drawn, _ = mixture.draw(kind.expand(n), scale.expand(n), generator)
    share = float((drawn > 2.0).float().mean())
    assert abs(share - above) < 4 * math.sqrt(above * (1 - above) / n)


def test_translation_keeps_steps_and_the_window_of_forced_triggers() -> None:
    """Times come in the steps of the data; forced triggers are as long as theirs."""
    events = lit(6)
    trigger = np.full(6, FORCED, np.uint8)
    none = np.zeros(len(events.hits.pmt), bool)
    forced = replace(events, trigger=trigger, hits=events.hits.where(none))
    forward = Forward(TUBES, ALIVE)
    stepped = replace(
        events.hits, time=np.round(events.hits.time * 8) / 8, charge=np.ones_like(events.hits.time)
    )
    weights = {**forward.state_dict(), **steps_of(replace(events, hits=stepped))}
    hits = (
        SparseTranslator(weights, DETECTOR, CPU)
        .translate(forced, DETECTOR, generator=np.random.default_rng(1))
        .hits
    )
    assert hits.time.max() > 5000.0
    assert np.array_equal(hits.time * 8, np.rint(hits.time * 8))
    assert float(steps_of(events)["time_step"]) == 0.0


@pytest.mark.cuda
def test_a_gpu_draws_the_same_law() -> None:
    """Numbers of hits agree within 5 sigma of their Poisson errors."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    light, device = batch_of(lit(20)), torch.device("cuda")
    on_cpu = len(draw(Forward(TUBES, ALIVE), light).weight)
    run = RunTensors.of(lit(20), Tubes.of(DETECTOR, device))
    tubes = Tubes.of(DETECTOR, device)
    generator = torch.Generator(device).manual_seed(1)
    drawn = Forward(tubes, ALIVE.to(device)).draw(run.take(run.physics), tubes, generator)
    assert abs(len(drawn.weight) - on_cpu) < 5 * math.sqrt(2 * on_cpu)
