"""Contracts of what looks at a run: samples, estimators and classifiers."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Shaped

from kzcal.components import Classifier, Estimator, Sample
from kzcal.hits import Muons
from kzcal.parts import PmtEstimator, SampleSelection, Selection
from kzcal.testing.contract import ComponentContract
from kzcal.testing.synthetic import Run, chunk_of, synthetic_run


def shuffled(run: Run) -> tuple[Run, Shaped[np.ndarray, " event"]]:
    """The same run with its events in another order, and that order."""
    order = np.random.default_rng(2).permutation(len(run.events))
    return Run(run.events.take(order), run.muons, run.header, run.detector), order


def empty(run: Run) -> Run:
    """The same run without any event."""
    return Run(run.events[0:0], run.muons, run.header, run.detector)


class SampleContract(ComponentContract):
    """Laws of a calibration sample."""

    record_type = Sample
    component: ClassVar[Sample]

    def run(self) -> Run:
        """The run to select from; override it with one that holds what the sample looks for."""
        return synthetic_run()

    def selection(self) -> SampleSelection:
        """A selection of its own for each law."""
        return self.component.build()

    def select(self, run: Run) -> Selection:
        """What is selected from a run."""
        return self.selection().select(run.table, run.muons, run.header, run.detector)

    def test_rows_say_of_every_event_whether_it_belongs(self) -> None:
        """A mask, not a list of rows."""
        run = self.run()
        rows = self.select(run).rows
        assert rows.dtype == np.bool_, f"rows is a mask of bool, got {rows.dtype}"
        assert rows.shape == (len(run.events),), "rows has one entry per event"

    def test_purity_is_a_share_with_an_error_and_a_note(self) -> None:
        """Purity and its error are finite; the note tells a reader where they come from."""
        found = self.select(self.run())
        assert 0.0 <= found.purity <= 1.0, f"purity lies in 0..1, got {found.purity}"
        assert 0.0 <= found.purity_error <= 1.0, f"got error {found.purity_error}"
        assert found.note.strip(), "note says how the purity was found"

    def test_the_same_run_gives_the_same_sample(self) -> None:
        """No state is kept, and no clock or global random stream is asked."""
        run, selection = self.run(), self.selection()
        first, second = (
            selection.select(run.table, run.muons, run.header, run.detector) for _ in range(2)
        )
        again = self.select(run)
        for other in (second, again):
            assert np.array_equal(first.rows, other.rows)
            assert (first.purity, first.purity_error) == (other.purity, other.purity_error)

    def test_the_run_is_left_as_it_was(self) -> None:
        """A selection is a pure function: what it is given stays unchanged."""
        run, before = self.run(), self.run()
        self.select(run)
        for column in ("event", "timestamp", "trigger", "vertex", "energy", "t0"):
            now, then = getattr(run.events, column), getattr(before.events, column)
            assert np.array_equal(now, then, equal_nan=now.dtype.kind == "f"), column

    def test_the_order_of_events_has_no_meaning(self) -> None:
        """Timestamps order events, not rows."""
        run = self.run()
        mixed, order = shuffled(run)
        straight, other = self.select(run), self.select(mixed)
        assert np.array_equal(straight.rows[order], other.rows)
        assert np.isclose(straight.purity, other.purity)

    def test_a_run_without_events_or_muons_has_an_empty_sample(self) -> None:
        """Nothing to select is no error."""
        run = empty(self.run())
        none = Run(run.events, Muons.none(), run.header, run.detector)
        for each in (run, none):
            found = self.select(each)
            assert found.rows.shape == (0,)
            assert 0.0 <= found.purity <= 1.0
            assert 0.0 <= found.purity_error <= 1.0


class EstimatorContract(ComponentContract):
    """Laws of a streaming estimate of every PMT."""

    record_type = Estimator
    component: ClassVar[Estimator]
    tolerance: ClassVar[float] = 1e-9
    """Largest relative difference that the split into chunks may make."""

    def run(self) -> Run:
        """The run to learn from."""
        return synthetic_run()

    def columns(self, run: Run, n_chunks: int) -> dict[str, Any]:
        """The estimate from a run in so many chunks, after one without events."""
        estimator: PmtEstimator = self.component.build()
        edges = [0, *np.linspace(0, len(run.events), n_chunks + 1).astype(int).tolist()]
        for rows in itertools.starmap(slice, itertools.pairwise(edges)):
            estimator.accumulate(chunk_of(run, rows))
        return dict(estimator.estimate())

    def test_every_column_has_a_row_per_pmt_a_unit_and_words(self) -> None:
        """A number without a unit or an explanation is no calibration."""
        run = self.run()
        columns = self.columns(run, 1)
        assert columns, "an estimator gives at least one column"
        for name, column in columns.items():
            assert len(column.values) == run.detector.n_pmt, f"{name} has a row per PMT"
            assert column.unit or column.values.dtype.kind == "U", f"{name} has a unit"
            assert column.doc.strip(), f"{name} says what it is"

    def test_errors_are_positive_where_values_are_known(self) -> None:
        """Every number carries one standard deviation."""
        for name, column in self.columns(self.run(), 1).items():
            if column.errors is None:
                assert column.values.dtype.kind != "f", f"{name} has errors"
                continue
            known = np.isfinite(np.asarray(column.values, np.float64))
            assert column.errors.shape == column.values.shape, f"errors of {name}"
            assert (column.errors[known] > 0.0).all(), f"errors of {name} are positive"

    def test_the_split_into_chunks_has_no_meaning(self) -> None:
        """One chunk or many, an empty one among them: the same estimate."""
        run = self.run()
        whole, parts = self.columns(run, 1), self.columns(run, 7)
        assert whole.keys() == parts.keys()
        for name, column in whole.items():
            for one, other in (
                (column.values, parts[name].values),
                (column.errors, parts[name].errors),
            ):
                if one is None or one.dtype.kind in "Ub":
                    assert np.array_equal(one, other), name
                else:
                    np.testing.assert_allclose(other, one, rtol=self.tolerance, err_msg=name)

    def test_two_estimators_share_nothing(self) -> None:
        """What one has seen does not show in another."""
        run = self.run()
        first, second = self.columns(run, 1), self.columns(run, 1)
        for name, column in first.items():
            numeric = column.values.dtype.kind == "f"
            assert np.array_equal(column.values, second[name].values, equal_nan=numeric), name

    def test_a_run_without_events_is_no_error(self) -> None:
        """There is a row per PMT even where nothing is known."""
        run = empty(self.run())
        for name, column in self.columns(run, 1).items():
            assert len(column.values) == run.detector.n_pmt, name


class ClassifierContract(ComponentContract):
    """Laws of a score of events or of their coincidences."""

    record_type = Classifier
    component: ClassVar[Classifier]

    def run(self) -> Run:
        """The run to score."""
        return synthetic_run()

    def score(self, run: Run) -> Shaped[np.ndarray, " event"]:
        """The scores of a run."""
        classifier = self.component.untrained()
        return classifier.score(run.events, run.muons, run.detector)

    def test_every_event_has_a_finite_score(self) -> None:
        """Forced triggers, whose vertex is NaN, included."""
        run = self.run()
        score = self.score(run)
        assert score.dtype == np.float64, f"scores are float64, got {score.dtype}"
        assert score.shape == (len(run.events),), "one score per event"
        assert np.isfinite(score).all(), "scores are finite"

    def test_the_same_run_gives_the_same_scores(self) -> None:
        """No state is kept, and no global random stream is asked."""
        run = self.run()
        assert np.array_equal(self.score(run), self.score(run))

    def test_the_order_of_events_has_no_meaning(self) -> None:
        """Timestamps order events, not rows."""
        run = self.run()
        mixed, order = shuffled(run)
        np.testing.assert_allclose(self.score(mixed), self.score(run)[order], rtol=1e-6, atol=1e-9)

    def test_a_run_without_events_has_no_score(self) -> None:
        """Nothing to score is no error."""
        assert self.score(empty(self.run())).shape == (0,)
