"""A synthetic year: its story, the constants of its runs, and their events."""

import json
from dataclasses import fields

import numpy as np
import pytest

from kzcal.calibrate.demo import DemoTruth, write_demo_period
from kzcal.campaign.year import draw_year
from kzcal.campaign.year_runs import change_records, write_year
from kzcal.errors import ConfigurationError
from kzcal.geometry import load_detector
from kzcal.io.hdf5 import EventFile
from kzcal.optics.plain_light import PlainLight

DETECTOR = load_detector()
GROUPS = {"power cycle", "delay step"}


def year(seed=1, n_runs=20, **given):
    return draw_year(DETECTOR, seed=seed, n_runs=n_runs, **given)


def same(one: DemoTruth, other: DemoTruth) -> bool:
    return all(
        np.array_equal(getattr(one, field.name), getattr(other, field.name))
        for field in fields(DemoTruth)
    )


def test_the_same_seed_tells_the_same_story_whatever_the_number_of_runs():
    first, again, finer, other = year(), year(), year(n_runs=200), year(seed=2)
    assert first.changes == again.changes == finer.changes
    assert first.changes != other.changes
    assert same(first.truth(7), again.truth(7))
    assert np.isclose(first.day[0], finer.day[:10].mean())


def test_no_pmt_has_two_changes_of_its_own_and_none_is_beyond_the_detector():
    for seed in range(5):
        single = [c for c in year(seed).changes if c.kind not in GROUPS]
        cables = [cable for change in single for cable in change.cables]
        assert len(cables) == len(set(cables)) == len(single)
        assert all(0 <= c < DETECTOR.n_pmt for change in year(seed).changes for c in change.cables)


def test_a_change_holds_from_its_first_run_to_its_last():
    made = year(n_runs=50, first_run=100)
    for change in made.changes:
        span = made.span(change)
        for row, run in enumerate(made.runs):
            assert (span is not None and run in span) == change.holds(made.day[row])
        assert (span is None) or (span.last is None) == np.isinf(change.until)


def step_of(made, change):
    """What a change does to its PMTs from the run before it to its first one."""
    row = made.runs.index(made.span(change).first)
    before, after = made.truth(row - 1), made.truth(row)
    cables = list(change.cables)
    if change.quantity == "status":
        return before.status[cables], after.status[cables]
    return getattr(before, change.quantity)[cables], getattr(after, change.quantity)[cables]


@pytest.mark.parametrize("kind", ["gain step", "efficiency step", "noisier", "flash"])
def test_a_step_multiplies_the_constants_of_its_pmt(kind):
    made = year(n_runs=400)
    changes = [c for c in made.changes if c.kind == kind]
    assert len(changes) >= 6
    crate = next(c for c in made.changes if c.kind == "power cycle")
    for change in changes:
        before, after = step_of(made, change)
        if crate.quantity == change.quantity and set(crate.cables) & set(change.cables):
            continue
        assert np.allclose(after / before, change.sizes, rtol=0.003)


def test_groups_step_together_and_pmts_die_and_come_back():
    made = year(n_runs=400)
    kinds = {change.kind: change for change in made.changes}
    before, after = step_of(made, kinds["delay step"])
    assert len(kinds["delay step"].cables) > 40
    assert np.allclose(after - before, kinds["delay step"].sizes, atol=0.002)
    before, after = step_of(made, kinds["died"])
    assert (before.tolist(), after.tolist()) == (["good"], ["dead"])
    before, after = step_of(made, kinds["came back"])
    assert (before.tolist(), after.tolist()) == (["dead"], ["good"])


def test_a_flash_that_ends_leaves_the_pmt_good():
    made = year(n_runs=200)
    flash = next(c for c in made.changes if c.kind == "flash" and np.isfinite(c.until))
    span, (cable,) = made.span(flash), flash.cables
    at = {run: made.truth(made.runs.index(run)) for run in (span.first, span.last)}
    assert {truth.status[cable] for truth in at.values()} == {"hot"}
    later = made.truth(made.runs.index(span.last) + 1)
    assert later.status[cable] == "good"
    assert later.dark_rate[cable] < at[span.last].dark_rate[cable] / 10


def test_light_and_gains_drift_slowly():
    made = year(n_runs=365)
    first, last = made.light(0), made.light(364)
    assert last.photoelectrons / first.photoelectrons == pytest.approx(0.98, abs=1e-3)
    assert last.attenuation / first.attenuation == pytest.approx(0.96, abs=1e-3)
    touched = [c for change in made.changes for c in change.cables]
    rest = np.setdiff1d(np.arange(DETECTOR.n_pmt), touched)
    drift = np.log(made.truth(364).gain[rest] / made.truth(0).gain[rest])
    assert drift.mean() == pytest.approx(-0.015, abs=0.002)
    assert np.allclose(made.truth(182).time_offset, made.base.time_offset, atol=4)


def test_a_year_without_a_run_is_refused():
    with pytest.raises(ConfigurationError, match="one run at least, got 0"):
        year(n_runs=0)


def hits_of(path):
    """Hits of each PMT."""
    with EventFile(path, DETECTOR) as source:
        header = source.header
        counts = sum(
            np.bincount(chunk.hits.pmt, minlength=DETECTOR.n_pmt) for chunk in source.chunks(10**6)
        )
    return header, counts


def test_runs_are_written_with_their_constants_and_the_truth_beside_them(tmp_path):
    made, done = year(n_runs=2), []
    files = write_year(tmp_path, made, n_events=500, advance=done.append)
    assert done == [1.0, 1.0]
    record = json.loads((tmp_path / "truth.json").read_text())
    assert [tmp_path / run["file"] for run in record["runs"]] == list(files)
    assert record["changes"] == change_records(made)
    assert record["runs"][1]["light_yield"] == pytest.approx(1 - 0.02 * 0.75)
    assert record["runs"][1]["attenuation_m"] == made.light(1).attenuation
    for row, file in enumerate(files):
        header, hits = hits_of(file)
        assert header.run == made.runs[row]
        assert np.array_equal(hits == 0, made.truth(row).status == "dead")


def test_less_light_gives_fewer_hits(tmp_path):
    write_demo_period(tmp_path / "bright.h5", seed=3, n_events=100)
    write_demo_period(tmp_path / "same.h5", seed=3, n_events=100, light=PlainLight())
    write_demo_period(tmp_path / "dim.h5", seed=3, n_events=100, light=PlainLight(800.0))
    bright, same_again, dim = (
        hits_of(tmp_path / f"{name}.h5")[1].sum() for name in ("bright", "same", "dim")
    )
    assert bright == same_again
    assert dim < 0.9 * bright
