"""Slabs hold every event once, and the muon before it, in blocks of any length."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from timelines import as_events, muons_at

from kzcal.coincidence.slabs import muon_rows, slabs

QUICK = settings(max_examples=60, deadline=None)
TIMES = st.lists(st.integers(0, 40), max_size=15)


def blocks(table, n, rows):
    return [rows(table, slice(i, i + n)) for i in range(0, len(table), n)]


@QUICK
@given(
    times=TIMES,
    muon_times=TIMES,
    n=st.integers(1, 20),
    m=st.integers(1, 20),
    with_profile=st.booleans(),
)
def test_slabs_of_any_length_give_every_event_its_muon(times, muon_times, n, m, with_profile):
    events = as_events(times, np.zeros((len(times), 3)), 1.0)
    muons = muons_at(muon_times, profile=with_profile)
    found = []
    ends = []
    for slab in slabs(
        blocks(events, n, lambda table, rows: table[rows]), blocks(muons, m, muon_rows)
    ):
        assert (slab.events.timestamp <= slab.end_ns).all()
        assert not ends or (slab.events.timestamp >= ends[-1]).all()
        ends.append(slab.end_ns)
        for i, parent in enumerate(slab.parent):
            number = slab.first_muon + parent if parent >= 0 else -1
            found.append((slab.events.event[i], number))
            if parent >= 0:
                assert slab.muons.timestamp[parent] == muons.timestamp[number]
                assert slab.muons.charge[parent] == muons.charge[number]
                profile, whole = slab.muons.profile, muons.profile
                assert (profile is None) == (not with_profile)
                if profile is not None:
                    piece = profile.deposit[profile.offsets[parent] : profile.offsets[parent + 1]]
                    expected = whole.deposit[whole.offsets[number] : whole.offsets[number + 1]]
                    np.testing.assert_array_equal(piece, expected)
    before = np.searchsorted(muons.timestamp, events.timestamp, side="right") - 1
    assert found == list(zip(events.event, before, strict=True))


def test_a_slab_keeps_one_muon_of_those_before():
    events = as_events([100, 200], np.zeros((2, 3)), 1.0)
    muons = muons_at(range(50))
    *before, last = slabs([events[:1], events[1:]], [muons])
    assert max(len(slab.muons) for slab in before) == 50
    assert len(last.muons) == 1
    assert last.first_muon == 49
