"""Files of candidates from files of events: what goes in comes out, and faults are named."""

import json

import h5py
import numpy as np
import pytest
from timelines import DETECTOR, S, as_events, muons_at, shower_run, singles_run, write_run

from kzcal.coincidence.build import build_candidates
from kzcal.coincidence.config import IbdSettings, SpallationSettings
from kzcal.errors import ConfigurationError, FileFormatError
from kzcal.io.candidates import CandidateFile, read_candidates


def built(runs, settings, out, **options):
    done = build_candidates(runs, settings, out, DETECTOR, **options)
    return done, read_candidates(out)


@pytest.fixture
def shower_file(tmp_path):
    events, muons = shower_run(3, n_muons=300, n_decays=200)
    return write_run(tmp_path / "run_1.h5", events, muons, seconds=86400)


@pytest.fixture
def singles_file(tmp_path):
    events = singles_run(3, rate=50.0, seconds=100.0, n_pairs=60)
    return write_run(tmp_path / "run_2.h5", events, run=2, seconds=100)


def same(one, other):
    for group in ("columns", "points", "truth", "members"):
        ours, theirs = getattr(one, group), getattr(other, group)
        assert set(ours) == set(theirs)
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name])
    np.testing.assert_array_equal(one.offsets, other.offsets)


@pytest.mark.parametrize("per_block", [211, 1000])
def test_the_length_of_blocks_does_not_matter(shower_file, singles_file, tmp_path, per_block):
    for path, settings in (
        (shower_file, SpallationSettings()),
        (singles_file, IbdSettings(off_time=True, windows=7)),
    ):
        _, whole = built([path], settings, tmp_path / "a.h5")
        _, pieces = built([path], settings, tmp_path / "b.h5", events_per_block=per_block)
        assert len(whole) > 30
        same(whole, pieces)


def test_a_build_says_what_it_saw(shower_file, tmp_path):
    done, candidates = built([shower_file], SpallationSettings(), tmp_path / "a.h5")
    assert done.n_candidates == len(candidates)
    assert done.counts["captures near decays"] == candidates.offsets[-1]
    assert done.n_muons == 300
    assert done.per_day == pytest.approx(len(candidates))
    assert done.per_day_error == pytest.approx(np.sqrt(len(candidates)))
    with CandidateFile(tmp_path / "a.h5") as file:
        assert file.header.livetime_s == 86400
        assert json.loads(file._file.attrs["settings"])["look_back"] == 24.0


def test_windows_beyond_the_end_of_a_run_count_by_what_is_left_of_them(singles_file, tmp_path):
    settings = IbdSettings(off_time=True, windows=4, spacing=10e6)
    done, _ = built([singles_file], settings, tmp_path / "a.h5")
    assert done.windows == pytest.approx(0.9 + 0.8 + 0.7 + 0.6)
    rate = done.n_candidates / 100 / done.windows * 86400
    assert done.per_day == pytest.approx(rate)


def test_runs_do_not_pair_with_each_other_and_pairs_are_numbered_through(tmp_path):
    paths = []
    for run in (1, 2):
        events = singles_run(run, rate=50.0, seconds=50.0, n_pairs=40)
        paths.append(write_run(tmp_path / f"{run}.h5", events, run=run, seconds=50))
    _, both = built(paths, IbdSettings(), tmp_path / "a.h5")
    _, first = built(paths[:1], IbdSettings(), tmp_path / "b.h5")
    _, second = built(paths[1:], IbdSettings(), tmp_path / "c.h5")
    assert both.event.tolist() == list(range(len(first) + len(second)))
    assert both.run.tolist() == [1] * len(first) + [2] * len(second)
    expected = [*first.members["prompt"], *second.members["prompt"]]
    assert both.members["prompt"].tolist() == expected


def scores_of(path, events, seed):
    score = np.random.default_rng(seed).normal(size=len(events))
    rows = (f"{e},{s}" for e, s in zip(events.event, score.tolist(), strict=True))
    path.write_text("\n".join(["event,score", *rows]) + "\n")
    return dict(zip(events.event.tolist(), score, strict=True))


