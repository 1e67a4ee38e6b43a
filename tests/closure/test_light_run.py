"""Runs of known light: same seed same run, errors of the reconstruction as asked for."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import truncnorm

from kzcal.calibrate.pulse_steps import GLOBAL_BOUNDS, GLOBAL_SIGMA, GLOBAL_START
from kzcal.closure.light_run import Resolution, constants, low_charges, shared, write_run
from kzcal.conditions.quantities import check_kind
from kzcal.geometry import load_detector
from kzcal.hits import Events
from kzcal.io.source import open_events
from kzcal.response.constants import response_from
from kzcal.response.nominal import read_nominal

NOMINAL = {"light_yield": 1.0, "cherenkov_scale": 0.0}
SCALE = 0.02


def run_of(path: Path, truth: dict[str, float], **changed: float) -> Events:
    """All events of a small run."""
    path.mkdir()
    resolution = Resolution(changed.get("vertex", 0.137), changed.get("t0", 0.35))
    write_run(path / "run.h5", path, truth, resolution, scale=SCALE, seed=3)
    with open_events(path / "run.h5", load_detector()) as source:
        (events,) = source.chunks(10**9)
        return events


@pytest.fixture(scope="module")
def nominal(tmp_path_factory: pytest.TempPathFactory) -> Events:
    return run_of(tmp_path_factory.mktemp("light") / "nominal", NOMINAL)


def test_the_same_truth_and_seed_give_the_same_run(nominal: Events, tmp_path: Path):
    again = run_of(tmp_path / "again", NOMINAL)
    assert again.hits.time.tobytes() == nominal.hits.time.tobytes()
    assert again.vertex.tobytes() == nominal.vertex.tobytes()


def test_twice_the_light_makes_more_hits_at_the_same_places(nominal: Events, tmp_path: Path):
    bright = run_of(tmp_path / "bright", {**NOMINAL, "light_yield": 1.3})
    assert bright.vertex.tobytes() == nominal.vertex.tobytes()
    far = nominal.physics & (nominal.truth["e_quenched"] > 1.0)
    ratio = bright.hits.counts[far].sum() / nominal.hits.counts[far].sum()
    # Of 1.3 times the light some falls on PMTs that are hit already.
    assert 1.15 < ratio < 1.3


def test_vertices_and_energies_err_as_asked_for(nominal: Events):
    physics = np.isfinite(nominal.energy)
    assert physics.sum() > 0.8 * nominal.physics.sum()
    true = np.stack([nominal.truth[axis] for axis in "xyz"], axis=1)[physics]
    energy = nominal.truth["e_quenched"][physics]
    pull = (nominal.vertex[physics] - true) * np.sqrt(3 * energy)[:, None] / 0.137
    # Three axes of n events: the width is known to sqrt(1 / 6n); four of them.
    assert pull.std() == pytest.approx(1, abs=4 / (6 * len(true)) ** 0.5)
    off = (nominal.energy[physics] - energy) / (0.067 * np.sqrt(energy))
    assert off.std() == pytest.approx(1, abs=4 / (2 * len(true)) ** 0.5)
    assert np.isnan(nominal.t0[nominal.forced]).all()


def test_emission_times_are_those_of_the_decays(nominal: Events, tmp_path: Path):
    exact = run_of(tmp_path / "exact", NOMINAL, vertex=1e-6, t0=1e-6)
    error = (nominal.t0 - exact.t0)[np.isfinite(nominal.t0)]
    assert error.std() == pytest.approx(0.35, rel=4 / (2 * len(error)) ** 0.5)
    # Alphas shine where and when they are born: their first hits follow the flight at once.
    alpha = np.flatnonzero(exact.truth["kind"] == b"po210")
    detector = load_detector()
    place = detector.directions * detector.pmt_radius
    first = []
    for row in alpha:
        hits = exact.hits[row : row + 1]
        flight = np.linalg.norm(place[hits.pmt] - exact.vertex[row], axis=1) / 0.196
        late = hits.time - flight - exact.t0[row]
        first.append(np.median(late[np.abs(late) < 60]))
    assert -2 < np.median(first) < 12


def test_constants_have_the_means_that_the_truth_gives():
    detector = load_detector()
    payload = constants(detector, {"tts_mean_17": 1.4, "tts_mean_20": 2.2}, seed=2)
    check_kind(payload, "test")
    good = payload.columns["status"].values == "good"
    for size, wanted in ((17, 1.4), (20, 2.2)):
        rows = good & (detector.diameter_inch == size)
        tts, qe = (payload.columns[name].values[rows] for name in ("tts", "qe"))
        assert np.sqrt((tts**2).mean()) == pytest.approx(wanted)
        assert qe.mean() == pytest.approx(1)
    assert payload.columns["time_offset"].values[good].mean() == pytest.approx(0, abs=1e-12)


def test_the_injected_parameters_have_no_error():
    block = shared({"light_yield": 1.1, "late_fraction": 0.02}).globals
    assert block.names == ("light_yield", "late_fraction")
    assert not block.covariance.any()


def test_low_charges_are_drawn_from_the_priors_of_the_calibration():
    """Of 400 runs and two types: means and spreads within 4 errors of the truncated priors'."""
    drawn = np.array([low_charges(seed).values for seed in range(400)]).reshape(-1, 2)
    for column, row in zip(drawn.T, (0, 1), strict=True):
        start, sigma, bounds = GLOBAL_START[row], GLOBAL_SIGMA[row], GLOBAL_BOUNDS[row]
        prior = truncnorm(*[(bound - start) / sigma for bound in bounds], start, sigma)
        assert column.mean() == pytest.approx(prior.mean(), abs=4 * prior.std() / 800**0.5)
        assert column.std() == pytest.approx(prior.std(), rel=0.1)


def test_pulses_have_the_low_charges_that_were_drawn():
    detector = load_detector()
    payload = constants(detector, {}, seed=7)
    response = response_from(payload, detector, read_nominal())
    drawn = dict(zip(payload.globals.names, payload.globals.values.tolist(), strict=True))
    for size in (17, 20):
        first = int(np.flatnonzero(detector.diameter_inch == size)[0])
        for name in ("exponential_fraction", "exponential_scale"):
            found = float(getattr(response.shape, name)[first])
            assert found == pytest.approx(drawn[f"{name}_{size}"], rel=1e-6)
