"""The stated rate of false alarms, against whole divisions of series that never change."""

import pytest
import torch

from kzcal.monitor.penalty import penalty_of, unchanging
from kzcal.monitor.segments import divide

N_SERIES = 15_000


def generator(seed):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("n_run", "slope", "walk"), [(10, 0.0, 0.0), (25, 0.05, 0.0), (20, 0.0, 0.1)]
)
@pytest.mark.parametrize("rate", [0.01, 0.002])
def test_false_alarms_are_as_stated(rate, n_run, slope, walk):
    """Within a factor of two; 30 are expected at least, so that chance makes 18 %."""
    time = torch.arange(float(n_run)).double()
    penalty = penalty_of(rate, time, slope, walk, generator=generator(1))
    data, motion = unchanging(N_SERIES, time, slope, walk, generator=generator(2))
    found = divide(data, motion, torch.full_like(data.value, penalty))
    assert rate / 2 < float(found.any(1).double().mean()) < 2 * rate


def test_fewer_false_alarms_cost_more():
    time = torch.arange(20.0).double()
    penalties = [penalty_of(r, time, 0.0, 0.0, generator=generator(1)) for r in (0.01, 1e-3, 1e-4)]
    assert penalties == sorted(penalties)
    assert penalties[0] < penalties[1] < penalties[2]


def test_the_same_seed_gives_the_same_penalty():
    time = torch.arange(12.0).double()
    one, other = (penalty_of(1e-3, time, 0.01, 0.0, generator=generator(7)) for _ in range(2))
    assert one == other
    assert one != penalty_of(1e-3, time, 0.01, 0.0, generator=generator(8))
