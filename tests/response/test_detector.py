"""From photoelectrons to hits: laws of merging, threshold, transit and dark pulses."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kzcal.errors import ConfigurationError
from kzcal.photoelectrons import Photoelectrons
from kzcal.response.charge import ChargeShape, detection_efficiency
from kzcal.response.detector import DetectorResponse, Stray

N_PMT = 20
WINDOW = (-150.0, 350.0)


def tubes(**changes):
    """Noiseless tubes: a photoelectron is a hit of one p.e. at its own time; then changes."""

    def column(value):
        return torch.as_tensor(value, dtype=torch.float32).broadcast_to(N_PMT)

    shape = {
        "exponential_fraction": 0.0,
        "exponential_scale": 0.3,
        "threshold": 0.0,
        "threshold_width": 0.0,
    }
    shape.update({name: changes.pop(name) for name in list(changes) if name in shape})
    per_pmt = {"gain": 1.0, "spe_width": 1e-6, "time_offset": 0.0, "tts": 0.0, "dark_rate": 0.0}
    per_pmt.update({name: changes.pop(name) for name in list(changes) if name in per_pmt})
    alive = changes.pop("alive", torch.ones(N_PMT, dtype=torch.bool))
    return DetectorResponse(
        **{name: column(value) for name, value in per_pmt.items()},
        alive=alive,
        shape=ChargeShape(**{name: column(value) for name, value in shape.items()}),
        **{"walk": 0.0, "late_share": 0.0, **changes},
    )


def report(response, light, n_events, seed=1):
    window = tuple(torch.full((n_events,), edge) for edge in WINDOW)
    return response.sample(light, window, generator=torch.Generator().manual_seed(seed))


def flashes(n_events=200, per_event=150, seed=2):
    """Photoelectrons of flashes, in no order."""
    rng = np.random.default_rng(seed)
    n = n_events * per_event
    return Photoelectrons(
        torch.from_numpy(rng.integers(0, n_events, n)),
        torch.from_numpy(rng.integers(0, N_PMT, n)),
        torch.from_numpy(np.round(rng.exponential(20.0, n) * 8).astype(np.float32) / 8),
    )


NOISY = {
    "spe_width": 0.5,
    "exponential_fraction": 0.15,
    "tts": 2.0,
    "time_offset": torch.linspace(-5, 5, N_PMT),
    "dark_rate": 25e3,
    "late_share": 0.03,
    "walk": 0.5,
    "threshold": 0.3,
    "threshold_width": 0.05,
}


def rows(pulses):
    columns = (pulses.event, pulses.pmt, pulses.time, pulses.charge)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@st.composite
def sparse_light(draw):
    """A few photoelectrons in steps of 4 ns, so that gaps of exactly 12 ns are common."""
    n = draw(st.integers(0, 30))
    whole = st.integers(0, 2)
    event, pmt = (draw(st.lists(whole, min_size=n, max_size=n)) for _ in range(2))
    time = draw(st.lists(st.integers(0, 12), min_size=n, max_size=n))
    return Photoelectrons(
        torch.tensor(event, dtype=torch.long),
        torch.tensor(pmt, dtype=torch.long),
        4.0 * torch.tensor(time, dtype=torch.float32),
    )


def merged_one_by_one(light, merging_time=12.0):
    """Pulses as a PMT makes them, photoelectron by photoelectron."""
    open_pulse, pulses = {}, []
    columns = (light.time.tolist(), light.event.tolist(), light.pmt.tolist())
    for time, event, pmt in sorted(zip(*columns, strict=True)):
        row = open_pulse.get((event, pmt))
        if row is not None and time - pulses[row][2] <= merging_time:
            pulses[row][3] += 1
        else:
            open_pulse[event, pmt] = len(pulses)
            pulses.append([event, pmt, time, 1])
    return sorted((event, time, pmt, charge) for event, pmt, time, charge in pulses)


@settings(deadline=None, max_examples=60)
@given(sparse_light())
def test_without_noise_pulses_are_those_of_merging_one_by_one(light):
    found = sorted((e, t, p, round(q, 3)) for e, p, t, q in rows(report(tubes(), light, 3)))
    assert found == merged_one_by_one(light)


@settings(deadline=None, max_examples=25)
@given(sparse_light(), st.randoms(use_true_random=False))
def test_the_order_of_photoelectrons_has_no_meaning(light, random):
    order = list(range(len(light.event)))
    random.shuffle(order)
    mixed = Photoelectrons(light.event[order], light.pmt[order], light.time[order])
    one, other = (report(tubes(), each, 3) for each in (light, mixed))
    assert [(e, t) for e, _, t, _ in rows(one)] == [(e, t) for e, _, t, _ in rows(other)]
    assert sorted(r[:3] for r in rows(one)) == sorted(r[:3] for r in rows(other))


@settings(deadline=None, max_examples=25)
@given(sparse_light(), st.permutations([0, 1, 2]), st.permutations([0, 1, 2]))
def test_names_of_events_and_pmts_have_no_meaning(light, events, pmts):
    renamed = Photoelectrons(
        torch.tensor(events)[light.event], torch.tensor(pmts)[light.pmt], light.time
    )
    plain = [(events[e], pmts[p], t) for e, p, t, _ in rows(report(tubes(), light, 3))]
    assert sorted(plain) == sorted(r[:3] for r in rows(report(tubes(), renamed, 3)))


def test_far_apart_and_without_noise_hits_are_the_photoelectrons():
    light = Photoelectrons(torch.arange(100), torch.arange(100) % N_PMT, torch.arange(100) / 8)
    hits = report(tubes(), light, 100)
    assert torch.equal(hits.event, light.event)
    assert torch.equal(hits.pmt, light.pmt)
    assert torch.equal(hits.time, light.time)
    torch.testing.assert_close(hits.charge, torch.ones(100), rtol=0, atol=1e-4)


def test_merging_keeps_the_charge_of_every_tube():
    """The same draws with and without merging: charges only move between hits."""
    light, noise = flashes(), {"spe_width": 0.5, "exponential_fraction": 0.15, "tts": 2.0}
    total = []
    for merging_time in (0.0, 12.0):
        hits = report(tubes(**noise, threshold=-1.0, merging_time=merging_time), light, 200)
        cell = hits.event * N_PMT + hits.pmt
        total.append(torch.bincount(cell, hits.charge.double(), 200 * N_PMT))
    assert float(total[0].sum()) > 0.9 * len(light.event)
    torch.testing.assert_close(total[0], total[1], rtol=1e-5, atol=1e-5)


def test_hits_are_in_order_of_event_and_time_and_within_the_window():
    hits = report(tubes(**NOISY), flashes(), 200)
    key = hits.event.double() * 1e4 + hits.time.double()
    assert bool((key.diff() >= 0).all())
    assert WINDOW[0] <= float(hits.time.min())
    assert float(hits.time.max()) <= WINDOW[1]


def test_no_tube_has_two_hits_within_the_merging_time():
    hits = report(tubes(**{**NOISY, "walk": 0.0}), flashes(), 200)
    group = hits.event * N_PMT + hits.pmt
    order = torch.argsort(group, stable=True)
    same = group[order].diff() == 0
    gaps = hits.time[order].diff()[same]
    assert len(gaps) > 1000
    assert float(gaps.min()) > 12.0


def test_dark_pulses_come_at_their_rate_evenly_over_the_window():
    """2,000 events of 20 tubes; Poisson and uniform within four deviations: 2e-4 in all."""
    hits = report(tubes(dark_rate=30e3, merging_time=0.0), flashes(0, 0), 2000)
    expected = 30e3 * 500e-9 * 2000
    of_tube = torch.bincount(hits.pmt, minlength=N_PMT).double()
    assert abs(float(of_tube.sum()) - N_PMT * expected) < 4 * math.sqrt(N_PMT * expected)
    assert float(((of_tube - expected) ** 2 / expected).sum()) < N_PMT + 4 * math.sqrt(2 * N_PMT)
    middle = float(hits.time.mean()) - sum(WINDOW) / 2
    assert abs(middle) < 4 * 500 / math.sqrt(12 * N_PMT * expected)


def test_no_light_and_no_dark_pulse_is_no_hit():
    assert len(report(tubes(), flashes(0, 0), 5).event) == 0


def test_dead_tubes_are_silent_and_others_are_not():
    alive = torch.arange(N_PMT) % 4 != 0
    hits = report(tubes(**NOISY, alive=alive), flashes(), 200)
    heard = torch.bincount(hits.pmt, minlength=N_PMT) > 0
    assert torch.equal(heard, alive)


def test_the_same_seed_gives_the_same_hits():
    response, light = tubes(**NOISY), flashes()
    first, again, other = (report(response, light, 200, seed=seed) for seed in (4, 4, 5))
    assert rows(first) == rows(again)
    assert rows(first) != rows(other)


def lonely(n):
    """One photoelectron at time zero in each event, tube after tube."""
    return Photoelectrons(torch.arange(n), torch.arange(n) % N_PMT, torch.zeros(n))


def test_offset_and_transit_time_spread_are_mean_and_deviation_of_times():
    """10,000 photoelectrons of each tube, within 4.5 deviations: false alarm 3e-4."""
    n = 10_000 * N_PMT
    offset, tts = torch.linspace(-5, 5, N_PMT), torch.linspace(1, 3, N_PMT)
    hits = report(tubes(time_offset=offset, tts=tts), lonely(n), n)
    for pmt in range(N_PMT):
        times = hits.time[hits.pmt == pmt]
        assert len(times) == 10_000
        assert abs(float(times.mean() - offset[pmt])) < 4.5 * float(tts[pmt]) / 100
        assert abs(float(times.std() / tts[pmt]) - 1) < 4.5 / math.sqrt(20_000)


def test_late_pulses_have_their_share_and_delay():
    """200,000 photoelectrons, four deviations: false alarm 1e-4."""
    n = 200_000
    hits = report(tubes(late_share=0.03, late_delay=20.0), lonely(n), n)
    late = hits.time[hits.time > 0]
    assert abs(len(late) - 0.03 * n) < 4 * math.sqrt(0.03 * n)
    assert abs(float(late.mean()) - 20.0) < 4 * 20.0 / math.sqrt(0.03 * n)


def test_small_pulses_read_late_by_the_walk():
    for gain, delay in ((0.25, 0.7), (1.0, 0.0), (4.0, -0.35)):
        hits = report(tubes(gain=gain, walk=0.7), lonely(40), 40)
        torch.testing.assert_close(hits.time, torch.full((40,), delay), rtol=0, atol=1e-4)


@pytest.mark.parametrize("gain", [0.7, 1.0, 1.3])
def test_single_photoelectrons_pass_as_often_as_the_likelihood_says(gain):
    """One definition for sampling and likelihood; four binomial deviations: 2e-4 in all."""
    n = 100_000
    changes = {k: NOISY[k] for k in ("exponential_fraction", "threshold", "threshold_width")}
    response = tubes(gain=gain, spe_width=0.5, **changes)
    passed = len(report(response, lonely(n), n).event) / n
    shape = ChargeShape(*(torch.tensor([v]).double() for v in (0.15, 0.3, 0.3, 0.05)))
    share, _, _ = detection_efficiency(
        torch.tensor([gain]).double(), torch.tensor([0.5]).double(), shape
    )
    assert abs(passed - float(share)) < 4 * math.sqrt(passed * (1 - passed) / n)


def test_light_for_the_best_pmt_is_thinned_to_each_pmts_own_efficiency():
    """10,000 photoelectrons of each tube, 4.5 binomial deviations: false alarm 2e-4."""
    n = 10_000 * N_PMT
    qe = torch.linspace(0.5, 1.5, N_PMT)
    window = tuple(torch.full((n,), edge) for edge in WINDOW)
    generator = torch.Generator().manual_seed(3)
    hits = tubes(qe=qe).sample(lonely(n), window, ceiling=1.6, generator=generator)
    counts = torch.bincount(hits.pmt, minlength=N_PMT).double()
    chance = qe.double() / 1.6
    assert (
        float(((counts - 1e4 * chance) / (1e4 * chance * (1 - chance)).sqrt()).abs().max()) < 4.5
    )


def test_a_ceiling_below_the_best_pmt_is_refused():
    window = tuple(torch.full((5,), edge) for edge in WINDOW)
    with pytest.raises(ConfigurationError, match=r"above ceiling=1.2: raise it"):
        tubes(qe=torch.full((N_PMT,), 1.5)).sample(
            lonely(5), window, ceiling=1.2, generator=torch.Generator()
        )


def test_exchanged_cables_report_each_others_light():
    cable = torch.arange(N_PMT)
    cable[[3, 8]] = torch.tensor([8, 3])
    light = lonely(5 * N_PMT)
    hits = report(tubes(cable=cable), light, 5 * N_PMT)
    assert torch.equal(hits.pmt, cable[light.pmt])


def column(value):
    return torch.full((N_PMT,), value)


def test_stray_pulses_have_their_shares_and_delays():
    """200,000 photoelectrons, four deviations each: false alarm 4e-4 in all."""
    n = 200_000
    late = Stray(column(0.04), column(30.0), column(70.0))
    early = Stray(column(0.01), column(-25.0), column(-10.0))
    ion = Stray(column(0.03), column(100.0), column(200.0))
    hits = report(tubes(moved=(late, early), added=(ion,)), lonely(n), n)
    for low, high, share in ((29, 71, 0.04), (-26, -9, 0.01), (99, 271, 0.03), (-1, 1, 0.95)):
        times = hits.time[(hits.time > low) & (hits.time < high)]
        assert abs(len(times) - share * n) < 4 * math.sqrt(share * n)
    moved = hits.time[(hits.time > 29) & (hits.time < 71)]
    assert abs(float(moved.mean()) - 50) < 4 * 40 / math.sqrt(12 * 0.04 * n)


def test_strays_that_exclude_each_other_never_move_one_photoelectron_twice():
    first, second = (Stray(column(0.5), column(at), column(at)) for at in (30.0, 100.0))
    hits = report(tubes(moved=(first, second)), lonely(5000), 5000)
    assert set(hits.time.tolist()) == {30.0, 100.0}


def test_a_saturated_charge_reads_low_and_keeps_its_time():
    whole, low = (
        report(tubes(gain=30.0, walk=0.5, **changes), lonely(40), 40)
        for changes in ({}, {"saturation": 300.0})
    )
    torch.testing.assert_close(low.charge, whole.charge / 1.1, rtol=1e-6, atol=0)
    assert torch.equal(low.time, whole.time)


def test_each_type_has_its_own_walk():
    walk = torch.where(torch.arange(N_PMT) < 10, 0.5, 1.0)
    hits = report(tubes(gain=0.25, walk=walk), lonely(40), 40)
    torch.testing.assert_close(hits.time, walk[hits.pmt], rtol=0, atol=1e-4)
