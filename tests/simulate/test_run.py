"""Run and seed decide every number of a simulation, and its files appear whole."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from plain_stages import PlainRecipe

from kzcal.geometry import load_detector
from kzcal.hits import Events
from kzcal.io.events import EventFile
from kzcal.simulate.run import events_of, write_simulation


def columns(events: Events) -> list[np.ndarray]:
    hits = events.hits
    flat = [hits.offsets, hits.pmt, hits.time, hits.charge]
    return [*flat, events.timestamp, events.energy, *events.truth.values()]


def read(path: Path) -> Events:
    with EventFile(path, load_detector()) as file:
        (whole,) = file.chunks()
        return whole


def write(path: Path, workers: int = 1, **recipe) -> Events:
    write_simulation(PlainRecipe(**recipe), path, workers=workers)
    return read(path)


def same(left: Events, right: Events) -> bool:
    pairs = zip(columns(left), columns(right), strict=True)
    return all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in pairs)


def test_the_same_seed_gives_the_same_events_and_another_seed_or_run_others(tmp_path: Path):
    first = write(tmp_path / "a.h5", n=80)
    assert same(first, write(tmp_path / "b.h5", n=80))
    for other in ({"seed": 8}, {"run": 15002}):
        changed = write(tmp_path / "c.h5", n=80, **other)
        assert not np.array_equal(first.hits.time[:100], changed.hits.time[:100])


def test_fewer_decays_are_the_beginning_of_more(tmp_path: Path):
    few, many = write(tmp_path / "a.h5", n=100), write(tmp_path / "b.h5", n=300)
    assert len(few) > 100
    assert same(few, many[: len(few)])
    assert many.truth["decay"][len(few)] == 100


@pytest.mark.slow
@pytest.mark.parametrize("hour", [False, True])
def test_the_number_of_workers_changes_nothing(hour: bool, tmp_path: Path):
    alone = write(tmp_path / "a.h5", n=300, hour=hour)
    assert same(alone, write(tmp_path / "b.h5", workers=2, n=300, hour=hour))


def test_events_of_a_run_come_in_time_order_with_true_delays(tmp_path: Path):
    run = write(tmp_path / "a.h5", n=600, hour=True)
    assert (np.diff(run.timestamp) >= 0).all()
    assert run.event.tolist() == list(range(len(run)))
    assert run.forced.sum() == 74
    assert set(run.truth["kind"]) == {b"pairs", b"forced"}
    pairs = run.take(run.physics)
    delayed = np.flatnonzero(pairs.truth["part"] == 1)
    row = {d: i for i, d in enumerate(pairs.truth["decay"]) if pairs.truth["part"][i] == 0}
    delay = [pairs.timestamp[i] - pairs.timestamp[row[pairs.truth["decay"][i]]] for i in delayed]
    assert min(delay) >= 250
    # Exponential beyond 250 ns with a mean of 300: of some 260, 5 sigma are 90 ns.
    assert abs(np.mean(delay) - 550) < 90


def test_photoelectrons_are_written_for_the_same_events_in_the_same_order(tmp_path: Path):
    out, gtq = tmp_path / "a.h5", tmp_path / "gtq.h5"
    done = write_simulation(PlainRecipe(n=100, keeps_true=True), out, gtq)
    reported, true = read(out), read(gtq)
    for column in ("event", "timestamp", "vertex"):
        assert np.array_equal(getattr(reported, column), getattr(true, column)), column
    assert (true.hits.charge == 1).all()
    assert done.n_photoelectrons == len(true.hits.pmt)
    assert done.n_hits == len(reported.hits.pmt)
    # Efficiency one keeps one of 1.5 photoelectrons, of 65,000: 5 sigma are 1.5 per cent of it.
    assert np.isclose(done.n_hits / done.n_photoelectrons, 1 / 1.5, rtol=0.015)
    with h5py.File(gtq) as file:
        assert "relative efficiency 1.5" in file.attrs["hits"]
        assert "physics_window_ns" not in file.attrs


def test_events_with_few_hits_are_left_out_only_if_that_is_asked(tmp_path: Path):
    everything = write(tmp_path / "a.h5", n=64, hour=True)
    bright = write(tmp_path / "b.h5", n=64, hour=True, least_hits=300)
    counts = everything.hits.counts
    assert 0 < (counts[everything.physics] < 300).sum() < everything.physics.sum()
    assert len(bright) == (everything.forced | (counts >= 300)).sum()
    assert bright.forced.sum() == everything.forced.sum()


def test_reconstructed_columns_come_from_the_hits(tmp_path: Path):
    events = write(tmp_path / "a.h5", n=70)
    assert np.allclose(events.energy, events.hits.counts / 300.0)
    assert (events.vertex == 0).all()


def test_what_is_interrupted_leaves_no_file(tmp_path: Path):
    class Interrupted(PlainRecipe):
        def open(self):
            whole = super().open()
            fit = whole.chain.reconstruction.fit

            def interrupt(events):
                if interrupt.calls:
                    raise KeyboardInterrupt
                interrupt.calls += 1
                return fit(events)

            interrupt.calls = 0
            whole.chain.reconstruction.fit = interrupt
            return whole

    with pytest.raises(KeyboardInterrupt):
        write_simulation(Interrupted(), tmp_path / "a.h5", tmp_path / "b.h5")
    assert list(tmp_path.iterdir()) == []


def test_few_events_are_held_at_once():
    recipe = PlainRecipe(n=3000, hour=True)
    sizes = [len(part) for part in events_of(recipe, recipe.open())]
    assert sum(sizes) > 3000
    assert max(sizes) < 600
