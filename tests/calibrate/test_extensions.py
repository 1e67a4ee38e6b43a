"""Plugins' samples and estimators: what they see, and what happens when they fail."""

from dataclasses import replace

import numpy as np
import pytest

from kzcal.calibrate.extensions import (
    CheckedSample,
    calibration_chunks,
    estimate,
    membership,
    residuals,
)
from kzcal.components import Estimator, Sample
from kzcal.conditions.payload import Column
from kzcal.errors import PluginError
from kzcal.io.memory import MemorySource
from kzcal.parts import Selection
from kzcal.testing import synthetic_run

RUN = synthetic_run(n_events=300)
SPEED = 0.195


def selection(rows: np.ndarray) -> Selection:
    return Selection(rows, 1.0, 0.0, "for the test")


def chunks(place: np.ndarray, hits_per_chunk: int, read: list[int]):
    source = MemorySource("run.h5", RUN.events, RUN.header)
    selections = {
        "physics": selection(RUN.events.physics),
        "bright": selection(np.nan_to_num(RUN.events.energy) > 2),
    }
    return calibration_chunks(
        source, selections, place, RUN.detector, SPEED, hits_per_chunk, read.append
    )


class Summed:
    """Sum of the known residuals of every PMT, and events by sample."""

    def __init__(self) -> None:
        self.sum = np.zeros(RUN.detector.n_pmt)
        self.samples: dict[str, int] = {}

    def accumulate(self, chunk) -> None:
        known = np.isfinite(chunk.residual)
        weights = chunk.residual[known].astype(float)
        pmt = chunk.events.hits.pmt[known]
        self.sum += np.bincount(pmt, weights, minlength=len(self.sum))
        for number, name in enumerate(chunk.sample_names):
            seen = int((chunk.sample == number).sum())
            self.samples[name] = self.samples.get(name, 0) + seen

    def estimate(self):
        return {"residual_sum": Column(self.sum, "ns", "sum", np.ones(len(self.sum)))}


def test_residuals_are_those_of_the_place_where_a_cable_ends():
    place = np.arange(RUN.detector.n_pmt)
    place[[7, 1500]] = 1500, 7
    found = residuals(RUN.events, RUN.detector.positions[place], SPEED)
    hits = RUN.events.hits
    for hit in (0, 100, int(np.flatnonzero(hits.pmt == 7)[0]), len(hits.pmt) - 1):
        event = int(hits.event_index[hit])
        where = RUN.detector.positions[place[hits.pmt[hit]]]
        flight = np.linalg.norm(where - RUN.events.vertex[event].astype(float)) / SPEED
        expected = hits.time[hit] - RUN.events.t0[event] - flight
        assert found[hit] == pytest.approx(expected, abs=1e-3, nan_ok=True)
    of_forced = RUN.events.forced[hits.event_index]
    assert np.array_equal(np.isnan(found), of_forced)
    assert of_forced.any()


def test_an_event_of_several_samples_counts_for_the_smallest():
    few, many = np.array([1, 0, 0, 0], bool), np.array([1, 1, 1, 0], bool)
    for order in ((few, many), (many, few)):
        found = membership({str(i): selection(rows) for i, rows in enumerate(order)}, 4)
        names = [-1 if number < 0 else int(order[number].sum()) for number in found]
        assert names == [1, 3, 3, -1]


def test_an_estimator_sees_every_hit_once_in_chunks():
    read: list[int] = []
    own = np.arange(RUN.detector.n_pmt)
    record = Estimator("summed", "Sums.", Summed, "test")
    column = estimate(chunks(own, 2000, read), {"summed": record}, len(own), frozenset())
    assert len(read) > 3
    assert sum(read) == len(RUN.events.hits.pmt)
    expected = np.nansum(residuals(RUN.events, RUN.detector.positions, SPEED), dtype=float)
    assert column["residual_sum"].values.sum() == pytest.approx(expected)


def test_chunks_name_the_sample_of_every_event():
    summed = Summed()
    for chunk in chunks(np.arange(RUN.detector.n_pmt), 2000, []):
        summed.accumulate(chunk)
    bright = int((np.nan_to_num(RUN.events.energy) > 2).sum())
    assert summed.samples == {"physics": int(RUN.events.physics.sum()) - bright, "bright": bright}


def test_without_estimators_the_run_is_not_read():
    def unread():
        pytest.fail("the run was read")
        yield

    assert estimate(unread(), {}, 1879, frozenset()) == {}


def columns(**found: np.ndarray):
    """A record whose estimator gives these columns."""

    class Fixed:
        def accumulate(self, chunk) -> None:
            """Needs nothing."""

        def estimate(self):
            return {name: Column(values, "1", "fixed") for name, values in found.items()}

    return Estimator("fixed", "Fixed.", Fixed, "kzcal-wrong")


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (columns(qe=np.ones(3)), "a column is there once, got another 'qe' from fixed of kzcal-w"),
        (columns(new=np.ones(2)), r"new has a row for each of 3 PMTs, got \(2,\) from fixed"),
        (
            Estimator("broken", "B.", lambda: 1 / 0, "kzcal-broken"),
            "of plugin kzcal-broken failed",
        ),
        (Estimator("empty", "E.", object, "kzcal-empty"), "failed while accumulating: Attribute"),
    ],
)
def test_an_estimator_that_fails_is_named(record: Estimator, sentence: str):
    with pytest.raises(PluginError, match=sentence):
        estimate(iter([None]), {record.name: record}, 3, frozenset({"qe"}))


def test_two_estimators_cannot_give_one_column():
    one, other = columns(new=np.ones(3)), replace(columns(new=np.ones(3)), name="second")
    with pytest.raises(PluginError, match="got another 'new' from second"):
        estimate(iter([]), {"fixed": one, "second": other}, 3, frozenset())


def sample(select, provider: str = "kzcal-wrong") -> CheckedSample:
    kind = type("Selecting", (), {"select": lambda self, *words: select(*words)})
    return CheckedSample.build(Sample("chosen", "Chosen.", kind, provider))


def chosen(of: CheckedSample) -> Selection:
    return of.select(RUN.table, RUN.muons, RUN.header, RUN.detector)


def test_a_sample_that_fails_is_named():
    with pytest.raises(PluginError, match=r"chosen of plugin kzcal-wrong failed while selecting"):
        chosen(sample(lambda *words: words[9]))
    with pytest.raises(PluginError, match="a selection is a mask of 300 events"):
        chosen(sample(lambda *words: selection(np.arange(5))))
    with pytest.raises(PluginError, match="finite purity and error, got bool"):
        chosen(sample(lambda *words: Selection(RUN.events.physics, np.nan, 0.0, "?")))
    good = chosen(sample(lambda *words: selection(RUN.events.physics)))
    assert np.array_equal(good.rows, RUN.events.physics)


def test_kzcals_own_failures_are_not_blamed_on_a_plugin():
    with pytest.raises(IndexError):
        chosen(sample(lambda *words: words[9], provider="kzcal"))
