"""Arrival times of photoelectrons, as all that counts hits takes them from the templates."""

import math

import pytest
import torch

from kzcal.calibrate.arrivals import N_DISTANCE, N_ENERGY, POINT_LIKE
from kzcal.calibrate.survey import LIGHT_WINDOW
from kzcal.calibrate.timing.cells import MEAN_EDGES, Cells
from kzcal.calibrate.timing.simple import SimpleLight
from kzcal.calibrate.timing.templates import N_DELAYS, Templates
from kzcal.light import ALPHA_PROFILE, ELECTRON_PROFILE


def templates(alpha):
    """Point-like light of a share of alphas, on straight ways and without smearing."""
    cells = Cells(
        mean=torch.full((2, N_ENERGY, N_DISTANCE, len(MEAN_EDGES)), 0.1),
        energy=torch.ones(N_ENERGY),
        distance=torch.full((N_DISTANCE,), 6.0),
        dark=torch.zeros(2),
    )
    simple = SimpleLight(
        tts=torch.tensor([1.3, 2.4], dtype=torch.float64),
        decay_scale=1.0,
        alpha_share=torch.full((POINT_LIKE,), alpha, dtype=torch.float64),
        early_share=0.0,
        early_ns=torch.tensor([[-25.0, -10.0], [-35.0, -15.0]], dtype=torch.float64),
        covariance=torch.eye(3),
    )
    values = torch.cat([torch.zeros(N_ENERGY), torch.full((N_DELAYS + N_ENERGY,), -30.0)])
    rows = values.double().repeat(N_DISTANCE, 1)
    smearing = torch.full((N_ENERGY,), 0.1, dtype=torch.float64)
    return Templates(cells, simple, smearing, rows, 12.0)


@pytest.mark.parametrize(("alpha", "profile"), [(0.0, ELECTRON_PROFILE), (1.0, ALPHA_PROFILE)])
def test_arrivals_are_shares_of_the_light_of_the_whole_window(alpha, profile):
    found = templates(alpha).arrivals()
    last = found.first + found.step * (found.arrived.shape[-1] - 1)
    assert last == pytest.approx(LIGHT_WINDOW[1])

    def arrived(time):
        return sum(w * -math.expm1(-time / tau) for w, tau in profile)

    for time in (30.0, 100.0):
        place = round((time - found.first) / found.step)
        share = found.arrived[:POINT_LIKE, :, place]
        wanted = arrived(time) / arrived(LIGHT_WINDOW[1])
        torch.testing.assert_close(share, torch.full_like(share, wanted), rtol=0, atol=2e-3)
