"""Laws of the photons that stand for a run's light."""

import itertools

import numpy as np
import pytest
import torch
from traced_run import points_of, run_at

from kzcal.errors import ConfigurationError
from kzcal.fit.light import traced as traced_module
from kzcal.fit.light.points import EmissionPoints
from kzcal.fit.light.traced import traced
from kzcal.geometry import load_detector
from kzcal.optics.acceptance import sightline

RNG = np.random.default_rng(1)
VERTEX = RNG.uniform(-3, 3, (12, 3))


def test_events_get_photons_in_proportion_to_their_light_and_no_fewer_than_some():
    run = run_at(VERTEX, light=[0.0, *([1.0] * 10), 2.0])
    blocks = list(traced(points_of(run), run, 1000, seed=1))
    emitted = torch.cat([block.emitted for block in blocks])
    assert float(emitted.sum()) == pytest.approx(12_000, abs=12)
    ratio = emitted / emitted[1]
    np.testing.assert_allclose(ratio[:2], [0.1, 1.0], atol=0.01)
    np.testing.assert_allclose(ratio[-1], 2.0, atol=0.01)


def test_blocks_change_nothing_but_the_memory(monkeypatch):
    run = run_at(VERTEX)
    points = points_of(run)
    whole = next(iter(traced(points, run, 500, seed=4)))
    monkeypatch.setattr(traced_module, "AT_ONCE", 1000)
    parts = list(traced(points, run, 500, seed=4))
    assert len(parts) >= 6
    rows = torch.cat([part.events for part in parts])
    torch.testing.assert_close(rows, whole.events)
    torch.testing.assert_close(torch.cat([part.emitted for part in parts]), whole.emitted)
    for part in parts:
        torch.testing.assert_close(part.events[part.event], part.row)


def test_the_seed_decides_every_photon():
    run = run_at(VERTEX)
    one, two, other = (next(iter(traced(points_of(run), run, 500, seed=s))) for s in (4, 4, 5))
    for name in ("row", "pmt", "residual", "slopes"):
        torch.testing.assert_close(getattr(one, name), getattr(two, name), rtol=0, atol=0)
    assert not torch.equal(one.residual[:100], other.residual[:100])


def test_a_clear_detector_collects_its_solid_angle_straight():
    clear = {"absorption_scale": 1e9, "scattering_scale": 1e9, "angular_slope": 0.0}
    black = {"pmt_reflectivity": 0.0, "sheet_reflectivity": 0.0}
    run = run_at(VERTEX, **clear, **black)
    block = next(iter(traced(points_of(run), run, 40_000, seed=1)))
    assert float(block.slopes.abs().max()) < 1e-3
    view = sightline(torch.tensor(VERTEX), run.stream.detector.direction.double(), 8.5)
    aperture = run.stream.detector.aperture_radius
    share = 0.25 * aperture**2 * view.cosine / view.distance**2
    collected = len(block.pmt) / float(block.emitted.sum())
    efficiency = collected * block.weight / float(share.sum(1).mean())
    # The scintillation spectrum's mean quantum efficiency, whatever it is, is one number.
    near = block.view.distance < 6
    aimed = float(torch.where(view.distance < 6, share, 0.0).sum(1).mean())
    there = float(near.sum()) / float(block.emitted.sum()) * block.weight / aimed
    assert there == pytest.approx(efficiency, rel=5 / float(near.sum()) ** 0.5)
    # Straight ways take as long as residuals say: the speed of light differs by colour alone.
    speed = run.stream.config.light_speed
    assert float((block.residual / (block.view.distance / speed)).abs().max()) < 0.15


def test_points_are_shared_out_and_keep_their_times():
    run = run_at(VERTEX[:2])
    n = 50
    points = EmissionPoints(
        row=np.repeat([0, 1], n),
        position=np.repeat(VERTEX[:2], n, axis=0),
        time=np.concatenate([np.full(n, 7000.0), np.tile([0.0, 1000.0], n // 2)]),
        share=np.concatenate([np.full(n, 0.02), np.tile([0.03, 0.01], n // 2)]),
        decay=np.repeat([0, 1], n),
        sample=np.zeros(2 * n, int),
        names=("one",),
    )
    block = next(iter(traced(points, run, 20_010, seed=3)))
    np.testing.assert_allclose(block.emitted, [20_010, 20_010])
    first = block.residual[block.row == 0]
    assert float(first.min()) > 6900
    late = block.residual[block.row == 1] > 500
    assert float(late.double().mean()) == pytest.approx(0.25, abs=5 * (0.19 / len(late)) ** 0.5)


def test_exchanged_cables_are_lit_where_they_end():
    near = load_detector().positions[5][None] * 0.7
    blocks = []
    for exchanged in ((), ((5, 900),)):
        run = run_at(near, exchanged=exchanged)
        blocks.append(next(iter(traced(points_of(run), run, 20_000, seed=1))))
    plain, turned = (block.pmt.bincount(minlength=1000) for block in blocks)
    assert int(plain[5]) == int(turned[900]) > 20
    assert int(plain[900]) == int(turned[5]) < 20
    distance = blocks[1].view.distance[blocks[1].pmt == 900]
    torch.testing.assert_close(distance, torch.full_like(distance, 0.3 * 8.5), rtol=1e-5, atol=0)


def test_an_event_may_be_in_two_samples():
    run = run_at(VERTEX)
    a, b = points_of(run, [0, 1]), points_of(run, [1, 2], sample=1)
    names = ("row", "position", "time", "share", "decay", "sample")
    both = EmissionPoints(
        *(np.concatenate([getattr(p, n) for p in (a, b)]) for n in names), names=("a", "b")
    )
    block = next(iter(traced(both, run, 100, seed=1)))
    assert block.events.tolist() == [0, 1, 1, 2]
    assert block.samples.tolist() == [0, 0, 1, 1]
    assert block.emitted.tolist() == [100.0] * 4


def test_no_points_give_no_light_and_less_than_a_photon_is_refused():
    run = run_at(VERTEX)
    assert not list(traced(points_of(run, []), run, 100, seed=1))
    with pytest.raises(ConfigurationError, match="at least one photon per event"):
        list(itertools.islice(traced(points_of(run), run, 0.5, seed=1), 1))
