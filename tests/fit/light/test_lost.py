"""Light that is lost behind pulses, from photons that come together."""

import numpy as np
import pytest
import torch
from traced_run import run_at

from kzcal.calibrate.arrivals import DISTANCE_EDGES, N_DISTANCE, class_of
from kzcal.fit.light.lost import (
    N_PLACE,
    LostByTime,
    LostByTrace,
    without_own,
)
from kzcal.fit.light.pileup import MEANS
from kzcal.fit.light.traced import TracedBlock
from kzcal.fit.light.traced_pairs import (
    ArrivalValues,
    TracedPairs,
    aligned,
    pairs_within,
    uniforms,
)
from kzcal.light import ELECTRON_PROFILE
from kzcal.optics.acceptance import Sightline, sightline, sightline_of_hits
from kzcal.photoelectrons import Photoelectrons
from kzcal.response.merging import merged

T = 12.0
NO_DELAYS = ArrivalValues(late_fraction=0.0, late_delay=30.0, early_fraction=0.0)
N_PMT = 1324
"""Tubes of 17 inches, which all lie alike as seen from the middle."""


def photons(decays, each, wait, generator, parts=1, late=0.0):
    """Decay, PMT and time of light of which a decay's sets out after a common wait [ns].

    All of it goes to the PMTs of one of so many parts; a share is too late for the window.
    """
    n = decays * each
    decay = torch.arange(decays).repeat_interleave(each)
    pmt = torch.randint(N_PMT // parts, (n,), generator=generator) * parts + decay % parts
    start = -wait * torch.log(torch.rand(decays, generator=generator).clamp(min=1e-9))
    after = 300.0 * (torch.rand(n, generator=generator) < late)
    return decay, pmt, start[decay] + after


def block_of(run, event, decay, pmt, time):
    """Photons of a sample's events as if traced."""
    events = torch.arange(len(run.stream.events.used))
    detector = run.stream.detector
    vertex = run.stream.events.vertex[event]
    view = sightline_of_hits(vertex, detector.direction[pmt], detector.radius)
    return TracedBlock(
        row=event,
        sample=torch.zeros_like(event),
        decay=decay,
        pmt=pmt,
        view=Sightline(view.distance, view.cosine),
        residual=time,
        slopes=torch.zeros(len(pmt), 6),
        weight=1.0,
        events=events,
        event=event,
        samples=torch.zeros_like(events),
        emitted=torch.ones(len(events), dtype=torch.float64),
    )


def share_of(decays, each, wait, seed=1, **more):
    """Light lost over expected light at MEANS, as traced photons of one event tell."""
    run = run_at(np.zeros((1, 3)))
    kinds = run.stream.detector.kind
    assert int((kinds == 0).sum()) >= N_PMT
    generator = torch.Generator().manual_seed(seed)
    decay, place, time = photons(decays, each, wait, generator, **more)
    pmt = torch.nonzero(kinds == 0)[:N_PMT, 0][place]
    time = time + 1e-3 * torch.rand(len(time), generator=generator)
    run.weight[torch.nonzero(kinds == 0)[N_PMT:, 0]] = 0.0
    block = block_of(run, torch.zeros_like(pmt), decay, pmt, time)
    pairs = TracedPairs.of(run, {"one": np.zeros(1, int)}, NO_DELAYS, seed=seed)
    pairs.add_light(block)
    share = pairs.lost().share[0, 0]
    place = int(share.sub(share.mean(0)).abs().sum(1).argmax())
    return share[place]


def lost_behind(mean, wait, decays, seed=2):
    """Further photoelectrons in a pulse, counted in drawn ones."""
    generator = torch.Generator().manual_seed(seed)
    decay, pmt, time = photons(decays, round(mean * N_PMT), wait, generator)
    weights, times = (torch.tensor(column) for column in zip(*ELECTRON_PROFILE, strict=True))
    kind = torch.multinomial(weights, len(time), replacement=True, generator=generator)
    time = time - times[kind] * torch.log(torch.rand(len(time), generator=generator))
    time = time + 1.3 * torch.randn(len(time), generator=generator)
    light = Photoelectrons(decay, pmt, time)
    pulses = merged(light, torch.ones_like(time), T, N_PMT)
    return float(pulses.charge.mean()) - 1


@pytest.mark.parametrize("wait", [0.0, 6.0])
@pytest.mark.parametrize("mean", [0.25, 1.5])
def test_light_lost_is_that_of_drawn_pulses(mean, wait):
    """To 1 %; 0.1 and 0.6 photoelectrons are lost behind a pulse."""
    share = share_of(600, 1300, wait)
    found = mean * float(share[MEANS.index(mean)])
    assert found == pytest.approx(lost_behind(mean, wait, decays=1000), rel=0.01)


def test_photons_that_go_together_lose_more():
    """If half of the PMTs get all of a decay's light, pairs are twice as many."""
    alike, halves = (share_of(200, 1300, 0.0, parts=n) for n in (1, 2))
    few = MEANS.index(0.1)
    assert float(halves[few] / alike[few]) == pytest.approx(2, rel=0.02)


def test_light_after_the_window_makes_no_pairs_and_lacks_none():
    """What the light model expects is light in the window."""
    whole, part = (share_of(200, 1300, 0.0, late=late) for late in (0.0, 0.2))
    few = MEANS.index(0.1)
    assert float(part[few] / whole[few]) == pytest.approx(1, abs=0.02)


def share_by_shell(late):
    """At 8.5 m of light from the middle and from 5 m; a share of the former comes 40 ns later."""
    run = run_at(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 5.0]]))
    detector, generator = run.stream.detector, torch.Generator().manual_seed(3)
    view = sightline(run.stream.events.vertex, detector.direction, detector.radius)
    near = (detector.kind == 0) & ((view.distance - 8.5).abs() < 0.4)
    columns = []
    for event in (0, 1):
        decay = torch.arange(event * 400, event * 400 + 400).repeat_interleave(500)
        chosen = torch.randint(int(near[event].sum()), decay.shape, generator=generator)
        pmt = torch.nonzero(near[event])[chosen, 0]
        columns.append((torch.full_like(pmt, event), decay, pmt))
    event, decay, pmt = (torch.cat(column) for column in zip(*columns, strict=True))
    uniform = torch.rand(len(event), generator=generator)
    time = 40.0 * ((event == 0) & (uniform < late)) + 1e-3 * uniform
    pairs = TracedPairs.of(run, {"one": np.arange(2)}, NO_DELAYS, seed=1)
    pairs.add_light(block_of(run, event, decay, pmt, time))
    share = pairs.lost().share[0, 0].reshape(-1, N_DISTANCE, len(MEANS))
    found = share[:, class_of(torch.tensor(8.5), DISTANCE_EDGES), MEANS.index(0.1)]
    return found[[0, 2]]


