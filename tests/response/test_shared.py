from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kzcal.baseline import baseline_directory
from kzcal.conditions.baseline_text import read_baseline
from kzcal.conditions.nominal import nominal_columns
from kzcal.conditions.payload import Lineage, Payload
from kzcal.errors import ConfigurationError
from kzcal.geometry import load_detector
from kzcal.response.constants import response_from
from kzcal.response.nominal import read_nominal
from kzcal.response.shared import sharing

DETECTOR = load_detector()
NO_EARLY_PULSES = Path(__file__).parents[2] / "benchmarks" / "challenge" / "response.toml"


def nominal(text=None):
    columns = nominal_columns(DETECTOR, read_baseline(baseline_directory()).constants)
    payload = Payload("pmt-response", columns, None, Lineage())
    return response_from(payload, DETECTOR, read_nominal(text))


def test_without_a_fit_the_response_stays():
    before = nominal()
    after = sharing(before, DETECTOR, {})
    assert torch.equal(after.qe, before.qe)
    assert after.moved is before.moved
    assert after.late_share == before.late_share


def test_the_types_efficiency_is_that_of_the_fit():
    before = nominal()
    ratio = sharing(before, DETECTOR, {"efficiency_20": 0.8}).qe / before.qe
    wanted = torch.from_numpy(DETECTOR.diameter_inch == 20).float() * -0.2 + 1
    torch.testing.assert_close(ratio, wanted)


def test_late_light_of_the_fit_replaces_late_pulses_and_nothing_else():
    before = nominal()
    after = sharing(before, DETECTOR, {"late_fraction": 0.05, "late_delay": 33.0})
    assert (after.late_share, after.late_delay) == (0.05, 33.0)
    assert len(after.moved) == len(before.moved) - 1
    assert all(bool((stray.first < 0).any()) for stray in after.moved)
    assert after.added is before.added


def test_early_pulses_have_the_share_of_the_fit_and_their_own_delays():
    before = nominal()
    after = sharing(before, DETECTOR, {"early_fraction": 0.02})
    for one, other in zip(after.moved, before.moved, strict=True):
        is_early = bool((other.last <= 0).all())
        torch.testing.assert_close(
            one.share, torch.full_like(other.share, 0.02) if is_early else other.share
        )
        assert torch.equal(one.first, other.first)
    none = sharing(before, DETECTOR, {"early_fraction": 0.0})
    assert min(float(stray.share.max()) for stray in none.moved) == 0.0


def test_early_pulses_of_the_fit_are_not_lost_where_the_response_has_none():
    before = nominal(NO_EARLY_PULSES)
    with pytest.raises(ConfigurationError, match=r"early_fraction 0\.006 and a type without"):
        sharing(before, DETECTOR, {"early_fraction": 0.006})
    none = sharing(before, DETECTOR, {"early_fraction": 3e-5})
    assert len(none.moved) == len(before.moved)


def test_early_pulses_of_one_type_are_not_enough(tmp_path: Path):
    text = (baseline_directory() / "response.toml").read_text(encoding="utf-8")
    early_20 = text.rindex("[[20-inch.moved]]")
    only_17 = text[:early_20] + text[text.index("[[20-inch.added]]") :]
    (tmp_path / "response.toml").write_text(only_17, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="early pulses of every PMT type"):
        sharing(nominal(tmp_path / "response.toml"), DETECTOR, {"early_fraction": 0.006})


def test_late_light_of_the_fit_needs_no_late_pulses_in_the_response():
    before = nominal(NO_EARLY_PULSES)
    after = sharing(replace(before, moved=()), DETECTOR, {"late_fraction": 0.05})
    assert (after.late_share, after.late_delay) == (0.05, before.late_delay)


def test_the_walk_is_that_of_the_fit():
    after = sharing(nominal(), DETECTOR, {"time_walk": 0.9})
    torch.testing.assert_close(after.walk, torch.full((DETECTOR.n_pmt,), 0.9))
