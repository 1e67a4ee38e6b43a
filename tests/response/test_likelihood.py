"""The likelihood is that of sampling: normalised, scores of mean zero, pulls of width one."""

import math
from dataclasses import replace

import pytest
import torch

from kzcal.photoelectrons import Photoelectrons
from kzcal.response.charge import ChargeShape
from kzcal.response.detector import DetectorResponse, Expectation, Pulses, Stray

N_PMT = 5
STEP = 0.5
BEGIN, END = -40.0, 100.0
DECAY = 15.0


def tubes(n=N_PMT, **changes):
    """A few PMTs with everything that a response knows."""

    def column(value):
        return torch.full((n,), value)

    shape = ChargeShape(column(0.13), column(0.35), column(0.3), column(0.05))
    response = DetectorResponse(
        gain=torch.linspace(0.9, 1.1, n),
        spe_width=column(0.4),
        time_offset=torch.linspace(-2.0, 2.0, n),
        tts=column(1.5),
        dark_rate=column(4e5),
        alive=torch.ones(n, dtype=torch.bool),
        shape=shape,
        walk=0.5,
        late_share=0.02,
        moved=(Stray(column(0.04), column(30.0), column(60.0)),),
        saturation=500.0,
    )
    return replace(response, **changes)


def expectation(mean, decay=DECAY):
    """Light that begins at time zero and decays."""
    edges = BEGIN + STEP * torch.arange(round((END - BEGIN) / STEP) + 1, dtype=torch.float64)
    share = (1 - torch.exp(-edges.clamp(min=0) / decay)).diff()
    return Expectation(mean, share[None, None], BEGIN, STEP)


