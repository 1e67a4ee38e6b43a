"""What the reconstruction finds, what turns with an event, and what comes of a file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from kzcal_kamnet.reconstruction import Found, ReconstructionNetwork
from kzcal_kamnet.reconstruction_files import Labelled, reconstructed
from kzcal_kamnet.reconstruction_start import RoughEvents, brightness, rough, usable
from kzcal_kamnet.reconstruction_training import Recipe, Truth, fitted

from kzcal.classify.corrected import Correction, corrected
from kzcal.cli.main import main
from kzcal.conditions.payload import Payload
from kzcal.errors import TrainingError
from kzcal.geometry import Detector, load_detector
from kzcal.hits import Events, Hits, RunHeader
from kzcal.io.hdf5_writer import write_events
from kzcal.io.source import open_events
from kzcal.simulate.constants import Constants

CPU = torch.device("cpu")
DETECTOR = load_detector()
NOMINAL = Correction.of(Constants().payload(DETECTOR), DETECTOR)
HITS_PER_MEV = 220.0
DECAY_NS = 6.0
QUICK = Recipe(epochs=15, batch=64)


def flashes(n: int, *, seed: int = 1, detector: Detector = DETECTOR) -> Events:
    """Single sites of 1 to 3 MeV within 1.5 m, with hits whose times tell where they are."""
    generator = np.random.default_rng(seed)
    direction = generator.normal(size=(n, 3))
    radius = 1.5 * generator.random(n)[:, None] ** (1 / 3)
    vertex = radius * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    energy = generator.uniform(1.0, 3.0, n)
    parts = [_hits(generator, place, e, detector) for place, e in zip(vertex, energy, strict=True)]
    hits = Hits.from_counts(
        np.array([len(pmt) for pmt, _ in parts]),
        np.concatenate([pmt for pmt, _ in parts]).astype(np.uint16),
        np.concatenate([time for _, time in parts]).astype(np.float32),
        np.ones(sum(len(pmt) for pmt, _ in parts), np.float32),
    )
    place = vertex.astype(np.float32)
    truth = {name: vertex[:, k] for k, name in enumerate("xyz")} | {"e_quenched": energy}
    number, zero = np.arange(n), np.zeros(n, np.float32)
    return Events(number, number, np.zeros(n, np.uint8), place, zero + 2, zero, hits, truth)


def _hits(
    generator: np.random.Generator, vertex: np.ndarray, energy: float, detector: Detector
) -> tuple[np.ndarray, np.ndarray]:
    distance = np.linalg.norm(detector.positions - vertex, axis=1)
    share = distance**-2.0 / np.sum(distance**-2.0)
    hit = generator.random(detector.n_pmt) < HITS_PER_MEV * energy * share
    time = distance[hit] / 0.196 + generator.exponential(DECAY_NS, hit.sum())
    time = time + generator.normal(0.0, 1.0, hit.sum())
    order = np.argsort(time)
    return np.flatnonzero(hit)[order], time[order]


def known(events: Events) -> Labelled:
    """The events with their truth."""
    truth = Truth(
        torch.from_numpy(events.vertex),
        torch.from_numpy(events.t0),
        torch.from_numpy(events.truth["e_quenched"].astype(np.float32)),
    )
    return Labelled(rough(events, NOMINAL, DETECTOR, CPU), truth)


@pytest.fixture(scope="module")
def network() -> ReconstructionNetwork:
    """Fitted to some hundreds of flashes."""
    learned = known(flashes(600))
    return fitted(learned.events, learned.truth, QUICK, seed=1)[0]


def found(network: ReconstructionNetwork, events: RoughEvents) -> Found:
    """What is found of events."""
    with torch.no_grad():
        result: Found = network(events)
    return result


def test_vertices_times_and_energies_are_found(network: ReconstructionNetwork) -> None:
    """In other events: vertices four times as well as at the start, energies to eight per cent.

    Poisson's law alone leaves 5.3 per cent at 1.6 MeV, the mean of 1/E.
    """
    judged = known(flashes(300, seed=2))
    result, truth = found(network, judged.events), judged.truth
    start = (judged.events.vertex - truth.vertex).square().sum(1).mean().sqrt()
    rest = (result.vertex - truth.vertex).square().sum(1).mean().sqrt()
    assert rest < start / 4
    assert (result.emission - truth.emission).std() < 0.7
    ratio = result.energy / truth.energy
    assert abs(float(ratio.mean()) - 1.0) < 0.02
    assert float(ratio.std()) < 0.08


def test_energies_go_with_the_light(network: ReconstructionNetwork) -> None:
    """Twice the light is twice the energy, and nobody is drawn towards a mean."""
    events = known(flashes(20, seed=3)).events
    twice = replace(events, brightness=2 * events.brightness)
    torch.testing.assert_close(found(network, twice).energy, 2 * found(network, events).energy)


def test_vertices_turn_with_the_event(network: ReconstructionNetwork) -> None:
    """PMTs and hits turned together: vertices turn, times and energies stay."""
    turn = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))[0]
    turn *= np.linalg.det(turn)
    events = flashes(30, seed=5)
    turned = replace(DETECTOR, positions=DETECTOR.positions @ turn.T)
    here = found(network, rough(events, NOMINAL, DETECTOR, CPU))
    there = found(network, rough(events, NOMINAL, turned, CPU))
    matrix = torch.from_numpy(turn.T.astype(np.float32))
    torch.testing.assert_close(there.vertex, here.vertex @ matrix, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(there.emission, here.emission, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(there.energy, here.energy, rtol=1e-3, atol=1e-3)


def test_the_vertex_of_a_file_has_no_say(network: ReconstructionNetwork) -> None:
    """Nor have its energy and its time: the reconstruction begins with the hits."""
    events = flashes(10, seed=6)
    other = replace(events, vertex=events.vertex + 1, energy=events.energy * 3, t0=events.t0 + 9)
    here, there = (reconstructed(e, network, NOMINAL, DETECTOR, CPU) for e in (events, other))
    for name in ("vertex", "energy", "t0"):
        assert np.array_equal(getattr(here, name), getattr(there, name)), name


def test_events_of_few_hits_are_left_unknown(network: ReconstructionNetwork) -> None:
    events = flashes(4, seed=7)
    events.trigger[1] = 1
    dark = events.hits.where(events.hits.event_index != 2)
    result = reconstructed(replace(events, hits=dark), network, NOMINAL, DETECTOR, CPU)
    assert np.isfinite(result.energy).tolist() == [True, False, False, True]
    assert np.isnan(result.vertex[1:3]).all()
    assert np.isnan(result.t0[1:3]).all()
    empty = reconstructed(events[0:0], network, NOMINAL, DETECTOR, CPU)
    assert len(empty) == 0


def test_brightness_counts_light_of_pmts_in_use() -> None:
    """A PMT that is out of use takes neither light nor place; all measures agree for few hits."""
    events = flashes(50, seed=8)
    seen = corrected(events, NOMINAL, DETECTOR)
    whole = brightness(seen, DETECTOR)
    live = seen.live.copy()
    live[:, ::2] = False
    half = replace(seen, hits=seen.hits.where(live[0][seen.hits.pmt]), live=live)
    np.testing.assert_allclose(brightness(half, DETECTOR).mean(0), whole.mean(0), rtol=0.05)
    assert (whole[:, 2:] >= whole[:, :2]).all(), "one hit of one p.e. each, and none unseen"
    np.testing.assert_allclose(whole[:, 2:], -np.log1p(-whole[:, :2]), rtol=1e-5)


def test_the_same_seed_gives_the_same_network() -> None:
    learned = known(flashes(100))
    few = Recipe(epochs=2, batch=32)
    first, second = (
        fitted(learned.events, learned.truth, few, seed=3)[0].state_dict() for _ in range(2)
    )
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


def test_too_few_events_are_refused() -> None:
    learned = known(flashes(10))
    with pytest.raises(TrainingError, match="got 10 for a batch of 64"):
        fitted(learned.events, learned.truth, QUICK, seed=1)


def write(path: Path, events: Events) -> None:
    """An event file of a run."""
    windows = ((-150.0, 350.0), (0.0, 10_000.0))
    header = RunHeader(1, DETECTOR.name, None, None, None, *windows)
    write_events(path, header, [events])


def test_the_command_fits_and_reconstructs_files(tmp_path: Path) -> None:
    """From two simulated files to a model and a reconstructed file, truth kept."""
    for seed in (1, 2):
        write(tmp_path / f"{seed}.h5", flashes(150, seed=seed))
    train = ["kamnet-reconstruct", "train", str(tmp_path / "1.h5"), str(tmp_path / "2.h5")]
    train += ["--nominal", "--out", str(tmp_path / "model"), "--epochs", "2", "--most", "140"]
    result = CliRunner().invoke(main, train)
    assert result.exit_code == 0, result.output
    assert "fitted to 280 events" in result.stdout
    out = tmp_path / "out.h5"
    apply = ["kamnet-reconstruct", "apply", str(tmp_path / "model"), str(tmp_path / "1.h5")]
    result = CliRunner().invoke(main, [*apply, "--nominal", "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "vertices of 150 of 150" in result.stdout
    with open_events(out, DETECTOR) as source:
        events = next(iter(source.chunks(10**6)))
    assert np.array_equal(events.truth["x"], flashes(150, seed=1).truth["x"])
    assert np.isfinite(events.vertex).all()
    write(tmp_path / "data.h5", replace(flashes(30), truth={}))
    train[2:4] = [str(tmp_path / "data.h5")]
    refused = CliRunner().invoke(main, train)
    assert refused.exit_code == 1
    assert "without truth/x" in refused.stderr


def test_pmts_out_of_use_make_no_event_usable() -> None:
    """Hits of PMTs that are out of use do not make an event usable."""
    payload: Payload = Constants().payload(DETECTOR)
    dead = replace(Correction.of(payload, DETECTOR), live=np.zeros(DETECTOR.n_pmt, bool))
    assert not usable(flashes(3), dead).any()