def test_scores_come_from_a_file_for_every_run(tmp_path):
    paths, files, score = [], [], {}
    for run in (1, 2):
        events = singles_run(run, rate=50.0, seconds=50.0, n_pairs=40)
        paths.append(write_run(tmp_path / f"{run}.h5", events, run=run))
        score[run] = scores_of(tmp_path / f"{run}.csv", events, run)
        files.append({"pid": tmp_path / f"{run}.csv"})
    options = {"scores": files, "events_per_block": 100}
    _, pairs = built(paths, IbdSettings(), tmp_path / "a.h5", **options)
    prompt = zip(pairs.run.tolist(), pairs.members["prompt"].tolist(), strict=True)
    expected = np.array([score[run][number] for run, number in prompt], np.float32)
    np.testing.assert_array_equal(pairs.columns["pid"], expected)
    with pytest.raises(ConfigurationError, match=r"for every run .2. under each name, got 1"):
        built(paths, IbdSettings(), tmp_path / "b.h5", scores=files[:1])
    swapped = {"scores": files[::-1]}
    with pytest.raises(FileFormatError, match=r"2\.csv: .*in the order of the event file"):
        built(paths, IbdSettings(), tmp_path / "b.h5", **swapped)
    assert not (tmp_path / "b.h5").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda lines: [*lines, "999999,0.5"], "got more, '999999,0.5': score the same file"),
        (lambda lines: lines[:-1], "got others for the"),
        (lambda lines: ["number,score", *lines[1:]], "begins with event,score, got 'number,scor"),
        (lambda lines: [*lines[:-1], lines[-1] + "x"], "readable text of numbers, got: could not"),
        (lambda lines: [*lines[:-1], lines[-1].split(",")[0] + ",nan"], "with finite scores"),
    ],
)
def test_scores_of_another_file_are_refused(singles_file, tmp_path, change, says):
    events = singles_run(3, rate=50.0, seconds=100.0, n_pairs=60)
    path = tmp_path / "s.csv"
    scores_of(path, events, 1)
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")
    with pytest.raises(FileFormatError, match=says):
        built([singles_file], IbdSettings(), tmp_path / "a.h5", scores=[{"pid": path}])


def test_a_run_without_events_gives_a_file_without_candidates(tmp_path):
    none = as_events([], np.zeros((0, 3)), 1.0)
    path = write_run(tmp_path / "r.h5", none, muons_at([5]), seconds=10)
    for settings, columns in ((SpallationSettings(), 7), (IbdSettings(), 6)):
        done, candidates = built([path], settings, tmp_path / "a.h5")
        assert done.n_candidates == len(candidates) == 0
        assert done.per_day == 0
        assert len(candidates.columns) == columns


def test_without_a_stated_livetime_it_is_that_from_the_first_event_to_the_last(tmp_path):
    events = as_events([3 * S, 8 * S], np.zeros((2, 3)), 2.5)
    path = write_run(tmp_path / "r.h5", events, muons_at([0]))
    done, _ = built([path], SpallationSettings(), tmp_path / "a.h5")
    assert done.livetime_s == 5


def test_runs_that_do_not_allow_it_are_refused(shower_file, singles_file, tmp_path):
    out = tmp_path / "a.h5"
    for runs, settings, says in (
        ([], IbdSettings(), "in at least one run, got none"),
        ([singles_file], SpallationSettings(), "after muons, got a run without muons"),
        ([shower_file, shower_file], IbdSettings(), "a run of its own, got run 1 twice"),
    ):
        with pytest.raises(ConfigurationError, match=says):
            build_candidates(runs, settings, out, DETECTOR)
    with pytest.raises(ConfigurationError, match="leave them out for spallation"):
        build_candidates([shower_file], SpallationSettings(), out, DETECTOR, scores=[{"p": out}])
    assert not out.exists()


def test_events_and_muons_out_of_time_order_are_refused(tmp_path):
    events = as_events([1 * S, 2 * S, 3 * S], np.zeros((3, 3)), 2.5)
    events.timestamp[:] = [2 * S, 1 * S, 3 * S]
    path = write_run(tmp_path / "r.h5", events, muons_at([0]), sample="a set")
    says = f"events/timestamp must ascend where .* got {S} ns after {2 * S} ns: sort the events"
    for per_block in (1, 10):
        with pytest.raises(FileFormatError, match=says):
            built([path], IbdSettings(), tmp_path / "a.h5", events_per_block=per_block)
    muons = muons_at([0, 5 * S])
    muons.timestamp[:] = [5 * S, 0]
    events.timestamp[:] = np.sort(events.timestamp)
    path = write_run(tmp_path / "q.h5", events, muons)
    with pytest.raises(FileFormatError, match=r"muons/timestamp must ascend .* sort the muons"):
        built([path], SpallationSettings(), tmp_path / "a.h5")


def test_a_run_of_another_detector_is_refused(shower_file, tmp_path):
    from kzcal.geometry import load_detector

    other = load_detector("kamland2-zen")
    with pytest.raises(ConfigurationError, match=r"must be of the detector .*: give --detector"):
        build_candidates([shower_file], SpallationSettings(), tmp_path / "a.h5", other)


@pytest.mark.parametrize("value", [-1.0, "two hours", np.nan])
def test_histories_last_for_a_positive_time(shower_file, tmp_path, value):
    with h5py.File(shower_file, "a") as file:
        file.attrs["history_s"] = value
    with pytest.raises(FileFormatError, match="'history_s' must be a positive number"):
        built([shower_file], SpallationSettings(), tmp_path / "a.h5")
