import torch

from kzcal.baseline import baseline_directory
from kzcal.conditions.baseline_text import read_baseline
from kzcal.conditions.nominal import nominal_columns
from kzcal.conditions.payload import Lineage, Payload
from kzcal.geometry import load_detector
from kzcal.response.constants import response_from
from kzcal.response.nominal import read_nominal
from kzcal.response.shared import sharing

DETECTOR = load_detector()


def nominal():
    columns = nominal_columns(DETECTOR, read_baseline(baseline_directory()).constants)
    payload = Payload("pmt-response", columns, None, Lineage())
    return response_from(payload, DETECTOR, read_nominal())


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


def test_the_walk_is_that_of_the_fit():
    after = sharing(nominal(), DETECTOR, {"time_walk": 0.9})
    torch.testing.assert_close(after.walk, torch.full((DETECTOR.n_pmt,), 0.9))
