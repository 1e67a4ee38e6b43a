"""Laws of the studies: what is the same gives the same, and what is worse gets more."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from spreading import Spreading
from study_bench import bench

from kzcal.errors import ConfigurationError
from kzcal.plugins import load
from kzcal.study.conditions import SHARES, study_conditions
from kzcal.study.config import StudyConfig
from kzcal.study.gammas import GammaSet, chosen, sets_of, study_gammas, training_set
from kzcal.study.isotopes import study_isotopes, verdict
from kzcal.study.multisite import BETWEEN, MULTI, SINGLE, gammas, study_multisite
from kzcal.study.ranks import Correlations

SOURCES = load(installed=False).sources
CONFIG = StudyConfig(n=60)


def nothing(_amount: float) -> None:
    """No progress is shown."""


def test_the_same_detector_as_a_replica_changes_nothing():
    one = bench()
    background = "bi214", SOURCES["bi214"].prepare()
    found = study_conditions(one, background, [one.simulation], CONFIG, nothing).numbers
    (replica,), untouched = found["replicas"], found["dead"][0]
    assert replica["rejected"] == found["rejection"] == untouched["rejected"]
    assert replica["rejected_anew"] == replica["rejected"]
    assert replica["accepted"] == pytest.approx(0.9, abs=1 / CONFIG.n)
    assert len(found["dead"]) == len(SHARES)
    # One replica has no spread.
    assert found["systematic"] is None


def test_isotopes_come_with_what_they_are_and_rare_ones_are_named():
    names = ("tc96", "y88", "i124", "bi214", "bi210")
    records = {name: SOURCES[name] for name in names}
    found = study_isotopes(bench(), records, names, CONFIG, nothing)
    rows = found.numbers["isotopes"]
    assert {row["name"] for row in rows} == set(names[:-1])
    assert found.numbers["left_out"] == ["bi210"]
    assert "bi210" in found.verdict
    assert [row["rejection"] for row in rows] == sorted(row["rejection"] for row in rows)
    (tc96,) = (row for row in rows if row["name"] == "tc96")
    assert tc96["q_value"] == pytest.approx(2.973, abs=0.001)


def test_too_few_isotopes_are_refused():
    records = {"tc96": SOURCES["tc96"]}
    with pytest.raises(ConfigurationError, match="correlations need 4 isotopes, got 1"):
        study_isotopes(bench(), records, ["tc96"], CONFIG, nothing)


@pytest.mark.parametrize(
    ("chance", "word"), [(0.97, "Confirmed"), (0.5, "Neither"), (0.01, "Refuted")]
)
def test_a_claim_is_judged_by_how_often_it_holds(chance: float, word: str):
    strongest = {
        "Q value": 1 - chance,
        "number of photons": 0.0,
        "mean photon energy": chance / 2,
        "mean gamma energy": chance / 2,
    }
    told = verdict(Correlations(strongest, strongest, strongest))
    assert told.startswith(word)


def test_two_classifiers_that_are_one_agree_and_opposite_ones_do_not():
    wide = replace(bench(), window=replace(bench().window, upper=3.2))
    events = gammas(wide, 200)
    kind = events.truth["kind"]
    assert set(np.unique(kind)) == {SINGLE, BETWEEN, MULTI}
    assert events.truth["rms"][kind == SINGLE].max() < events.truth["rms"][kind == BETWEEN].min()
    opposite = replace(wide, classifier=Spreading(torch.tensor([0.0, 1.0])))
    for second, correlation in ((wide, 1.0), (opposite, -1.0)):
        found = study_multisite(wide, events, second, CONFIG).numbers
        assert found["correlation"][0] == pytest.approx(correlation)
        first, other = (found["areas"][name][0] for name in ("first", "second"))
        assert other == pytest.approx(first if correlation > 0 else 1 - first)


def test_sets_share_their_energy_between_gammas_and_electron():
    sets = sets_of(2.4)
    assert all(one.number * one.energy + one.electron == pytest.approx(2.4) for one in sets)
    assert all(one.electron >= 0.1 for one in sets)
    with pytest.raises(ConfigurationError, match="a set has"):
        sets_of(0.35)


def test_a_training_set_has_most_of_what_is_rejected_worst():
    sets = [GammaSet(1, 0.3, 2.1, rejection=share) for share in (0.2, 0.6, 1.0)]
    numbers = chosen(sets, 1000)
    assert numbers == [667, 333, 0]
    assert sum(chosen(sets, 7)) == 7


def test_sets_are_mapped_and_mixed_for_a_training(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("kzcal.study.gammas.ENERGIES", (0.6, 2.0))
    monkeypatch.setattr("kzcal.study.gammas.NUMBERS", (1, 2))
    found, sets = study_gammas(bench(), CONFIG, nothing)
    assert [one.name for one in sets] == ["1 x 0.6 MeV", "1 x 2 MeV", "2 x 0.6 MeV"]
    assert len(found.numbers["sets"]) == 3
    events = training_set(bench(), sets, 90)
    assert len(events) == 90
    assert (events.truth["kind"] == b"gammas").all()
    assert (np.diff(events.timestamp) >= 0).all()
    assert np.array_equal(events.event, np.arange(90))
