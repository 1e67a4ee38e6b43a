import pytest

from kzcal.geometry import load_detector
from kzcal.geometry.adjusted import detector_at, scintillator, values_of

DETECTOR = load_detector()


def test_nominal_values_leave_the_detector_as_it_is():
    same = detector_at(DETECTOR, values_of(DETECTOR))
    assert same.media == DETECTOR.media
    assert same.light == DETECTOR.light


def test_birks_constants_keep_their_ratio():
    moved = detector_at(DETECTOR, {"birks_mm_per_mev": 0.1, "light_yield": 1.2})
    for new, old in zip(moved.media, DETECTOR.media, strict=True):
        ratio = 0.1 / scintillator(DETECTOR).birks_mm_per_mev
        assert new.birks_mm_per_mev == pytest.approx(old.birks_mm_per_mev * ratio)
        assert new.photons_per_mev == pytest.approx(1.2 * old.photons_per_mev)
    alphas = DETECTOR.light.alpha_birks_mm_per_mev * ratio
    assert moved.light.alpha_birks_mm_per_mev == pytest.approx(alphas)
