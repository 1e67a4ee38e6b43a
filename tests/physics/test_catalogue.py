"""Everything that kzcal can simulate keeps the contract of a source."""

import inspect
import subprocess
import sys
from dataclasses import replace
from functools import cache

import pytest

from kzcal import plugins
from kzcal.physics.catalogue import STEPS
from kzcal.physics.decay_table import read_nuclides
from kzcal.testing import SourceContract

OFFERED = plugins.load(installed=False).sources
LAWS = [law for law, _ in inspect.getmembers(SourceContract, inspect.isfunction) if "test_" in law]
SPALLATION = """88y 90mzr 90nb 96tc 98rh 100rh 104ag 104mag 107in 108in 109sn 110in 110min 113sb
    114sb 115sb 115te 116sb 117te 118sb 119i 120i 121xe 122i 124i 124sb 125cs 126cs 128cs 130i
    132i 134i"""


def name_of(isotope: str) -> str:
    """90mzr is zr90m."""
    mass = isotope.rstrip("abcdefghijklmnopqrstuvwxyz")
    isomer, letters = "", isotope.removeprefix(mass)
    if letters.startswith("m"):
        isomer, letters = "m", letters[1:]
    return f"{letters}{mass}{isomer}"


@pytest.mark.parametrize("name", OFFERED)
def test_every_built_in_source_keeps_the_contract(name: str):
    record = replace(OFFERED[name], build=cache(OFFERED[name].build))
    subject = type("TestSubject", (SourceContract,), {"component": record})()
    assert len(LAWS) >= 8
    for law in LAWS:
        getattr(subject, law)()


def test_the_long_lived_spallation_isotopes_of_xenon_are_there():
    isotopes = SPALLATION.split()
    assert len(isotopes) == 32
    assert [i for i in isotopes if name_of(i) not in OFFERED] == []


def test_every_source_says_where_its_data_come_from_and_every_decay_has_its_q():
    for name, record in OFFERED.items():
        assert record.data, name
        assert record.options or record.q_value, name


@pytest.mark.parametrize("name", STEPS)
def test_a_chain_has_the_q_values_of_its_decays(name: str):
    before, after = read_nuclides(*STEPS[name])
    (branch,) = [b for b in before.branches if b.charge == after_charge(name)]
    assert OFFERED[name].q_value == pytest.approx(branch.q_value + after.q_value, rel=1e-9)


def after_charge(name: str) -> int:
    return {"bipo214": 84, "bipo212": 84, "ge68": 31}[name]


def test_listing_them_loads_no_heavy_library():
    code = (
        "import sys, kzcal.builtin; list(kzcal.builtin.kzcal_sources());"
        "print(sorted({'torch', 'scipy', 'numba', 'h5py'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_options_reach_the_source():
    gamma = OFFERED["gamma"].prepare({"energy": 2.2246})
    assert (gamma.energy, gamma.energy_to) == (2.2246, 0.0)
    assert OFFERED["gammas"].prepare({"energies": [1.0, 2.0]}).energies == (1.0, 2.0)
