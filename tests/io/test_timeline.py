"""A timeline reads what the reader of event files reads, in blocks, and refuses what is broken."""

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from timelines import DETECTOR, S, as_events, muons_at, shower_run, write_run

from kzcal.errors import FileFormatError
from kzcal.io.events import open_events
from kzcal.io.timeline import Timeline

QUICK = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def run_file(tmp_path):
    events, muons = shower_run(3)
    return write_run(tmp_path / "run.h5", events, muons, seconds=86400)


@QUICK
@given(n=st.integers(1, 200), m=st.integers(1, 60))
def test_blocks_hold_what_the_reader_of_event_files_reads(run_file, n, m):
    with open_events(run_file, DETECTOR) as source, Timeline(run_file) as timeline:
        table, muons = source.table(), source.muons
        assert timeline.n_events == len(table)
        assert timeline.n_muons == len(muons)
        assert timeline.header == source.header
        assert timeline.livetime_ns() == 86400 * S
        blocks, parts = list(timeline.events(n)), list(timeline.muons(m))
    assert max(map(len, blocks)) <= n
    for name in ("event", "timestamp", "trigger", "vertex", "energy", "t0"):
        read = np.concatenate([getattr(block, name) for block in blocks])
        np.testing.assert_array_equal(read, getattr(table, name))
    for name in ("kind", "isotope", "group", "lag"):
        read = np.concatenate([block.truth[name] for block in blocks])
        np.testing.assert_array_equal(read, table.truth[name])
    for name in ("timestamp", "entry", "direction", "charge"):
        read = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(read, getattr(muons, name))
    deposit = np.concatenate([part.profile.deposit for part in parts])
    np.testing.assert_array_equal(deposit, muons.profile.deposit)
    counts = np.concatenate([np.diff(part.profile.offsets) for part in parts])
    np.testing.assert_array_equal(counts, np.diff(muons.profile.offsets))


def test_a_file_of_data_has_neither_muons_nor_truth(tmp_path):
    path = write_run(tmp_path / "r.h5", as_events([1, 5], np.zeros((2, 3)), 1.0))
    with Timeline(path) as timeline:
        assert timeline.n_muons == 0
        assert list(timeline.muons()) == []
        assert not timeline.has_truth
        assert timeline.livetime_ns() == 4
        assert len(timeline.no_events()) == 0


def offsets(change):
    def apply(file):
        values = file["muons/profile_offsets"][:]
        del file["muons/profile_offsets"]
        file["muons/profile_offsets"] = change(values)

    return apply


def shortened(name):
    def apply(file):
        values = file[name][:-1]
        del file[name]
        file[name] = values

    return apply


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (shortened("events/energy"), "events/energy must be as long as events/event"),
        (shortened("truth/kind"), "truth/kind must be as long as events/event"),
        (shortened("muons/charge"), "muons/charge must be as long as muons/timestamp"),
        (offsets(lambda v: v[::-1].copy()), "muons/profile_offsets must be 41 ascending numbers"),
        (offsets(lambda v: v + 10**6), "muons/profile_offsets must be 41 ascending numbers"),
        (offsets(lambda v: v[:-5]), "muons/profile_offsets must be 41 ascending numbers"),
    ],
)
def test_a_broken_file_is_refused(run_file, change, says):
    with h5py.File(run_file, "r+") as file:
        change(file)
    with pytest.raises(FileFormatError) as refusal, Timeline(run_file) as timeline:  # noqa: PT012
        list(timeline.events(7))
        list(timeline.muons(7))
    assert str(refusal.value).startswith(f"{run_file}: {says}")


@QUICK
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(tmp_path, share):
    events, muons = shower_run(2)
    path = write_run(tmp_path / "run.h5", events, muons)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(FileFormatError, match=r"run\.h5: "), Timeline(path) as timeline:  # noqa: PT012
        list(timeline.events(7))
        list(timeline.muons(7))


def test_muons_out_of_order_between_blocks_are_refused(tmp_path):
    muons = muons_at([0, 1, 2, 3])
    muons.timestamp[:] = [0, 5, 4, 9]
    path = write_run(tmp_path / "r.h5", as_events([1], np.zeros((1, 3)), 1.0), muons)
    for m in (1, 2, 4):
        with (
            Timeline(path) as timeline,
            pytest.raises(FileFormatError, match="got 4 ns after 5 ns: sort the muons"),
        ):
            list(timeline.muons(m))
