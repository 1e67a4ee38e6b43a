"""Closure: biases and pulls of a calibration that is off by a known amount."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kzcal.calibrate.closure import Truth, closures, draw_pulls, found, write_truth
from kzcal.calibrate.demo import draw_truth
from kzcal.conditions.payload import Column, Lineage, Payload
from kzcal.conditions.quantities import QUANTITIES
from kzcal.geometry import load_detector

DETECTOR = load_detector()
MADE = draw_truth(DETECTOR, seed=5)
TRUTH = Truth.of(MADE, DETECTOR)
ERROR = 0.02


def calibrated(*, shift: float = 0.0, noise: float = 1.0, seed: int = 1) -> Payload:
    """The truth with Gaussian errors, and stated ones of ``ERROR``."""
    generator = np.random.default_rng(seed)
    columns = {"status": Column(TRUTH.status, "", "status")}
    dead = TRUTH.status == "dead"
    for quantity in QUANTITIES:
        true = TRUTH.constants[quantity.name]
        values = true + shift + noise * ERROR * generator.standard_normal(len(true))
        values, errors = (np.where(dead, np.nan, v) for v in (values, np.full(len(true), ERROR)))
        columns[quantity.name] = Column(values, quantity.unit, quantity.doc, errors)
    return Payload("pmt-response", columns, None, Lineage())


def test_honest_errors_give_pulls_of_width_one():
    """Twelve widths with a stated error each: none off by 4 of them, 1 in 1300 by chance."""
    rows = closures(calibrated(), TRUTH, DETECTOR)
    assert [(row.name, row.diameter) for row in rows[:3]] == [("qe", 17), ("qe", 20), ("gain", 17)]
    assert len(rows) == 12
    for row in rows:
        assert abs(row.pull_width - 1) < 4 * row.pull_width_error
        assert abs(row.bias) < 4 * 1.26 * ERROR / row.n**0.5
        assert row.error == pytest.approx(ERROR)
    assert sum(row.n for row in rows[:2]) == int((TRUTH.status == "good").sum())


def test_the_error_of_a_width_is_what_widths_scatter_by():
    """Sixty calibrations: the scatter of a width, known to 9 %, within 30 % of the stated."""
    rows = [closures(calibrated(seed=s), TRUTH, DETECTOR)[0] for s in range(60)]
    scatter = np.std([row.pull_width for row in rows])
    assert scatter == pytest.approx(rows[0].pull_width_error, rel=0.3)


def test_a_shift_is_a_bias_and_too_small_errors_are_wide_pulls():
    rows = closures(calibrated(shift=0.3, noise=2.0), TRUTH, DETECTOR)
    assert all(abs(row.bias - 0.3) < 0.02 for row in rows)
    assert all(1.6 < row.pull_width < 2.4 for row in rows)


def test_truth_follows_the_conventions_of_a_calibration():
    good = TRUTH.status == "good"
    for diameter in (17, 20):
        rows = good & (DETECTOR.diameter_inch == diameter)
        assert TRUTH.constants["qe"][rows].mean() == pytest.approx(1.0)
    assert TRUTH.constants["time_offset"][good].mean() == pytest.approx(0.0, abs=1e-12)
    passing = TRUTH.constants["dark_rate"] / MADE.dark_rate
    assert 0.8 < passing.min() < passing.max() < 0.99


def test_channels_are_counted_by_what_they_are():
    response = calibrated()
    assert found(response, TRUTH) == {
        "dead": (40, 40),
        "good": (1831, 1831),
        "hot": (6, 6),
        "swapped": (2, 2),
    }
    status = TRUTH.status.copy()
    status[np.flatnonzero(status == "hot")[:2]] = "good"
    columns = {**response.columns, "status": Column(status, "", "status")}
    assert found(replace(response, columns=columns), TRUTH)["hot"] == (4, 6)


def test_truth_is_written_to_the_last_bit(tmp_path: Path):
    path = tmp_path / "truth.csv"
    write_truth(TRUTH, path)
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["pmt"]) for row in rows] == list(range(DETECTOR.n_pmt))
    assert [row["status"] for row in rows] == TRUTH.status.tolist()
    assert [float(row["tts"]) for row in rows] == TRUTH.constants["tts"].tolist()


def test_pulls_are_drawn(tmp_path: Path):
    path = tmp_path / "pulls.png"
    draw_pulls(calibrated(), TRUTH, DETECTOR, path)
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 500
