"""Hits per photoelectron beside those that the detector response draws."""

import pytest
import torch

from kzcal.calibrate.arrivals import Arrivals
from kzcal.fit.light.pileup import Pileup, counted_share, passing_shares
from kzcal.photoelectrons import Photoelectrons
from kzcal.response.charge import ChargeShape
from kzcal.response.detector import DetectorResponse

STEP, DECAY, T = 0.25, 9.0, 12.0


def shape(n, threshold=0.3):
    values = (0.13, 0.35, threshold, 0.05)
    return ChargeShape(*(torch.full((n,), v, dtype=torch.float64) for v in values))


def arrivals():
    edges = torch.arange(0, 200, STEP, dtype=torch.float64)
    arrived = 1 - torch.exp(-edges / DECAY)
    return Arrivals((arrived / arrived[-1])[None, None], 0.0, STEP)


def shares(threshold=0.3, gain=1.0, width=0.45):
    one = torch.ones(1, dtype=torch.float64)
    kind = torch.zeros(1, dtype=torch.long)
    return passing_shares(gain * one, width * one, shape(1, threshold), kind)


@pytest.mark.parametrize("mean", [0.3, 1.0, 2.5])
def test_share_is_that_of_sampled_hits(mean):
    """To 0.3 %, three times the error of a million photoelectrons: fails by chance in 0.3 %."""
    n = round(1_000_000 / mean)
    generator = torch.Generator().manual_seed(round(10 * mean))
    number = torch.poisson(torch.full((n,), mean), generator=generator).long()
    event = torch.repeat_interleave(number)
    time = -DECAY * torch.log(torch.rand(len(event), generator=generator).clamp(min=1e-9))
    one = torch.ones(1)
    response = DetectorResponse(
        gain=one,
        spe_width=0.45 * one,
        time_offset=0 * one,
        tts=0 * one,
        dark_rate=0 * one,
        alive=one.bool(),
        shape=shape(1).float(),
        walk=0.0,
        late_share=0.0,
    )
    light = Photoelectrons(event, torch.zeros_like(event), time)
    window = torch.full((n,), -10.0), torch.full((n,), 900.0)
    hits = response.sample(light, window, generator=generator)
    passing = shares()
    behind = mean * (torch.exp(-hits.time / DECAY) - torch.exp(-(hits.time + T) / DECAY))
    found = float((1 + passing[0, 0] * behind).sum() / (n * mean * passing[0, 0]))
    node = torch.tensor([mean * float(passing[0, 0])])
    at = Pileup.of(arrivals(), passing, T).at(node, *[torch.zeros(1, dtype=torch.long)] * 3)
    assert found == pytest.approx(float(at), abs=3e-3)


def test_lone_photoelectrons_count_as_they_are():
    assert float(counted_share(arrivals(), shares()[0], T)[0, 0, 0]) == pytest.approx(1, abs=1e-3)


def test_without_threshold_lost_light_is_made_up_for_exactly():
    """Hits and what they take up together are all photoelectrons, whatever their number."""
    found = counted_share(arrivals(), shares(threshold=-1.0)[0], T)[0, 0]
    torch.testing.assert_close(found[:-2], torch.ones_like(found[:-2]), atol=3e-4, rtol=0)


def test_threshold_adds_less_than_what_it_takes_from_lone_photoelectrons():
    passing = shares()[0]
    found = counted_share(arrivals(), passing, T)[0, 0, :-1]
    assert (found >= 1).all()
    assert (found < 1 / passing[0]).all()
