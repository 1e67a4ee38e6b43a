"""Events of a Monte Carlo that shares no code with kzcal, reconstructed by kzcal.

The constants of the PMTs and the scales of the materials are those of the truth, so that it is
the light map and the fit that are judged. The benchmark that the documentation's figures come from
does it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHALLENGE = Path(os.environ.get("KZCAL_CHALLENGE", ROOT.parent / "shared" / "challenge"))
BENCHMARK = ROOT / "benchmarks" / "reconstruction.py"
pytestmark = [
    pytest.mark.challenge,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (CHALLENGE / "topology_train.h5").is_file(),
        reason=f"no challenge data in {CHALLENGE}: name their directory in $KZCAL_CHALLENGE",
    ),
]
POINT_LIKE = ("challenge, bb", "challenge, bi210")
"""Electrons, whose light comes from one point at one time."""


@pytest.fixture(scope="module")
def rows():
    words = [sys.executable, BENCHMARK, "--no-own", "--json", "--events", 250, "--threads", 1]
    words += ["--challenge", CHALLENGE]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(
        [str(word) for word in words], env=environment, capture_output=True, text=True, check=True
    )
    return {row["name"]: row for row in json.loads(done.stdout)}


def test_every_event_is_found(rows):
    assert {row["n"] for row in rows.values()} == {250}


@pytest.mark.parametrize("name", POINT_LIKE)
def test_resolutions_are_those_of_its_light(rows, name):
    """6.7 %, and the 16 cm of the simulated detector times 1.25 for two thirds of its light."""
    assert rows[name]["energy_resolution"] < 0.067
    assert rows[name]["vertex_resolution"] < 1.25 * 0.160


@pytest.mark.parametrize("name", POINT_LIKE)
def test_errors_are_what_they_say(rows, name):
    vertex, energy, _ = rows[name]["pulls"]
    assert 0.85 < vertex < 1.15
    assert 0.8 < energy < 1.2


def test_the_radius_is_not_biased(rows):
    """2 cm inside 5.5 m; 210Bi and 214Po, of half an MeV, by their statistical errors more."""
    for name in ("bb", "bi214", "nH"):
        assert abs(rows[f"challenge, {name}"]["radius_bias"]) < 0.02
    for name in ("bi210", "po214"):
        assert abs(rows[f"challenge, {name}"]["radius_bias"]) < 0.04
