"""What a training of candidates learns from, and how they are scored."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from spreading import SPREADING
from tallying import TALLYING

from kzcal.candidates import SPALLATION
from kzcal.classify import score as scoring
from kzcal.classify.candidates import LabelledCandidates, gather_candidates
from kzcal.classify.config import CandidateConfig, ClassifierConfig, config_type
from kzcal.classify.matching import matching_weights
from kzcal.classify.material import resampled
from kzcal.classify.score import score_candidates
from kzcal.errors import ConfigurationError, FileFormatError, TrainingError
from kzcal.geometry import load_detector
from kzcal.io.candidates import CandidateFile, CandidateHeader
from kzcal.io.candidates_writer import write_candidates
from kzcal.io.scores import read_scores
from kzcal.testing import synthetic_candidates

N = 600
CANDIDATES, SIGNAL = synthetic_candidates(SPALLATION, N)
DETECTOR = load_detector("kamland-zen-800")


def numbered(candidates=CANDIDATES, **truth):
    """Candidates whose energies are their rows."""
    rows = np.arange(len(candidates), dtype=np.float32)
    columns = {**candidates.columns, "energy": rows}
    return replace(candidates, columns=columns, truth={**candidates.truth, **truth})


def gathered(tmp_path, *parts, **settings):
    files = [LabelledCandidates(tmp_path / f"{i}.h5", one, "0") for i, one in enumerate(parts)]
    config = CandidateConfig(**{"held_out": 0.4, **settings})
    kinds = ["xe136"], ["long-lived"]
    return gather_candidates(files, *kinds, DETECTOR, config, torch.device("cpu"))


def rows_of(candidates):
    return candidates.columns["energy"].astype(int)


def test_decays_of_one_parent_are_on_one_side(tmp_path):
    """Of the training and the events held out."""
    group = np.where(SIGNAL, -1, np.arange(N) // 20)
    material = gathered(tmp_path, numbered(group=group))
    learned = set(group[rows_of(material.task.candidates)[~material.task.signal]])
    judged = set(group[rows_of(material.events)[~material.signal]])
    assert len(learned) > 5
    assert len(judged) > 5
    assert not learned & judged
    assert len(set(rows_of(material.events))) + len(material.task.signal) == N


def test_files_are_joined_and_their_truth_is_gone(tmp_path):
    second, _ = synthetic_candidates(SPALLATION, 200, seed=3)
    second = replace(second, truth={"kind": second.truth["kind"]})
    material = gathered(tmp_path, CANDIDATES, second)
    assert len(material.task.candidates) + len(material.events) == N + 200
    for one in (material.task.candidates, material.events):
        assert not one.truth, "nothing can be learned from the truth"
        assert not one.members
    one = material.task.candidates
    assert len(one.points["dt"]) == one.counts.sum()
    lacking = replace(second, columns={"energy": second.columns["energy"]})
    with pytest.raises(ConfigurationError, match="to be joined must have"):
        gathered(tmp_path, CANDIDATES, lacking)


def test_the_lag_alone_is_told_and_only_of_those_to_learn_from(tmp_path):
    """Not a number where a file does not know it."""
    lag = np.where(SIGNAL, np.nan, np.arange(N) + 1.0)
    second, _ = synthetic_candidates(SPALLATION, 200, seed=3)
    material = gathered(tmp_path, numbered(lag=lag), numbered(second))
    task = material.task
    assert set(task.candidates.truth) == {"lag"}
    told = task.candidates.truth["lag"]
    assert np.isnan(told[task.signal]).all()
    known = np.isfinite(told)
    assert 100 < known.sum() < (~task.signal).sum(), "the second file has none"
    assert np.array_equal(told[known], lag[rows_of(task.candidates)[known]])
    assert not material.events.truth
    drawn = resampled(material, 5, "none").task.candidates
    known = np.isfinite(drawn.truth["lag"])
    assert np.array_equal(drawn.truth["lag"][known], lag[rows_of(drawn)[known]])


def test_a_limit_on_those_held_out_parts_no_group(tmp_path):
    """Where fewer than the share are judged, whole groups go back to those learned from."""
    group = np.where(SIGNAL, -1, np.arange(N) // 20)
    material = gathered(tmp_path, numbered(group=group), most_held_out=120)
    learned, judged = (group[rows_of(c)] for c in (material.task.candidates, material.events))
    assert 80 < len(judged) <= 120
    assert not set(learned[learned >= 0]) & set(judged[judged >= 0])


def test_the_end_of_each_kind_can_be_set_aside(tmp_path):
    material = gathered(tmp_path, numbered(), set_aside=0.25)
    seen = np.concatenate([rows_of(material.task.candidates), rows_of(material.events)])
    assert sorted(seen) == list(range(N * 3 // 4))


def test_no_group_has_a_member_set_aside_and_another_that_takes_part(tmp_path):
    """Members are spread over the whole file."""
    group = np.where(SIGNAL, -1, np.arange(N) % 240)
    material = gathered(tmp_path, numbered(group=group), set_aside=0.25)
    seen = np.concatenate([rows_of(material.task.candidates), rows_of(material.events)])
    aside = np.flatnonzero(~SIGNAL)[-75:]
    assert aside.min() == 451
    left = np.setdiff1d(np.flatnonzero(~SIGNAL), seen)
    assert np.array_equal(left, np.flatnonzero(~SIGNAL & np.isin(group, group[aside])))
    assert len(left) > 2 * len(aside), "others of their groups, too"
    assert sorted(seen[SIGNAL[seen]]) == list(range(0, 450, 2)), "without a group, one by one"


def test_a_resampling_draws_candidates_with_their_points(tmp_path):
    material = gathered(tmp_path, numbered())
    drawn = resampled(material, 5, "none").task
    rows = rows_of(drawn.candidates)
    assert len(rows) == len(material.task.signal)
    assert len(set(rows)) < 0.8 * len(rows)
    assert np.array_equal(drawn.candidates.counts, CANDIDATES.counts[rows])
    assert np.array_equal(drawn.signal, SIGNAL[rows])


def test_too_few_and_unknown_kinds_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="20 to judge by"):
        gathered(tmp_path, CANDIDATES.take(np.arange(40)))
    with pytest.raises(ConfigurationError, match="and 0 of xe136: give more"):
        gathered(tmp_path, CANDIDATES, match="energy", held_out=1e-9)
    with pytest.raises(ConfigurationError, match=r"no truth/kind in .*0\.h5"):
        gathered(tmp_path, replace(CANDIDATES, truth={}))


def test_the_energy_can_be_made_alike():
    shifted = np.where(SIGNAL, 0.3, 0.0) + CANDIDATES.columns["energy"]
    energies = shifted.astype(np.float32)
    candidates = replace(CANDIDATES, columns={"energy": energies})
    weight = matching_weights(candidates, SIGNAL, "energy")
    means = [np.average(energies[c], weights=weight[c]) for c in (SIGNAL, ~SIGNAL)]
    # 300 energies of either class, 0.29 MeV wide: means differ by 0.023.
    assert abs(means[0] - means[1]) < 0.05
    for match, given in (("nhit", candidates), ("energy", replace(candidates, columns={}))):
        with pytest.raises(ConfigurationError, match="by a column energy or not at all"):
            matching_weights(given, SIGNAL, match)


def test_settings_are_those_of_what_a_classifier_takes():
    assert config_type(SPREADING) is ClassifierConfig
    assert config_type(TALLYING)().match == "none"


class Farthest:
    """Scores by the sum of distances, and says how many candidates it saw at once."""

    def __init__(self):
        self.seen = []

    def score(self, candidates):
        assert not candidates.truth, "what is scored says nothing of what it is"
        self.seen.append(len(candidates))
        whole = np.append(np.cumsum(candidates.points["distance"].astype(float)), 0.0)
        ends = whole[candidates.offsets - 1]
        return np.round(ends[1:] - ends[:-1], 3)


def test_every_candidate_is_scored_in_parts_as_at_once(tmp_path, monkeypatch):
    write_candidates(tmp_path / "c.h5", CANDIDATES, CandidateHeader(SPALLATION, "d"))
    found, advanced = [], []
    for at_once in (10**6, 100):
        monkeypatch.setattr(scoring, "POINTS_AT_ONCE", at_once)
        classifier, out = Farthest(), tmp_path / f"{at_once}.csv"
        with CandidateFile(tmp_path / "c.h5") as file:
            done = score_candidates(classifier, file, out, advance=advanced.append)
        assert (done.n_events, done.n_scored) == (N, N)
        found.append(read_scores(out, CANDIDATES.event))
    assert len(classifier.seen) > 10
    np.testing.assert_allclose(found[0], found[1], atol=2e-3)
    assert np.ptp(found[0]) > 1.0
    assert sum(advanced) == 2 * N


@pytest.mark.parametrize("bytes_left", [0, 100, 3000])
def test_a_damaged_file_is_not_taken_for_one_of_events(tmp_path, bytes_left):
    path = tmp_path / "c.h5"
    write_candidates(path, CANDIDATES, CandidateHeader(SPALLATION, "d"))
    LabelledCandidates.read(path, TALLYING)
    path.write_bytes(path.read_bytes()[:bytes_left])
    with pytest.raises(FileFormatError, match=r"cannot be empty|truncated or damaged"):
        LabelledCandidates.read(path, TALLYING)


def test_a_score_that_is_no_number_is_refused(tmp_path):
    class Lost:
        def score(self, candidates):
            return np.full(len(candidates), np.nan)

    write_candidates(tmp_path / "c.h5", CANDIDATES, CandidateHeader(SPALLATION, "d"))
    with (
        CandidateFile(tmp_path / "c.h5") as file,
        pytest.raises(TrainingError, match=f"got nan for event {CANDIDATES.event[0]}"),
    ):
        score_candidates(Lost(), file, tmp_path / "s.csv")
    assert not (tmp_path / "s.csv").exists()
