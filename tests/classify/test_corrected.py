"""Corrections undo what a calibration knows, PMT by PMT."""

from dataclasses import replace

import numpy as np
import pytest

from kzcal.classify.corrected import (
    LIGHT_SPEED,
    Correction,
    corrected,
    corrected_chunks,
    corrected_events,
    together,
)
from kzcal.conditions.payload import Column
from kzcal.errors import ConfigurationError
from kzcal.hits import Hits
from kzcal.io.source import open_events
from kzcal.simulate.constants import Constants
from kzcal.testing import synthetic_run

from labelled_events import written  # isort: skip

RUN = synthetic_run(n_events=200)
DETECTOR = RUN.detector
N = DETECTOR.n_pmt


def payload(**columns):
    """Nominal constants with some columns changed."""
    nominal = Constants().payload(DETECTOR)
    changed = {
        name: replace(nominal.columns[name], values=values)
        if name in nominal.columns
        else Column(values, "1", "given")
        for name, values in columns.items()
    }
    return replace(nominal, columns={**nominal.columns, **changed})


def words(**status):
    named = np.full(N, "good", "<U9")
    for word, pmts in status.items():
        named[list(pmts)] = word
    return named


def test_a_hit_from_the_vertex_in_time_with_its_pmt_has_no_residual():
    offset = np.random.default_rng(1).normal(0.0, 2.0, N)
    gain = np.linspace(0.8, 1.2, N)
    correction = Correction.of(payload(time_offset=offset, gain=gain), DETECTOR)
    one = RUN.events.take(np.flatnonzero(RUN.events.physics)[:1])
    pmt = np.arange(N, dtype=np.uint16)
    flight = np.linalg.norm(DETECTOR.positions - one.vertex[0], axis=1) / LIGHT_SPEED
    time = (one.t0[0] + flight + offset).astype(np.float32)
    hits = Hits(np.array([0, N]), pmt, time, (2.0 * gain).astype(np.float32))
    found = corrected(replace(one, hits=hits), correction, DETECTOR)
    np.testing.assert_allclose(found.hits.time, 0.0, atol=2e-5)
    np.testing.assert_allclose(found.hits.charge, 2.0, rtol=1e-6)
    assert np.array_equal(found.hits.pmt, pmt)
    assert found.live.shape == (1, N)
    assert found.live.all()


def test_the_time_of_flight_is_that_which_the_offsets_were_found_with():
    nominal = payload()
    lineage = replace(nominal.lineage, configuration={"light_speed": 0.17})
    slow = Correction.of(replace(nominal, lineage=lineage), DETECTOR)
    one = RUN.events.take(np.flatnonzero(RUN.events.physics)[:1])
    found, usual = (
        corrected(one, correction, DETECTOR)
        for correction in (slow, Correction.of(nominal, DETECTOR))
    )
    distance = np.linalg.norm(DETECTOR.positions[one.hits.pmt] - one.vertex[0], axis=1)
    later = distance / 0.17 - distance / LIGHT_SPEED
    np.testing.assert_allclose(usual.hits.time - found.hits.time, later, atol=1e-4)


def test_hits_of_bad_pmts_are_gone_and_the_mask_says_so():
    bad = {"dead": (5,), "hot": (70,), "low": (800,), "misplaced": (900,)}
    correction = Correction.of(payload(status=words(**bad)), DETECTOR)
    found = corrected(RUN.events, correction, DETECTOR)
    assert np.flatnonzero(~found.live[0]).tolist() == [5, 70, 800, 900]
    assert not np.isin(found.hits.pmt, [5, 70, 800, 900]).any()
    stayed = RUN.events.physics[RUN.events.hits.event_index]
    expected = stayed & ~np.isin(RUN.events.hits.pmt, [5, 70, 800, 900])
    assert len(found.hits.pmt) == expected.sum()


def test_exchanged_cables_are_put_back_with_the_constants_of_the_cable():
    partner = np.full(N, -1, np.int32)
    partner[[10, 1500]] = [1500, 10]
    offset = np.zeros(N)
    offset[10] = 3.0
    status = words(swapped=(10, 1500))
    correction = Correction.of(
        payload(status=status, partner=partner, time_offset=offset), DETECTOR
    )
    assert correction.live.all()
    one = RUN.events.take(np.flatnonzero(RUN.events.physics)[:1])
    flight = np.linalg.norm(DETECTOR.positions[1500] - one.vertex[0]) / LIGHT_SPEED
    hits = Hits(
        np.array([0, 1]),
        np.array([10], np.uint16),
        np.array([one.t0[0] + flight + 3.0], np.float32),
        np.ones(1, np.float32),
    )
    found = corrected(replace(one, hits=hits), correction, DETECTOR)
    assert found.hits.pmt.tolist() == [1500]
    assert abs(found.hits.time[0]) < 2e-5


def test_a_dead_pmt_among_exchanged_cables_is_masked_at_its_place():
    partner = np.full(N, -1, np.int32)
    partner[[10, 1500]] = [1500, 10]
    gain = np.ones(N)
    gain[10] = np.nan
    status = words(swapped=(10, 1500))
    correction = Correction.of(payload(status=status, partner=partner, gain=gain), DETECTOR)
    assert np.flatnonzero(~correction.live).tolist() == [1500]


def test_events_without_a_vertex_keep_no_hit():
    found = corrected(RUN.events, Correction.of(payload(), DETECTOR), DETECTOR)
    forced = RUN.events.forced
    assert forced.any()
    assert np.array_equal(RUN.events.reconstructed, ~forced)
    assert (found.hits.counts[forced] == 0).all()
    assert np.isfinite(found.hits.time).all()


def test_constants_of_another_detector_are_refused():
    nominal = payload()
    short = {
        name: replace(
            column,
            values=column.values[:-1],
            errors=None if column.errors is None else column.errors[:-1],
        )
        for name, column in nominal.columns.items()
    }
    with pytest.raises(ConfigurationError, match=f"of {N - 1} PMTs for {N} PMTs"):
        Correction.of(replace(nominal, columns=short), DETECTOR)


def test_a_file_is_read_in_any_chunks_and_rows(tmp_path):
    correction = Correction.of(payload(status=words(dead=(3,))), DETECTOR)
    path = written(tmp_path / "run.h5", RUN)
    whole = corrected(RUN.events, correction, DETECTOR)
    with open_events(path, DETECTOR) as source:
        found = corrected_events(source, DETECTOR, correction)
        chunks = list(corrected_chunks(source, DETECTOR, correction, hits_per_chunk=500))
        some = corrected_events(source, DETECTOR, correction, np.array([0, 7, 150]))
    assert len(chunks) > 10
    for events in (found, together(chunks)):
        assert np.array_equal(events.hits.offsets, whole.hits.offsets)
        assert np.array_equal(events.hits.time, whole.hits.time)
        assert events.live.shape == (1, N)
    assert np.array_equal(some.hits.pmt, whole.take(np.array([0, 7, 150])).hits.pmt)
    assert some.run.tolist() == [0, 0, 0]


def test_runs_stay_apart_where_other_pmts_are_in_use():
    first, second = (
        corrected(RUN.events, Correction.of(payload(status=words(dead=dead)), DETECTOR), DETECTOR)
        for dead in ((3,), (4, 5))
    )
    whole = together([first, second, first])
    assert whole.live.shape == (2, N)
    seen = whole.live[whole.run]
    n = len(RUN.events)
    assert not seen[:n, 3].any()
    assert not seen[n : 2 * n, [4, 5]].any()
    assert np.array_equal(whole.run[:n], whole.run[2 * n :])
