import pytest

from kzcal.errors import ConfigurationError
from kzcal.fit.parameters import read_parameters
from kzcal.geometry import load_detector
from kzcal.geometry.adjusted import scintillator

DETECTOR = load_detector()


def read(changes=None, chosen=None):
    return read_parameters(changes or {}, chosen, DETECTOR, "fit.toml")


def test_every_parameter_of_the_text_has_unit_range_summary_and_source():
    parameters = read(chosen=list(read().values))
    for p in parameters.free:
        assert p.unit, p.name
        assert p.summary, p.name
        assert p.source, p.name
        assert p.lower <= p.start <= p.upper, p.name


def test_those_of_the_light_start_at_the_detector():
    values = read().values
    assert values["pmt_reflectivity"] == DETECTOR.light.pmt_reflectivity
    assert values["birks_mm_per_mev"] == scintillator(DETECTOR).birks_mm_per_mev


def test_chosen_ones_are_free_and_the_others_stay():
    parameters = read({"light_yield": {"start": 1.1}}, ["absorption_scale"])
    assert [p.name for p in parameters.free] == ["absorption_scale"]
    assert parameters.fixed["light_yield"] == 1.1


@pytest.mark.parametrize(
    ("changes", "chosen", "words"),
    [
        ({"light_yeild": {}}, None, "unknown parameter 'light_yeild'"),
        ({"light_yield": {"begin": 1}}, None, "unknown key 'begin'"),
        ({"light_yield": 3}, None, "must be a table"),
        ({"light_yield": {"start": "one"}}, None, "must be a number"),
        ({"light_yield": {"start": 9.0}}, None, "within its range"),
        ({"light_yield": {"prior": [1.0]}}, None, "mean, standard deviation"),
        ({"light_yield": {"prior": [1.0, 0.0]}}, None, "must be positive"),
        ({}, [], "list of parameters"),
        ({}, ["nothing"], "fit names 'nothing'"),
    ],
)
def test_what_cannot_be_is_refused_with_the_choices(changes, chosen, words):
    with pytest.raises(ConfigurationError, match=words):
        read(changes, chosen)
