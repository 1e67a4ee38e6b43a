"""Time slices: every hit once, dead PMTs without a trace, the order of events kept."""

import numpy as np
import pytest
import torch
from kzcal_kamnet.harmonics import harmonics
from kzcal_kamnet.slices import (
    FIRST,
    N_SLICE,
    WIDTH,
    SliceView,
    slice_harmonics,
    time_slices,
)

from kzcal.geometry import Detector, load_detector
from kzcal.hits import Hits
from kzcal.learning import CorrectedEvents


@pytest.fixture(scope="module")
def detector() -> Detector:
    return load_detector()


def _even(detector: Detector, n_event: int) -> CorrectedEvents:
    """One hit of every live PMT at 0 ns in every event, of two runs in turns."""
    live = np.random.default_rng(1).random((2, detector.n_pmt)) > 0.1
    run = np.arange(n_event) % 2
    pmt = np.concatenate([np.flatnonzero(live[at]) for at in run]).astype(np.uint16)
    none = np.zeros(len(pmt), np.float32)
    hits = Hits.from_counts(live[run].sum(1), pmt, none, none + 1.0)
    vertex, energy = np.zeros((n_event, 3), np.float32), np.ones(n_event, np.float32)
    return CorrectedEvents(hits, vertex, energy, run, live)


def test_an_evenly_lit_event_has_no_direction_whatever_is_dead(detector: Detector) -> None:
    events = _even(detector, 4)
    maps = SliceView.of(detector, 10, torch.device("cpu"))(events)
    assert maps.shape == (4, N_SLICE, 121)
    slot = int(-FIRST // WIDTH)
    number = torch.from_numpy(events.hits.counts).float()
    assert torch.allclose(maps[:, slot, 0], number, rtol=1e-5)
    assert (maps[:, slot, 1:81].abs() < 1e-3 * number[:, None]).all()
    assert (maps.abs().sum(2) > 0.0).sum() == 4


def test_events_do_not_depend_on_their_neighbours(detector: Detector) -> None:
    view, events = SliceView.of(detector, 4, torch.device("cpu")), _even(detector, 4)
    together = view(events)
    apart = torch.cat([view(events.take(np.array([at]))) for at in range(4)])
    assert torch.allclose(together, apart, atol=1e-3)


def test_hits_without_a_residual_are_left_out(detector: Detector) -> None:
    events = _even(detector, 2)
    events.hits.time[: events.hits.offsets[1]] = np.nan
    maps = SliceView.of(detector, 4, torch.device("cpu"))(events)
    assert (maps[0] == 0.0).all()
    assert (maps[1] != 0.0).any()


def test_slices_count_every_hit_once_and_take_those_outside_at_their_ends() -> None:
    residual = torch.tensor([-90.0, FIRST, FIRST + WIDTH, 20.4, 300.0])
    event, pmt = torch.tensor([0, 0, 1, 1, 1]), torch.tensor([0, 1, 1, 2, 2])
    counts = time_slices(event, pmt, residual, 2, 3)
    assert counts.sum() == 5
    assert counts[0, 0].tolist() == [1.0, 1.0, 0.0]
    assert counts[1, 1].tolist() == [0.0, 1.0, 0.0]
    assert counts[1, N_SLICE - 2].tolist() == [0.0, 0.0, 1.0]
    assert counts[1, N_SLICE - 1].tolist() == [0.0, 0.0, 1.0]


def test_degree_zero_of_equal_weights_is_the_number_of_hits() -> None:
    directions = torch.randn(50, 3, generator=torch.Generator().manual_seed(9))
    counts = torch.ones(1, 2, 50)
    weights = torch.full((1, 50), 4.0 * torch.pi / 50)
    found = slice_harmonics(counts, weights, harmonics(directions, 2))
    assert torch.allclose(found[..., 0], torch.tensor(50.0))
