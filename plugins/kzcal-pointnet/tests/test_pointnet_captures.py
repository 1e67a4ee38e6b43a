"""What the networks see of captures."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from kzcal_pointnet.captures import POSITION, TRACK, CaptureSets, Inputs, capture_sets
from shower_toy import ShowerToy

from kzcal.candidates import Candidates
from kzcal.errors import ConfigurationError

ALL = Inputs(tracks=True, dedx=True, hours=1e4)
CPU = torch.device("cpu")


def toy(n: int = 60) -> Candidates:
    return ShowerToy().draw(n, generator=np.random.default_rng(3))[0]


def with_points(candidates: Candidates, **points: np.ndarray) -> Candidates:
    changed = {name: column.astype(np.float32) for name, column in points.items()}
    return replace(candidates, points={**candidates.points, **changed})


def along_a_track(n: int, seed: int) -> tuple[Candidates, np.ndarray]:
    """Decays with captures along straight tracks, and how far along each lies from its decay."""
    generator = np.random.default_rng(seed)
    candidates = toy(n)
    each = np.repeat(np.arange(len(candidates)), candidates.counts)
    direction = generator.normal(size=(n, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    nearest = np.cross(direction, generator.normal(size=(n, 3)))
    along = generator.normal(0.0, 0.5, len(each))
    off = 0.3 * np.cross(direction[each], generator.normal(size=(len(each), 3)))
    apart = nearest[each] + along[:, None] * direction[each] + off
    points = dict(zip((*POSITION, *TRACK), [*apart.T, *off.T], strict=True))
    points["distance"] = np.linalg.norm(apart, axis=1)
    points["track_distance"] = np.linalg.norm(nearest, axis=1)[each]
    return with_points(candidates, **points), along


def test_the_distance_along_the_track_follows_from_three_lengths_and_an_angle():
    candidates, along = along_a_track(40, 5)
    found = capture_sets(candidates, ALL, CPU).number[:, -1].numpy()
    np.testing.assert_allclose((found + 1.0) / 2.0, np.abs(along), atol=2e-3)


def test_no_rotation_changes_the_numbers_that_do_not_point():
    candidates, _ = along_a_track(40, 6)
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    turned = {}
    for names in (POSITION, TRACK):
        axes = np.stack([candidates.points[name] for name in names], 1) @ turn
        turned |= dict(zip(names, axes.T, strict=True))
    one = capture_sets(candidates, ALL, CPU)
    other = capture_sets(with_points(candidates, **turned), ALL, CPU)
    torch.testing.assert_close(one.number, other.number, atol=3e-3, rtol=0)
    assert float((one.vector - other.vector).abs().max()) > 0.1


def test_turning_about_the_vertical_keeps_heights_and_lengths():
    captures = capture_sets(along_a_track(40, 7)[0], ALL, CPU)
    angle = torch.linspace(0.0, 6.0, len(captures))
    matrix = torch.stack([angle.cos(), angle.sin(), -angle.sin(), angle.cos()], 1).view(-1, 2, 2)
    before, after = (c.vector.view(-1, 2, 3) for c in (captures, captures.turned(matrix)))
    torch.testing.assert_close(after.norm(dim=2), before.norm(dim=2))
    torch.testing.assert_close(after[..., 2], before[..., 2])
    scalar = (before[:, 0] * before[:, 1]).sum(1)
    torch.testing.assert_close((after[:, 0] * after[:, 1]).sum(1), scalar, atol=1e-5, rtol=1e-5)


def test_taking_rows_is_seeing_the_taken_candidates():
    candidates = toy()
    rows = np.array([7, 3, 3, 41, 0])
    captures = capture_sets(candidates, ALL, CPU).take(torch.from_numpy(rows))
    wanted = capture_sets(candidates.take(rows), ALL, CPU)
    for name in CaptureSets.__slots__:
        assert torch.equal(getattr(captures, name), getattr(wanted, name)), name


def test_the_parent_is_the_muon_whose_time_is_the_lag():
    candidates = toy(200)
    captures = capture_sets(candidates, ALL, CPU)
    owner, right = captures.candidate, captures.muon_parent
    lag = candidates.truth["lag"]
    found = np.bincount(owner[right].numpy(), minlength=len(candidates))
    assert found[np.isnan(lag)].sum() == 0
    assert np.array_equal(found, lag < ShowerToy().look_back_s)
    assert np.array_equal(captures.told.numpy(), np.isfinite(lag))


def test_older_muons_than_the_hours_are_left_out():
    candidates = toy()
    captures = capture_sets(candidates, replace(ALL, hours=2.0), CPU)
    owner = np.repeat(np.arange(len(candidates)), candidates.counts)
    young = owner[candidates.points["dt"] <= 7200.0]
    assert 0 < len(young) < len(owner)
    assert np.array_equal(captures.counts.numpy(), np.bincount(young, minlength=len(candidates)))


def test_what_is_not_known_is_a_number_all_the_same():
    candidates = toy()
    empty = np.full(len(candidates.points["dt"]), np.nan)
    blank = with_points(candidates, **dict.fromkeys((*TRACK, "track_distance", "dedx"), empty))
    never = {**candidates.columns, "dt_muon": np.full(len(candidates), np.nan, np.float32)}
    captures = capture_sets(replace(blank, columns=never), ALL, CPU)
    for name in ("vector", "number", "energy", "muon_number", "since"):
        assert bool(getattr(captures, name).isfinite().all()), name


@pytest.mark.parametrize("name", ALL.columns)
def test_a_missing_column_of_captures_is_named(name):
    candidates = toy()
    fewer = {k: column for k, column in candidates.points.items() if k != name}
    with pytest.raises(ConfigurationError, match=f"no column of points '{name}'"):
        capture_sets(replace(candidates, points=fewer), ALL, CPU)


def test_a_missing_time_since_the_last_muon_is_named():
    with pytest.raises(ConfigurationError, match="no column 'dt_muon'"):
        capture_sets(replace(toy(), columns={}), ALL, CPU)


def test_columns_that_are_not_seen_may_be_missing():
    candidates, inputs = toy(), replace(ALL, tracks=False, dedx=False)
    fewer = {name: candidates.points[name] for name in inputs.columns}
    seen = capture_sets(replace(candidates, points=fewer), inputs, CPU)
    assert torch.equal(seen.number, capture_sets(candidates, inputs, CPU).number)
