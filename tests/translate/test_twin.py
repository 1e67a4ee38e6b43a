"""Twins: of which events, where and when, and what must not be in them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from capture_run import captures, muons
from plain_stages import EvenLight

from kzcal.errors import CalibrationError
from kzcal.geometry import load_detector
from kzcal.geometry.materials import load_materials
from kzcal.hits import RunHeader
from kzcal.io.memory import MemorySource
from kzcal.optics.tracer import FullTracer
from kzcal.parts import Selection
from kzcal.samples.neutron_capture import NeutronCapture
from kzcal.simulate.seeds import BlockKey
from kzcal.translate.decays import Quenching
from kzcal.translate.energy_cut import EnergyCut, Seen
from kzcal.translate.twin import twins
from kzcal.translate.twin_model import (
    LEAST_SHARE,
    MOST_DRAWS,
    TwinModel,
    TwinStages,
    acceptance_of,
    energy_cuts,
)
from kzcal.translate.twin_population import Population, true_times, true_vertices

FIRST_OF_MANY_NS = 0.05
"""About when the first of 200 photoelectrons comes whose delays are 10 ns on average."""
VALUES = {"vertex_resolution": 0.137, "t0_resolution": 0.35, "time_shift": 0.25}


class Chosen:
    """A sample of events about a place in the order of the run."""

    def __init__(self, first: int, last: int, purity: float = 1.0) -> None:
        self.rows, self.purity = slice(first, last), purity

    def select(self, events, muons, header, detector):
        rows = np.zeros(len(events), bool)
        rows[self.rows] = events.physics[self.rows]
        return Selection(rows, self.purity, 0.0, "chosen")


@pytest.fixture(scope="module")
def stages():
    detector = load_detector()
    quenching = Quenching.of(detector, load_materials(), VALUES)
    return TwinStages(quenching, EvenLight(), VALUES, torch.device("cpu"))


def source_of(events):
    return MemorySource(
        Path("run.h5"), events, RunHeader(15001, "KamLAND-Zen 800"), muons(len(events))
    )


def drawn(events, stages, samples=None, *, copies=1, seed=1):
    samples = {"neutron-capture": NeutronCapture()} if samples is None else samples
    population = Population.of(source_of(events), samples, stages.quenching.detector)
    key = BlockKey(seed, 15001, "twin", 0)
    model = TwinModel.of(population, stages, key)
    return list(twins(model, copies, key))


def columns(parts):
    """All hits of all twins."""
    return [
        np.concatenate([getattr(part.hits, name) for part in parts])
        for name in ("pmt", "time", "charge")
    ]


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(columns(first), columns(second), strict=True))


def test_twins_keep_what_is_known_of_their_events(stages):
    events = captures()
    (made,) = drawn(events, stages)
    for name in ("event", "timestamp", "trigger", "vertex", "energy", "t0"):
        assert np.array_equal(getattr(made, name), getattr(events, name), equal_nan=True)
    assert (made.hits.counts[made.forced] == 0).all()
    assert (made.hits.counts[made.physics] > 500).all()
    assert (made.hits.charge == 1).all()
    kinds = np.where(made.forced, b"forced", b"neutron-capture")
    assert (made.truth["kind"] == kinds).all()
    assert np.isnan(made.truth["e_quenched"]).tolist() == made.forced.tolist()


def test_nothing_of_the_hits_goes_in(stages):
    events = captures()
    emptied = replace(events, hits=events.hits.where(np.zeros(len(events.hits.pmt), bool)))
    assert same(drawn(events, stages), drawn(emptied, stages))


def test_the_seed_decides_everything(stages):
    events = captures()
    assert same(drawn(events, stages), drawn(events, stages))
    assert not same(drawn(events, stages), drawn(events, stages, seed=2))


def test_copies_follow_each_other_and_differ(stages):
    events = captures(n=8, n_forced=2)
    (made,) = drawn(events, stages, copies=3)
    assert made.event.tolist() == np.repeat(events.event, 3).tolist()
    first = made.physics.argmax()
    parts = [made.hits[first + i : first + i + 1] for i in range(3)]
    assert len({part.time[:50].tobytes() for part in parts}) == 3


def test_light_begins_when_and_where_the_events_did(stages):
    events = captures(n=250, n_forced=1)
    dim = replace(events, energy=events.energy / 6)
    (made,) = drawn(dim, stages, {"po210": Chosen(0, 251)})
    row = np.flatnonzero(made.physics)
    off = np.stack([made.truth[axis][row] for axis in "xyz"], 1) - made.vertex[row]
    unit = 0.137 / np.sqrt(3 * made.energy[row])[:, None]
    assert (off / unit).std() == pytest.approx(1.0, abs=0.1)
    begin = np.array([made.hits[i : i + 1].time.min() for i in row]) - made.t0[row]
    assert begin.mean() == pytest.approx(0.25 + FIRST_OF_MANY_NS, abs=0.1)
    assert begin.std() == pytest.approx(0.35, rel=0.2)


def test_twins_are_cut_as_their_sample_is(stages):
    events = captures(n=250, n_forced=1)
    samples = {"neutron-capture": Chosen(0, 251)}
    wide, narrow = (
        drawn(replace(events, energy=energy), stages, samples)[0].hits.counts[events.physics]
        for energy in (events.energy, events.energy.clip(2.15, 2.25))
    )
    assert narrow.std() < 0.85 * wide.std()
    assert narrow.mean() == pytest.approx(wide.mean(), rel=0.02)


def test_events_far_out_get_no_twin(stages):
    events, samples = captures(), {"neutron-capture": NeutronCapture()}
    detector = stages.quenching.detector
    near = Population.of(source_of(events), samples, detector, 4.0)
    radius = np.linalg.norm(events.vertex[near.kept], axis=1)
    assert 3.0 < np.nanmax(radius) < 4.0
    assert (
        near.kept.tolist()
        == np.flatnonzero(events.forced | (np.linalg.norm(events.vertex, axis=1) < 4.0)).tolist()
    )
    assert len(Population.of(source_of(events), samples, detector, 99.0).kept) == len(events)


def test_an_impure_sample_has_electrons(stages):
    events = captures(n=300, n_forced=1)
    samples = {"neutron-capture": Chosen(0, 150, purity=0.7), "c11": Chosen(150, 301)}
    energy = np.where(np.arange(301) < 150, events.energy, 0.6 * events.energy)
    (made,) = drawn(replace(events, energy=energy.astype(np.float32)), stages, samples)
    kind = made.truth["kind"]
    assert set(kind) == {b"neutron-capture", b"electron", b"c11", b"forced"}
    assert 25 < (kind == b"electron").sum() < 66
    assert (kind[150:][made.physics[150:]] == b"c11").all()


def test_a_run_without_samples_is_refused(stages):
    with pytest.raises(CalibrationError, match="twins are made of events of neutron-capture"):
        drawn(captures(), stages, {"neutron-capture": Chosen(0, 0)})


def test_decays_that_do_not_fit_their_sample_are_refused(stages):
    events = captures(n=8, n_forced=2)
    samples = {"neutron-capture": Chosen(0, 5), "bi214": Chosen(5, 10)}
    far = np.where(np.arange(10) < 5, events.energy, events.energy + 60).astype(np.float32)
    with pytest.raises(CalibrationError, match=r"bi214 from 6\d.\d+ to 6\d.\d+ MeV"):
        drawn(replace(events, energy=far), stages, samples)


def test_a_share_that_is_accepted_is_enough_for_all_twins():
    assert 1e5 * (1 - LEAST_SHARE) ** MOST_DRAWS < 1e-3


def test_decays_that_the_mix_does_not_take_are_refused():
    rng = np.random.default_rng(1)
    decays = Seen(rng.uniform(1.0, 9.0, 2000), rng.uniform(0.0, 40.0, 2000))
    energy = np.append(rng.normal(5.0, 0.02, 4000), [0.5, 9.5])
    found = Seen(energy, rng.uniform(0.0, 40.0, len(energy)))
    cut = EnergyCut.of_spectrum(found, decays, 1.0)
    assert cut.inside(decays.energy).all()
    assert acceptance_of(cut, decays) < LEAST_SHARE
    with pytest.raises(CalibrationError, match=r"mix at least, got [01]\.\d+ % of bi214"):
        energy_cuts({"bi214": found}, [decays])


def test_twins_that_no_decay_was_found_for_tell_the_acceptance(stages, monkeypatch):
    monkeypatch.setattr("kzcal.translate.twin.MOST_DRAWS", 0)
    with pytest.raises(
        CalibrationError, match=r"neutron-capture, of whose decays \d+\.\d+ % pass"
    ):
        drawn(captures(n=8, n_forced=2), stages)


def test_vertices_stay_inside_and_times_shift():
    rng = np.random.default_rng(2)
    events = captures(n=4000, n_forced=3)
    at_the_edge = 6.49 * events.vertex / np.linalg.norm(events.vertex, axis=1)[:, None]
    true = true_vertices(replace(events, vertex=at_the_edge), 0.3, 6.5, generator=rng)
    inside = np.linalg.norm(true[events.physics], axis=1)
    assert inside.max() < 6.5 < inside.max() + 0.05
    assert np.isnan(true[events.forced]).all()
    shift = true_times(events, VALUES, generator=rng) - events.t0
    assert np.nanmean(shift) == pytest.approx(0.25, abs=0.03)
    assert np.nanstd(shift) == pytest.approx(0.35, rel=0.05)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_light_is_traced_on_cuda():
    found = []
    for name in ("cpu", "cuda"):
        detector, materials = load_detector(), load_materials()
        device = torch.device(name)
        quenching = Quenching.of(detector, materials, VALUES)
        tracer = FullTracer(detector, materials, device=device)
        (made,) = drawn(captures(), TwinStages(quenching, tracer, VALUES, device))
        assert (made.hits.counts[made.forced] == 0).all()
        found.append(made.hits.counts[made.physics].mean())
    assert found[0] == pytest.approx(found[1], rel=0.05)
