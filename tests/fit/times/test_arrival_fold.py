"""Laws of the folding of light's arrival with everything that delays hits."""

from dataclasses import replace

import pytest
import torch

from kzcal.fit.times.arrival import FIRST, N_NODES, STEP, ArrivalFold, charge_chances
from kzcal.light import ALPHA_PROFILE, ELECTRON_PROFILE
from kzcal.photoelectrons import Photoelectrons
from kzcal.response.charge import ChargeShape, detection_efficiency
from kzcal.response.merging import merged

NODES = FIRST + STEP * torch.arange(N_NODES, dtype=torch.float64)
MIDDLE = NODES + STEP / 2
TYPES = torch.tensor([0, 1])
VALUES = {
    "decay_scale": 1.0,
    "late_fraction": 0.0,
    "late_delay": 25.0,
    "early_fraction": 0.0,
    "time_walk": 0.0,
    "tts_mean_17": 1.3,
    "tts_mean_20": 2.5,
    "time_shift": 0.0,
    "vertex_resolution": 0.0,
    "t0_resolution": 0.0,
}


def tensor(values):
    return torch.as_tensor(values, dtype=torch.float64)


def values(**changes):
    return {name: tensor(value) for name, value in (VALUES | changes).items()}


def fold(**changes):
    """Two cells of electrons, one of each type, with one class of charge that is always seen."""
    plain = ArrivalFold(
        kind=TYPES,
        spread=torch.ones(2, 4, dtype=torch.float64),
        alpha=tensor([0.0, 0.0]),
        rise_time=0.0,
        early=tensor([[-25.0, -10.0], [-35.0, -15.0]]),
        mean=tensor([1e-6, 1e-6]),
        dark=tensor([0.0, 0.0]),
        chance=torch.ones(2, 6, 1, dtype=torch.float64),
        lever=torch.zeros(2, 1, dtype=torch.float64),
        lever_variance=torch.zeros(2, 1, dtype=torch.float64),
        inverse_energy=tensor([1.0, 1.0]),
        light_speed=0.2,
        merging_time=12.0,
    )
    return replace(plain, **changes)


def flash(time):
    """All light at one time, on the nodes beside it."""
    light = torch.zeros(2, N_NODES, dtype=torch.float64)
    place = (time - FIRST) / STEP
    node = int(place)
    light[:, node], light[:, node + 1] = 1 - (place - node), place - node
    return light


def moments(share):
    mean = (share * MIDDLE).sum(-1) / share.sum(-1)
    return mean, (share * (MIDDLE - mean[:, None]) ** 2).sum(-1) / share.sum(-1)


def of_profile(profile, power):
    total = sum(w for w, _ in profile)
    return sum(w * tau**power for w, tau in profile) / total


@pytest.mark.parametrize("scale", [0.5, 0.8])
@pytest.mark.parametrize("late", [0.0, 0.05])
def test_mean_and_variance_are_those_of_the_parts(scale, late):
    share = fold().photoelectrons(
        flash(-20.0), values(decay_scale=scale, late_fraction=late, late_delay=10.0)
    )
    torch.testing.assert_close(share.sum(1), tensor([1.0, 1.0]), rtol=1e-4, atol=0)
    mean, variance = moments(share)
    first = scale * of_profile(ELECTRON_PROFILE, 1)
    square = 2 * scale**2 * of_profile(ELECTRON_PROFILE, 2) - first**2
    delayed = 2 * late * 10.0**2 - (late * 10.0) ** 2
    torch.testing.assert_close(
        mean, tensor([1.0, 1.0]) * (first + late * 10.0 - 20.0), rtol=3e-3, atol=0
    )
    expected = square + delayed + tensor([1.3, 2.5]) ** 2 + STEP**2 / 12
    torch.testing.assert_close(variance, expected, rtol=2e-2, atol=0)


def test_early_pulses_come_within_their_delays():
    before, after = (
        fold().photoelectrons(flash(20.0), values(decay_scale=0.3, early_fraction=fraction))
        for fraction in (0.0, 0.02)
    )
    torch.testing.assert_close(after.sum(1), before.sum(1), rtol=1e-4, atol=0)
    moved = moments(after)[0] - moments(before)[0]
    torch.testing.assert_close(moved, 0.02 * tensor([-17.5, -25.0]), rtol=5e-3, atol=0)
    ahead = NODES < 20 - 5 * 2.5
    early = (after - before)[:, ahead].sum(1)
    assert float(early.min()) > 0.01
    assert float(before[:, ahead].sum(1).max()) < 1e-4
    assert float(after[1, NODES < 20 - 35 - 5 * 2.5].sum()) < 1e-4


def test_where_light_lies_between_the_nodes_does_not_matter():
    means, variances = zip(
        *(moments(fold().photoelectrons(flash(t), values())) for t in (0.0, 0.125, 0.25, 0.4)),
        strict=True,
    )
    for mean, offset in zip(means, (0.0, 0.125, 0.25, 0.4), strict=True):
        torch.testing.assert_close(mean - means[0], tensor([offset, offset]), rtol=0, atol=2e-3)
    spread = torch.stack(variances)
    assert float((spread - spread.mean(0)).abs().max()) < STEP**2 / 8


