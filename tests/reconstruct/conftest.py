"""A light map of bare geometry and PMTs that differ, some of them dead, two exchanged."""

from dataclasses import replace

import pytest
import torch

from kzcal.geometry import load_detector
from kzcal.optics.light_map_analytic import analytic_light_map
from kzcal.response.translator import nominal_response


@pytest.fixture(scope="session")
def detector():
    return load_detector()


@pytest.fixture(scope="session")
def light_map(detector):
    return analytic_light_map(detector)


@pytest.fixture(scope="session")
def response(detector):
    """Nominal PMTs with spreads; every thirtieth is dead."""
    nominal = nominal_response(detector)
    generator = torch.Generator().manual_seed(1)
    n = detector.n_pmt

    def spread(width):
        return (1 + width * torch.randn(n, generator=generator)).clamp(0.6, 1.5)

    cable = torch.arange(n)
    cable[[11, 700]] = torch.tensor([700, 11])
    return replace(
        nominal,
        qe=nominal.qe * spread(0.1),
        gain=nominal.gain * spread(0.08),
        time_offset=3.0 * torch.randn(n, generator=generator),
        alive=torch.arange(n) % 30 != 0,
        cable=cable,
    )
