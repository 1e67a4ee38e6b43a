"""Constants of the database become the response that has them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kzcal.baseline import baseline_directory
from kzcal.builtin import kzcal_translators
from kzcal.conditions.nominal import nominal_tags
from kzcal.conditions.payload import Column, GlobalBlock, Payload
from kzcal.errors import ConfigurationError
from kzcal.geometry import load_detector
from kzcal.photoelectrons import Photoelectrons
from kzcal.response.constants import response_from, single_pe_efficiency
from kzcal.response.nominal import read_nominal
from kzcal.testing.simulation import TranslatorContract


@pytest.fixture(scope="module")
def detector():
    return load_detector()


@pytest.fixture(scope="module")
def baseline():
    return nominal_tags(baseline_directory())[0][1]


def changed(payload, rows, globals_=None, **values):
    """The payload with other values in some rows of some columns."""
    columns = dict(payload.columns)
    for name, value in values.items():
        column = columns[name]
        new = np.array(column.values, dtype="U16" if name == "status" else None)
        new[rows] = value
        columns[name] = replace(column, values=new)
    return Payload(payload.kind, columns, globals_ or payload.globals, payload.lineage)


def test_constants_are_those_of_the_payload(detector, baseline):
    response = response_from(
        changed(baseline, [5], gain=1.3, time_offset=-4.0), detector, read_nominal()
    )
    assert float(response.gain[5]) == pytest.approx(1.3)
    assert float(response.time_offset[5]) == -4.0
    assert float(response.tts[0]) == pytest.approx(1.3)
    assert float(response.tts[1500]) == pytest.approx(2.5)


def test_dark_rates_before_threshold_give_those_above_it(detector, baseline):
    response = response_from(baseline, detector, read_nominal())
    above = response.dark_rate * single_pe_efficiency(response)
    expected = torch.from_numpy(baseline.columns["dark_rate"].values).float()
    torch.testing.assert_close(above, expected, rtol=1e-5, atol=0)


def test_a_dead_pmt_is_silent_and_unknown_constants_are_its_types(detector, baseline):
    unknown = dict.fromkeys(("gain", "tts", "time_offset", "spe_width"), np.nan)
    dead = changed(baseline, [0, 1400], status="dead", **unknown)
    response = response_from(dead, detector, read_nominal())
    assert torch.nonzero(~response.alive)[:, 0].tolist() == [0, 1400]
    assert float(response.tts[1400]) == pytest.approx(2.5)
    n = detector.n_pmt
    light = Photoelectrons(torch.zeros(n).long(), torch.arange(n), torch.zeros(n))
    window = (torch.tensor([-10.0]), torch.tensor([100.0]))
    hits = response.sample(light, window, generator=torch.Generator().manual_seed(1))
    heard = torch.bincount(hits.pmt, minlength=n)
    assert heard[[0, 1400]].tolist() == [0, 0]
    assert int((heard > 0).sum()) > 0.8 * n


def test_exchanged_cables_read_each_others_place(detector, baseline):
    swapped = changed(baseline, [7, 9], status="swapped", partner=[9, 7])
    cable = response_from(swapped, detector, read_nominal()).cable
    assert cable[[7, 9]].tolist() == [9, 7]
    assert cable[[8, 10]].tolist() == [8, 10]


def test_what_a_calibration_fitted_of_all_pmts_takes_precedence(detector, baseline):
    names = ("threshold_17", "exponential_fraction_20", "time_walk")
    values = np.array([0.2, 0.3, 0.7])
    block = GlobalBlock(names, values, ("p.e.", "1", "ns"), np.eye(3), names)
    response = response_from(changed(baseline, [], block), detector, read_nominal())
    assert float(response.shape.threshold[0]) == pytest.approx(0.2)
    assert float(response.shape.threshold[1500]) == pytest.approx(0.3)
    assert float(response.shape.exponential_fraction[0]) == pytest.approx(0.1)
    assert float(response.shape.exponential_fraction[1500]) == pytest.approx(0.3)
    assert response.walk[[0, 1500]].tolist() == pytest.approx([0.7, 0.7])


def _of(rows, errors):
    return None if errors is None else errors[rows]


def test_constants_of_another_detector_are_refused(detector, baseline):
    rows = slice(0, 100)
    columns = {
        name: Column(column.values[rows], column.unit, column.doc, _of(rows, column.errors))
        for name, column in baseline.columns.items()
    }
    few = Payload(baseline.kind, columns, None, baseline.lineage)
    with pytest.raises(ConfigurationError, match="1879 PMTs of the detector, got 100"):
        response_from(few, detector, read_nominal())


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("share = 0.04", "share = 1.4", "between 0 and 1"),
        ("time_walk_ns = 1.0", 'time_walk_ns = "1"', "time_walk_ns must be a number"),
        ("saturation_pe", "saturation", "unknown or missing saturation"),
        ("[17-inch]", "[17-inch", "readable TOML"),
    ],
)
def test_a_wrong_nominal_response_is_named(tmp_path, old, new, complaint):
    text = (baseline_directory() / "response.toml").read_text()
    path = tmp_path / "response.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigurationError, match=complaint):
        read_nominal(path)


class TestResponseTranslator(TranslatorContract):
    component = next(iter(kzcal_translators()))
