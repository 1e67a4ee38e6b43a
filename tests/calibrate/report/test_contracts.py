"""The sections that kzcal brings along keep the contract of a section."""

import pytest

from kzcal import plugins
from kzcal.calibrate.report.page import own_sections
from kzcal.conditions.payload import Payload
from kzcal.geometry import load_detector
from kzcal.testing import ReportSectionContract
from kzcal.testing.payloads import example_calibration, example_diagnostics

OFFERED = plugins.load(installed=False).report_sections


class SectionCase(ReportSectionContract):
    """The contract with payloads that hold all that kzcal's own sections read."""

    def calibration(self) -> Payload:
        return example_calibration(load_detector())

    def diagnostics(self) -> Payload:
        return example_diagnostics(load_detector())


CASES = {name: type(name, (SectionCase,), {"component": OFFERED[name]}) for name in own_sections()}
LAWS = [name for name in dir(ReportSectionContract) if name.startswith("test_")]


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("name", CASES)
def test_every_own_section_keeps_its_contract(name: str, law: str):
    getattr(CASES[name](), law)()


def test_every_own_section_is_under_contract():
    assert set(CASES) == set(OFFERED)
    assert len(LAWS) == 6
