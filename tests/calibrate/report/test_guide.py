"""The example in docs/report.md is a plugin that keeps its contract."""

from pathlib import Path

import numpy as np

from kzcal import plugins
from kzcal.calibrate.report.page import own_sections
from kzcal.testing import ReportSectionContract

GUIDE = Path(__file__).parents[3] / "docs" / "report.md"


def test_the_example_of_the_guide_keeps_its_contract(tmp_path, calibration, detector):
    path = tmp_path / "loudest.py"
    path.write_text(GUIDE.read_text().partition("```python\n")[2].partition("```")[0])
    record = plugins.load([path], installed=False).report_sections["loudest-pmt"]
    subject = type("TestLoudest", (ReportSectionContract,), {"component": record})()
    laws = [name for name in dir(subject) if name.startswith("test_")]
    for law in laws:
        getattr(subject, law)()
    loudest = int(np.nanargmax(calibration.columns["dark_rate"].values))
    assert f"PMT {loudest} " in record.build().render(calibration, calibration, detector, None)


def test_the_guide_has_a_row_for_every_section():
    rows = [
        line.split("|")[1].strip().replace(" ", "-")
        for line in GUIDE.read_text().splitlines()
        if line.startswith("| ")
    ]
    assert rows[1:] == list(own_sections())
