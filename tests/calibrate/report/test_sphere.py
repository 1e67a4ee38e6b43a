"""Maps of the sphere: the projection, the marks and what they say."""

import re

import numpy as np
import pytest

from kzcal.calibrate.report.sections.maps import constant_map, status_map
from kzcal.calibrate.report.sphere import HEIGHT, MARGIN, WIDTH, hammer, place


def test_corners_of_the_projection():
    longitude = np.array([0.0, np.pi, -np.pi, 0.0, 0.0])
    latitude = np.array([0.0, 0.0, 0.0, np.pi / 2, -np.pi / 2])
    corners = [[0, 0], [1, 0], [-1, 0], [0, 0.5], [0, -0.5]]
    assert hammer(longitude, latitude) == pytest.approx(np.array(corners), abs=1e-9)


def test_equal_areas_stay_equal():
    generator = np.random.default_rng(1)
    longitude = generator.uniform(-3.0, 3.0, 200)
    latitude = np.arcsin(generator.uniform(-0.95, 0.95, 200))
    step = 1e-5
    along = hammer(longitude + step, latitude) - hammer(longitude - step, latitude)
    up = hammer(longitude, latitude + step) - hammer(longitude, latitude - step)
    area = np.abs(along[:, 0] * up[:, 1] - along[:, 1] * up[:, 0]) / (2 * step) ** 2
    assert area / np.cos(latitude) == pytest.approx(1 / 8, rel=1e-6)


def test_every_pmt_lies_on_the_ellipse(detector):
    x, y = (place(detector.directions) - MARGIN).T
    inside = ((x - WIDTH / 2) / (WIDTH / 2)) ** 2 + ((y - HEIGHT / 2) / (HEIGHT / 2)) ** 2
    assert inside.max() <= 1 + 1e-9
    assert place(np.array([[0.0, 0.0, 1.0]]))[0, 1] == pytest.approx(MARGIN)


def marks(svg: str) -> dict[int, tuple[str, str, str]]:
    """Element, its attributes and its title by cable number."""
    pattern = r"<(circle|rect|path)([^>]*)><title>PMT (\d+) ([^<]*)</title>"
    return {int(pmt): (tag, given, text) for tag, given, pmt, text in re.findall(pattern, svg)}


def test_a_map_marks_every_pmt_by_type_and_crosses_the_bad_ones(calibration, detector):
    found = marks(constant_map(calibration, detector, "qe").svg())
    status = calibration.columns["status"].values
    assert sorted(found) == list(range(detector.n_pmt))
    for pmt, (tag, _, _) in found.items():
        shapes = {17: "circle", 20: "rect"}
        good = status[pmt] == "good"
        assert tag == (shapes[detector.diameter_inch[pmt]] if good else "path")


def test_a_mark_tells_the_value_and_its_error(calibration, detector, changed):
    values = calibration.columns["time_offset"].values.copy()
    values[5] = -1.25
    calibration = changed(calibration, time_offset=values)
    error = calibration.columns["time_offset"].errors[5]
    _, _, text = marks(constant_map(calibration, detector, "time_offset").svg())[5]
    assert text == f"(17-inch): −1.250 ± {error:.3f}"


def test_colours_run_from_low_to_high_about_the_median_of_the_type(calibration, detector, changed):
    values = np.where(detector.diameter_inch == 20, 2.0, 1.0)
    values[:10] += np.linspace(-0.5, 0.5, 10)
    tts = changed(calibration, tts=values)
    found = marks(constant_map(tts, detector, "tts").svg())
    colour = {pmt: re.search('fill="(#......)"', given) for pmt, (_, given, _) in found.items()}
    low, middle, high, large = (colour[pmt].group(1) for pmt in (0, 500, 9, 1500))
    assert middle == large == "#dddcdc"
    assert int(low[5:7], 16) > int(low[1:3], 16)
    assert int(high[1:3], 16) > int(high[5:7], 16)


def test_the_status_map_tells_every_reason(calibration, detector):
    svg = status_map(calibration, detector).svg()
    reasons = calibration.columns["reason"].values
    for pmt in np.flatnonzero(reasons != ""):
        assert marks(svg)[int(pmt)][2].endswith(str(reasons[pmt]))
    assert "swapped (2)" in svg
    assert "good (1874)" in svg
