"""The global fit of a challenge period, against its truth and on a period without one.

Settings are what the makers of the data say of their detector. The targets are those that a fit
of such a period has to meet; nothing is tuned to the truth.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from kzcal.conditions.database import Database
from kzcal.conditions.quantities import is_good

ROOT = Path(__file__).parents[2]
CHALLENGE = Path(os.environ.get("KZCAL_CHALLENGE", ROOT.parent / "shared" / "challenge"))
SETTINGS = ROOT / "benchmarks" / "challenge" / "fit.toml"
pytestmark = [
    pytest.mark.challenge,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (CHALLENGE / "period_A_truth.h5").is_file(),
        reason=f"no challenge data in {CHALLENGE}: name their directory in $KZCAL_CHALLENGE",
    ),
]
TARGETS = {
    "light_yield": 0.01,
    "absorption_scale": 0.03,
    "scattering_scale": 0.06,
    "decay_scale": 0.007,
    "birks_mm_per_mev": 0.06,
    "late_fraction": 0.10,
    "time_walk": 0.10,
}
"""Largest relative errors."""


def truth() -> dict[str, float]:
    """Light yield times mean efficiency of the 17-inch tubes, and the other scales."""
    with h5py.File(CHALLENGE / "period_A_truth.h5") as file:
        small = (file["status"][:] == 0) & (np.arange(1879) < 1325)
        return {
            "light_yield": float(file["light_yield"][()] * file["qe"][:][small].mean()),
            "absorption_scale": float(file["abs_scale"][()]),
            "scattering_scale": float(file["scat_scale"][()]),
            "decay_scale": float(file["tau_scale"][()]),
            "birks_mm_per_mev": float(file["kb_mm"][()]),
            "late_fraction": float(file["late_p"][()]),
            "time_walk": float(file["walk"][()]),
        }


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What ``kzcal fit`` says of period A, as JSON."""
    directory = tmp_path_factory.mktemp("fit")
    db = directory / "kz.db"
    Database.init(db).close()
    words = ["fit", CHALLENGE / "period_A.h5", "--db", db, "--tag", "full", "--json"]
    words += ["--parameters", SETTINGS, "--out", directory / "page"]
    code = "from kzcal.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    assert (directory / "page" / "fit.html").is_file()
    return {**json.loads(done.stdout), "db": db}


def test_the_levels_settle(fitted: dict):
    assert fitted["settled"]
    assert fitted["rounds"] >= 2


ALIKE = "decay times, late light and scattering look alike (docs/global_fit_times.md)"
MISSED = {
    "decay_scale": pytest.mark.xfail(reason=ALIKE, strict=True),
    # 10.0 % off with an error of 28 %: what differs between processors decides.
    "late_fraction": pytest.mark.xfail(reason=ALIKE, strict=False),
}
"""Targets that are not met, and why."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=MISSED.get(name, ())) for name in TARGETS]
)
def test_every_parameter_is_near_its_truth(fitted: dict, name: str):
    assert abs(fitted["parameters"][name]["value"] / truth()[name] - 1) < TARGETS[name]


@pytest.mark.parametrize("name", TARGETS)
def test_every_error_is_honest(fitted: dict, name: str):
    found = fitted["parameters"][name]
    assert found["error"] > 0
    assert abs(found["value"] - truth()[name]) < 3 * found["error"]


@pytest.mark.parametrize("size", [17, 20])
def test_spreads_of_single_pmts_have_the_mean_that_was_fitted(fitted: dict, size: int):
    """Of the mean itself within 0.5 %, since PMTs differ; of the truth within three errors."""
    with Database.open(fitted["db"]) as db:
        run = next(iter(db.iovs("full"))).runs.first
        response = db.lookup("full", "pmt-response", run=run)
    with h5py.File(CHALLENGE / "period_A_truth.h5") as file:
        true, known = file["tts"][:], file["status"][:] == 0
        chosen = known & (file["pmt_type"][:] == size) & is_good(response)
    spread = np.sqrt((response.columns["tts"].values[chosen] ** 2).mean())
    mean = fitted["parameters"][f"tts_mean_{size}"]
    assert spread == pytest.approx(mean["value"], rel=5e-3)
    assert abs(spread - np.sqrt((true[chosen] ** 2).mean())) < 3 * mean["error"]


def test_every_term_is_described(fitted: dict):
    for name, term in fitted["terms"].items():
        assert term["deviance"] < 1.15 * term["bins"], name
