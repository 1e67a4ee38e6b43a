import pytest

from kzcal.errors import ConfigurationError
from kzcal.fit.parameters import detector_at, read_parameters, scintillator, values_of
from kzcal.geometry import load_detector

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


def test_nominal_values_leave_the_detector_as_it_is():
    same = detector_at(DETECTOR, values_of(DETECTOR))
    assert same.media == DETECTOR.media
    assert same.light == DETECTOR.light


def test_birks_constants_keep_their_ratio():
    moved = detector_at(DETECTOR, {"birks_mm_per_mev": 0.1, "light_yield": 1.2})
    for new, old in zip(moved.media, DETECTOR.media, strict=True):
        ratio = 0.1 / scintillator(DETECTOR).birks_mm_per_mev
        assert new.birks_mm_per_mev == pytest.approx(old.birks_mm_per_mev * ratio)
        assert new.photons_per_mev == pytest.approx(1.2 * old.photons_per_mev)
    alphas = DETECTOR.light.alpha_birks_mm_per_mev * ratio
    assert moved.light.alpha_birks_mm_per_mev == pytest.approx(alphas)


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
