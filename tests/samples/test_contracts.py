"""The samples that kzcal brings along keep the contract of a sample."""

import pytest

from kzcal import plugins
from kzcal.testing import SampleContract, synthetic_run

OFFERED = plugins.load(installed=False).samples


class TestForced(SampleContract):
    component = OFFERED["forced"]


class TestPhysics(SampleContract):
    component = OFFERED["physics"]


class TestNeutronCapture(SampleContract):
    component = OFFERED["neutron-capture"]


class TestPo210(SampleContract):
    component = OFFERED["po210"]


class TestC11(SampleContract):
    component = OFFERED["c11"]


def test_every_built_in_sample_is_under_contract():
    cases = [TestForced, TestPhysics, TestNeutronCapture, TestPo210, TestC11]
    assert {case.component.name for case in cases} == set(OFFERED)


@pytest.mark.parametrize("name", OFFERED)
def test_every_sample_finds_events_in_the_synthetic_run(name: str):
    run = synthetic_run()
    selected = OFFERED[name].build().select(run.table, run.muons, run.header, run.detector)
    assert selected.rows.sum() > 100
    assert selected.purity > 0.5