def sample(response, mean, seed=1, decay=DECAY):
    """Hits of events whose PMTs expect so many photoelectrons."""
    generator = torch.Generator().manual_seed(seed)
    number = torch.poisson(mean, generator=generator).long()
    cell = torch.repeat_interleave(torch.arange(mean.numel()), number.reshape(-1))
    time = torch.empty(len(cell)).exponential_(1 / decay, generator=generator)
    light = Photoelectrons(cell // mean.shape[1], cell % mean.shape[1], time)
    window = tuple(torch.full((len(mean),), edge) for edge in (BEGIN, END))
    return response.sample(light, window, generator=generator)


@pytest.mark.parametrize("mean", [0.0, 0.4, 3.0])
def test_probabilities_of_silence_and_of_all_hits_add_to_one(mean):
    """With a merging time beyond the window a PMT reports once or never."""
    changes = {"merging_time": 80.0, "walk": 0.0, "saturation": math.inf}
    response = tubes(1, **changes)
    n_time, step, charge_step = 60, 1.0, 1 / 16
    charge = charge_step * (torch.arange(20 * 16) + 0.5)
    time = -20.0 + step * (torch.arange(n_time) + 0.5)
    n = n_time * len(charge)
    hits = Pulses(
        torch.arange(n),
        torch.zeros(n, dtype=torch.long),
        time.repeat_interleave(len(charge)),
        charge.repeat(n_time),
    )
    edges = -20.0 + torch.arange(n_time + 1, dtype=torch.float64)
    share = (1 - torch.exp(-edges.clamp(min=0) / 8.0)).diff()
    light = Expectation(torch.full((n + 1, 1), mean), share[None, None], -20.0, step)
    logarithm = response.log_prob(hits, light, (-20.0, 40.0))
    silent = float(logarithm[-1].exp())
    seen = float(logarithm[:-1].exp().sum()) * step * charge_step
    assert 0 < silent < 1
    assert silent + seen == pytest.approx(1, abs=4e-3)


def test_two_tubes_are_independent():
    response, mean = tubes(), torch.full((1, N_PMT), 0.8)
    hits = sample(response, mean)
    whole = response.log_prob(hits, expectation(mean), (BEGIN, END))
    parts = torch.zeros(1, dtype=torch.float64)
    for pmt in range(N_PMT):
        alive = torch.arange(N_PMT) == pmt
        here = hits.pmt == pmt
        of_pmt = Pulses(hits.event[here], hits.pmt[here], hits.time[here], hits.charge[here])
        parts += replace(response, alive=alive).log_prob(of_pmt, expectation(mean), (BEGIN, END))
    torch.testing.assert_close(whole, parts, rtol=1e-9, atol=1e-9)


def test_a_hit_of_a_dead_tube_is_impossible():
    response = tubes(alive=torch.arange(N_PMT) > 0)
    hit = Pulses(*(torch.tensor([v]) for v in (0, 0)), *(torch.tensor([v]) for v in (5.0, 1.0)))
    light = expectation(torch.full((1, N_PMT), 0.8))
    assert float(response.log_prob(hit, light, (BEGIN, END))) < -500


def scores(response, mean, hits, name, step):
    """Slope of each event's log-likelihood by a parameter, by central differences."""
    values = []
    for sign in (1, -1):
        moved, light = response, expectation(mean)
        if name == "light":
            light = expectation(mean * math.exp(sign * step))
        elif name == "decay":
            light = expectation(mean, DECAY + sign * step)
        elif name == "width":
            moved = replace(response, spe_width=response.spe_width + sign * step)
        elif name == "time_offset":
            moved = replace(response, time_offset=response.time_offset + sign * step)
        else:
            moved = replace(response, **{name: getattr(response, name) * (1 + sign * step)})
        values.append(moved.log_prob(hits, light, (BEGIN, END)))
    return (values[0] - values[1]) / (2 * step)


PARAMETERS = {
    "light": 0.02,
    "decay": 0.2,
    "gain": 0.01,
    "width": 0.01,
    "time_offset": 0.1,
    "tts": 0.05,
    "dark_rate": 0.05,
}


@pytest.mark.parametrize("light", [0.3, 2.0])
def test_scores_have_mean_zero_at_the_truth(light):
    """600 events, seven slopes, within four errors of the mean: false alarm 4e-4."""
    response, mean = tubes(), torch.full((600, N_PMT), light)
    hits = sample(response, mean, seed=3)
    for name, step in PARAMETERS.items():
        slope = scores(response, mean, hits, name, step)
        pull = float(slope.mean() / (slope.std() / math.sqrt(len(slope))))
        assert abs(pull) < 4, f"{name}: {pull:.1f}"


def test_light_and_gain_are_recovered_with_pulls_of_width_one():
    """40 sets of 40 events, one Newton step from the truth; widths within 3.5 errors, 1e-3."""
    response, n_set, n_event = tubes(), 40, 40
    mean = torch.full((n_set * n_event, N_PMT), 0.8)
    hits = sample(response, mean, seed=5)
    names = ("light", "gain")
    slopes = torch.stack([scores(response, mean, hits, n, PARAMETERS[n]) for n in names])
    information = slopes @ slopes.T / n_set
    by_set = slopes.reshape(2, n_set, n_event).sum(2)
    moved = torch.linalg.solve(information, by_set)
    error = torch.linalg.inv(information).diagonal().sqrt()
    pulls = moved / error[:, None]
    assert float(pulls.mean(1).abs().max()) < 3.5 / math.sqrt(n_set)
    assert float((pulls.std(1) - 1).abs().max()) < 3.5 / math.sqrt(2 * n_set)


def test_the_truth_is_preferred():
    response, mean = tubes(), torch.full((500, N_PMT), 0.8)
    hits = sample(response, mean, seed=7)
    window = (BEGIN, END)
    best = float(response.log_prob(hits, expectation(mean), window).sum())
    for changes, light in (
        ({}, expectation(1.15 * mean)),
        ({}, expectation(0.85 * mean)),
        ({"gain": response.gain * 1.1}, expectation(mean)),
        ({"time_offset": response.time_offset + 0.5}, expectation(mean)),
        ({"merging_time": 20.0}, expectation(mean)),
    ):
        moved = replace(response, **changes)
        assert float(moved.log_prob(hits, light, window).sum()) < best - 5