def test_light_from_another_shell_comes_otherwise_though_it_flies_as_far():
    inner, outer = (share_by_shell(0.3) / share_by_shell(0.0)).tolist()
    assert inner == pytest.approx(0.7**2 + 0.3**2, abs=0.02)
    assert outer == pytest.approx(1.0, abs=0.02)


def test_pairs_are_all_those_within_reach():
    generator = torch.Generator().manual_seed(5)
    group = torch.randint(7, (300,), generator=generator)
    time = 80 * torch.rand(300, generator=generator, dtype=torch.float64)
    first, second = pairs_within(group, time, T)
    wanted = {
        (i, j)
        for i in range(300)
        for j in range(300)
        if i != j and group[i] == group[j] and 0 <= time[j] - time[i] <= T
    }
    assert set(zip(first.tolist(), second.tolist(), strict=True)) == wanted
    assert len(first) == len(wanted) > 300


def test_decays_are_aligned_at_their_medians():
    decay = torch.tensor([1, 0, 1, 1, 0, 0, 1])
    time = torch.tensor([5.0, -1.0, 7.0, 6.0, 3.0, 2.0, 9.0])
    found = aligned(time, decay)
    assert found[decay == 0].tolist() == [-3.0, 1.0, 0.0]
    assert found[decay == 1].tolist() == [-2.0, 0.0, -1.0, 2.0]


def shining(n_events, hits_of_each, *, dark_rate=0.0):
    """Events in the middle with so many hits each, all at once."""
    n = n_events * hits_of_each
    event = np.repeat(np.arange(n_events), hits_of_each)
    hits = event, np.arange(n) % N_PMT, np.full(n, 45.0)
    light = torch.full((n_events,), 500.0)
    return run_at(np.zeros((n_events, 3)), light=light, hits=hits, dark_rate=dark_rate)


