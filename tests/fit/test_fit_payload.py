"""What a global fit states beside its values: cross terms, priors, units."""

from dataclasses import replace

import numpy as np
import pytest
from quick_fit import quick_fit

from kzcal.calibrate.timing.simple import Smearing
from kzcal.conditions.payload import Lineage
from kzcal.fit.config import FitConfig
from kzcal.fit.payload import MEAN_MEV, fit_payload
from kzcal.geometry import load_detector

DETECTOR = load_detector()
WIDE = DETECTOR.diameter_inch == 20


def found(**settings):
    config = FitConfig(**settings)
    return quick_fit(None, config, samples={}, fitter=None, effort=None, device=None, advance=None)


def test_spreads_move_with_the_mean_of_their_type():
    columns = fit_payload(found(), Lineage(), DETECTOR).columns
    assert np.array_equal(columns["tts_by_tts_mean_17"].values, ~WIDE)
    assert np.array_equal(columns["tts_by_tts_mean_20"].values, WIDE)
    assert not columns["tts_by_t0_resolution"].values.any()
    assert not columns["tts_by_vertex_resolution"].values.any()


def test_an_exchanged_tube_has_the_type_of_its_place():
    fit = found()
    place = fit.result.cabling.place
    place[0], place[1878] = 1878, 0
    columns = fit_payload(fit, Lineage(), DETECTOR).columns
    assert columns["tts_by_tts_mean_17"].values[[0, 1878]].tolist() == [0, 1]
    assert columns["tts_by_tts_mean_20"].values[[0, 1878]].tolist() == [1, 0]


def test_spreads_move_so_that_the_variance_of_residuals_stays():
    """Against the calibration's own smearing, by finite differences; 20-inch means are free."""
    fit = found(parameters={"tts_mean_17": {"fixed": True}})
    values, speed = fit.parameters.values, fit.calibration.light_speed
    columns = fit_payload(fit, Lineage(), DETECTOR).columns
    assert "tts_by_tts_mean_17" not in columns
    tts, at = 1.3, Smearing(values["vertex_resolution"], values["t0_resolution"])
    for name, step in (("vertex", 1e-4), ("t0", 1e-4)):
        moved = replace(at, **{name: getattr(at, name) + step})
        change = moved.variance(MEAN_MEV, speed) - at.variance(MEAN_MEV, speed)
        slope = (np.sqrt(tts**2 - change) - tts) / step
        stated = columns[f"tts_by_{name}_resolution"].values
        assert stated[~WIDE] == pytest.approx(slope, rel=1e-3)
        assert not stated[WIDE].any()


def test_priors_and_units_stand_beside_the_values():
    fit = found()
    payload = fit_payload(fit, Lineage(), DETECTOR)
    block, prior = payload.globals, payload.columns["prior"].values
    assert prior.shape == (len(block.names), 2)
    known = dict(zip(block.names, prior, strict=True))
    assert known["sheet_reflectivity"] == pytest.approx([0.10, 0.05**-2])
    assert known["light_yield"].tolist() == [0.0, 0.0]
    units = dict(zip(block.names, block.units, strict=True))
    assert (units["birks_mm_per_mev"], units["late_delay"]) == ("mm/MeV", "ns")
    assert units["cherenkov_scale"] == "1"
