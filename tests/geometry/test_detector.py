"""Detector descriptions: what a file gives, what it may not say."""

import time

import numpy as np
import pytest

from kzcal.baseline import baseline_directory
from kzcal.errors import DetectorError
from kzcal.geometry import load_detector


@pytest.fixture
def copy_with(tmp_path):
    """A copy of the KamLAND-Zen 800 file with one text replaced."""
    text = (baseline_directory() / "detectors/kamland-zen-800.toml").read_text()

    def write(old, new):
        assert old in text
        path = tmp_path / "mine.toml"
        path.write_text(text.replace(old, new, 1))
        return path

    return write


def test_kamland_zen_800_by_default():
    detector = load_detector()
    assert detector.name == "KamLAND-Zen 800"
    assert detector.n_pmt == 1879
    assert detector.scintillator_radius == 6.5
    np.testing.assert_allclose(np.linalg.norm(detector.positions, axis=1), 8.5, rtol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(detector.directions, axis=1), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(
        detector.aperture_radius, np.where(detector.diameter_inch == 17, 0.216, 0.254)
    )
    assert detector.photocoverage == pytest.approx(0.3376, abs=5e-5)
    assert detector.light_gain.total == 1.0


def test_media_fill_the_detector_from_the_centre_outwards():
    media = load_detector().media
    assert [m.inner_radius_m for m in media] == [0.0, 1.92, 6.5]
    assert [m.outer_radius_m for m in media] == [1.92, 6.5, 9.0]
    assert [m.material for m in media] == ["xenon_scintillator", "scintillator", "mineral_oil"]


def test_kamland2_zen_detects_4_79_times_the_light():
    gain = load_detector("kamland2-zen").light_gain
    assert (gain.collectors, gain.light_yield, gain.quantum_efficiency) == (1.8, 1.4, 1.9)
    assert gain.total == pytest.approx(4.79, abs=0.005)


def test_overrides_change_what_they_name_and_the_digest():
    plain = load_detector()
    other = load_detector(pmt_radius=8.3, aperture_radius_17=0.218, aperture_radius_20=0.230)
    np.testing.assert_allclose(other.positions / 8.3, plain.positions / 8.5, rtol=1e-12)
    assert set(other.aperture_radius[:1325]) == {0.218}
    assert set(other.aperture_radius[1325:]) == {0.230}
    assert other.photocoverage == pytest.approx(0.335, abs=5e-4)
    assert other.digest != plain.digest


def test_digest_is_that_of_the_content_not_of_the_comments(copy_with):
    assert load_detector(copy_with("# From the", "# from the")).digest == load_detector().digest
    assert load_detector(copy_with("0.216", "0.217")).digest != load_detector().digest
    assert load_detector(aperture_radius_17=0.216).digest == load_detector().digest


def test_unknown_name_lists_the_choices():
    with pytest.raises(
        DetectorError, match="got 'kamland': choose from kamland-zen-800, kamland2"
    ):
        load_detector("kamland")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("pmt_radius_m", "pmt_radius", "unknown key 'pmt_radius' .*valid are .*'pmt_radius_m'"),
        ("17-inch = 0.216", "", "missing key '17-inch'"),
        ("17-inch = 0.216", "17-inch = -0.2", "17-inch must be a positive number, got -0.2"),
        ("= 8.50", "= nan", "pmt_radius_m must be a positive number, got nan"),
        ("= 8.50", "= true", "pmt_radius_m must be a positive number, got True"),
        ("= 8.50", "= 6.4", "pmt_radius_m must lie between .*got 6.4"),
        ("= 8.50", "= ", "must be TOML"),
        ("kamland-rhombi", "hexagons", "layout must be one of kamland-rhombi, got 'hexagons'"),
        ('name = "KamLAND-Zen 800"', "name = 800", "name must be a text"),
        ("scintillator_radius_m = 6.50", "scintillator_radius_m = 6", "where a medium ends"),
        (
            "outer_radius_m = 1.92",
            "outer_radius_m = 6.6",
            "media go outwards, got .*6.5 after 6.6",
        ),
        ("sites = [[7, 7]]", "sites = [[7, 8]]", r"got \(7, 8\)"),
        ("sites = [[7, 7]]", "sites = [[7]]", "sites are pairs"),
        ('panel = "bottom"', 'panel = "side"', "got 'side': choose from"),
        ("[[media]]", "[media]", "must be TOML"),
        ("[aperture_radius_m]", "[light_gain]\ncolor = 2\n[aperture_radius_m]", "key 'color'"),
    ],
)
def test_a_wrong_key_or_value_is_named(copy_with, old, new, says):
    with pytest.raises(DetectorError, match=says):
        load_detector(copy_with(old, new))


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(DetectorError, match=r"must be readable, got .*absent.toml: No such file"):
        load_detector(tmp_path / "absent.toml")


def test_building_a_detector_takes_less_than_20_ms():
    load_detector()
    times = []
    for _ in range(5):
        start = time.process_time()
        load_detector()
        times.append(time.process_time() - start)
    assert min(times) < 0.020