def lost_with(run, share, amount=1.0):
    """Of the first event alone; the others are of no sample."""
    sample = torch.full((len(run.stream.events.used),), -1)
    sample[0] = 0
    table = torch.full((1, 2, N_PLACE, len(MEANS)), share, dtype=torch.float64)
    return LostByTrace(run, sample, table, torch.full((1, 2), amount, dtype=torch.float64))


def test_an_event_loses_what_its_other_hits_tell():
    run = shining(2, 50)
    (batch,) = run.stream.batches()
    mean = run.result.light.of_hits(batch, run.stream)
    found = lost_with(run, 0.3, amount=1.1).behind(batch)
    first = batch.event == 0
    light = 0.3 * 1.1 * mean[first]
    torch.testing.assert_close(found[first], light * (1 - 1 / (50 * (1 + light))))
    torch.testing.assert_close(found[~first], LostByTime(run).behind(batch)[~first])


@pytest.mark.parametrize("decay_time", [2.0, 10.0])
def test_busy_pmts_follow_the_light_found_less(decay_time):
    """Light of events is found from hits of busy and of quiet PMTs."""
    mean, n_busy, quiet, n_events = 1.3, 20, 30.0, 100_000
    generator = torch.Generator().manual_seed(6)
    number = torch.poisson(torch.full((n_events * n_busy,), mean), generator=generator)
    group = torch.arange(len(number)).repeat_interleave(number.long())
    time = -decay_time * torch.log(torch.rand(len(group), generator=generator).clamp(min=1e-9))
    light = Photoelectrons(group // n_busy, group % n_busy, time)
    pulses = merged(light, torch.ones_like(time), T, n_busy)
    behind = torch.exp(-pulses.time / decay_time) * -np.expm1(-T / decay_time)
    hits = torch.bincount(pulses.event, minlength=n_events).double()
    lost = torch.bincount(pulses.event, behind.double(), minlength=n_events)
    total = hits + torch.poisson(torch.full((n_events,), quiet), generator=generator)
    found = total / (n_busy + quiet / mean - lost)
    together = float((hits * found).mean() / hits.mean() / found.mean())
    each = torch.full((1,), mean * float(behind.mean()))
    left = without_own(each, torch.full((1,), float(total.mean()))) / each
    assert 0.4 < float(each) < 0.9
    assert together * float(left) == pytest.approx(1, abs=0.002)


def test_behind_dark_hits_light_comes_at_any_time_and_behind_all_dark_ones():
    rate = 20_000.0
    run = shining(1, 50, dark_rate=rate)
    (batch,) = run.stream.batches()
    mean = run.result.light.of_hits(batch, run.stream)
    dark = rate * 220e-9
    found = lost_with(run, 0.3).behind(batch)
    light = mean * (0.3 * mean + dark * T / 220) / (mean + dark)
    dark_too = rate * T * 1e-9
    torch.testing.assert_close(found, light * (1 - 1 / (50 * (1 + light))) + dark_too)


def test_the_amount_of_light_is_that_of_hits_and_losses():
    """Light a that n hits and their losses a d tell of expected light e: n + a d = a e."""
    run = shining(1, 50)
    lost = lost_with(run, 0.3)
    (batch,) = run.stream.batches()
    behind = float(lost.behind(batch).sum())
    found = lost.settled(torch.tensor([[60.0, 0.0]], dtype=torch.float64)).amount
    assert float(found[0, 0]) == pytest.approx(50 / (60 - behind))
    assert float(found[0, 1]) == 1


def test_random_numbers_are_even_and_follow_from_their_keys():
    """Means of 100,000 to five errors, of which there are twelve."""
    key = torch.arange(100_000)
    found = torch.stack([uniforms(key, stream) for stream in range(4)])
    assert float(found.min()) > 0
    assert float(found.max()) < 1
    error = (12 * len(key)) ** -0.5
    torch.testing.assert_close(
        found.mean(1), torch.full((4,), 0.5).double(), rtol=0, atol=5 * error
    )
    apart = torch.corrcoef(torch.cat([found, found[:1].roll(1, 1)])) - torch.eye(5)
    assert float(apart.abs().max()) < 5 * len(key) ** -0.5
    torch.testing.assert_close(uniforms(key[7:9], 2), found[2, 7:9], rtol=0, atol=0)