def test_slow_light_of_alphas_does_not_come_back_before_the_flash():
    share = fold(alpha=tensor([1.0, 1.0])).photoelectrons(flash(0.0), values())
    before = share[:, NODES < -12].sum(1)
    assert float(before.max()) < 1e-5
    inside = 1 - sum(
        w * torch.exp(tensor(-(NODES[-1] + STEP) / t)) for w, t in ALPHA_PROFILE
    ) / sum(w for w, _ in ALPHA_PROFILE)
    assert float(share[0].sum()) == pytest.approx(float(inside), rel=2e-3)


def test_errors_of_the_reconstruction_shifts_and_walk_add_up():
    levers = tensor([[0.5], [-0.2]]), tensor([[0.01], [0.02]])
    plain = fold(mean=tensor([0.01, 0.01]), lever=levers[0], lever_variance=levers[1])
    light = plain.photoelectrons(flash(0.0), values(decay_scale=0.3))
    begun, _ = plain.begun(light)
    known = values(vertex_resolution=0.12, t0_resolution=0.4, time_walk=0.7, time_shift=0.1)
    none = values()
    shift = tensor([0.3, 0.0])
    before, after = (
        moments(h[:, 0])
        for h in (plain.reported(begun, 0 * shift, none), plain.reported(begun, shift, known))
    )
    moved = 0.1 + shift + 0.7 * plain.lever[:, 0]
    torch.testing.assert_close(after[0] - before[0], moved, rtol=0, atol=1e-6)
    wider = 0.4**2 + (0.12 / 0.2) ** 2 / 3 + 0.7**2 * plain.lever_variance[:, 0]
    torch.testing.assert_close(after[1] - before[1], wider, rtol=1e-4, atol=0)


def test_pulses_begin_where_merging_lets_them():
    """Chi-square of 40 bins against merged photoelectrons; a false alarm in a thousand seeds."""
    model, n, mean = fold(mean=tensor([0.8, 0.8])), 400_000, 0.8
    generator = torch.Generator().manual_seed(3)
    share = model.photoelectrons(flash(0.0), values())
    event = torch.repeat_interleave(
        torch.poisson(torch.full((n,), mean), generator=generator).long()
    )
    node = torch.multinomial(share[0], len(event), replacement=True, generator=generator)
    time = FIRST + STEP * (node + torch.rand(len(event), generator=generator))
    light = Photoelectrons(event, torch.zeros_like(event), time.float())
    pulses = merged(light, torch.ones(len(event)), 12.0, 1)
    edges = torch.arange(-4.0, 37.0)
    counts = torch.histogram(pulses.time, edges)[0]
    begun = n * model.begun(share)[0][0, 0]
    expected = begun[(MIDDLE > -4) & (MIDDLE < 36)].reshape(-1, 2).sum(1)
    assert float(((counts - expected) ** 2 / expected).sum()) < 73.4


def test_charge_tells_how_many_photoelectrons_a_pulse_had():
    n = 5
    gain, width = tensor([0.9, 0.95, 1.0, 1.05, 1.1]), torch.full((n,), 0.4).double()
    shape = ChargeShape(*(torch.full((n,), v).double() for v in (0.13, 0.35, 0.30, 0.05)))
    chance = charge_chances((0.55, 0.8, 1.1, 1.6), gain, width, shape)
    seen = detection_efficiency(gain, width, shape)[0].mean()
    assert float(chance[0].sum()) == pytest.approx(float(seen), rel=2e-3)
    assert (chance.sum(1).diff() > 0).all()
    assert (chance.sum(1) <= 1 + 1e-9).all()
    assert (chance[:, -1].diff() > 0).all()
    assert (chance[:, 0].diff() < 0).all()


def test_slopes_are_those_of_differences():
    names = tuple(VALUES)
    model = fold(dark=tensor([1e-9, 1e-9]), lever=tensor([[0.4], [0.4]]), alpha=tensor([0.3, 0.9]))
    at = tensor([1.02, 0.03, 20.0, 0.01, 0.6, 1.3, 2.4, 0.1, 0.14, 0.35])

    def mean(point):
        named = dict(zip(names, point, strict=True))
        begun, dark = model.begun(model.photoelectrons(flash(0.1), named))
        return (model.reported(begun, tensor([0.1, 0.2]), named) + dark)[:, 0]

    exact = torch.func.jacfwd(mean)(at)
    for i, name in enumerate(names):
        step = torch.zeros_like(at)
        step[i] = 1e-5
        about = (mean(at + step) - mean(at - step)) / 2e-5
        worst = (exact[..., i] - about).abs().max() / exact[..., i].abs().max()
        assert float(worst) < 1e-4, name


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_accelerator_folds_the_same():
    model = fold(dark=tensor([1e-9, 1e-9]), lever=tensor([[0.4], [0.4]]), alpha=tensor([0.3, 0.9]))
    changes = {n: getattr(model, n) for n in model.__slots__}
    there = replace(
        model, **{n: v.cuda() for n, v in changes.items() if isinstance(v, torch.Tensor)}
    )
    known = values(late_fraction=0.03, time_walk=0.7, t0_resolution=0.35)

    def reported(own, light, named, shift):
        begun, dark = own.begun(own.photoelectrons(light, named))
        return own.reported(begun, shift, named) + dark

    shift = tensor([0.1, 0.2])
    here = reported(model, flash(0.1), known, shift)
    away = {name: value.cuda() for name, value in known.items()}
    other = reported(there, flash(0.1).cuda(), away, shift.cuda())
    torch.testing.assert_close(other.cpu(), here, rtol=1e-9, atol=1e-13)
