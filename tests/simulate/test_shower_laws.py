"""Figures of showers: what they add up to, and what is refused."""

import numpy as np
import pytest

from kzcal.errors import ConfigurationError
from kzcal.simulate.energy_window import EnergyWindow
from kzcal.simulate.shower_laws import ShowerLaws, ShowerModel, known_yields, read_model
from kzcal.simulate.shower_run import ShowerRequest, double_beta_per_day


def test_isotopes_are_those_of_kamland_zen():
    # 31 of the 32 of arXiv:2301.09307; 90mZr lives for less than a second.
    assert len(known_yields()) == 31
    assert known_yields()["i122"] == 1.965


def test_decays_in_the_region_of_interest_are_those_of_the_fit_to_data():
    maker = ShowerRequest(ShowerModel(), days=1.0, window=EnergyWindow(2.35, 2.70)).open()
    n = 8192
    share = len(maker.isotopes.block(0, n)) / n
    error = np.sqrt(share * (1 - share) / n)
    per_kton_day = sum(known_yields().values()) * np.array([share - 5 * error, share + 5 * error])
    # 3.1 +- 0.8 per kton-day.
    assert per_kton_day[0] > 2.3
    assert per_kton_day[1] < 3.9


def test_double_beta_decays_are_those_of_the_half_life():
    # 745 kg of xenon, 91 % enriched: 2,552 a day.
    assert double_beta_per_day(677.0) == pytest.approx(2552, rel=1e-3)
    assert double_beta_per_day(2 * 677.0) == pytest.approx(2 * double_beta_per_day(677.0))


def test_a_figure_is_scaled_wherever_it_stands():
    model = ShowerModel().scaled({"parent_neutrons": 2.0, "near_m": 0.5})
    assert model.showers.parent_neutrons == 16.0
    assert model.muons.near_m == 0.19
    assert model.showers.isotope_m == ShowerLaws().isotope_m
    with pytest.raises(ConfigurationError, match=r"no figure 'neutron' to scale .*neutrons"):
        ShowerModel().scaled({"neutron": 2.0})


def test_a_file_changes_what_it_names(tmp_path):
    path = tmp_path / "showers.toml"
    path.write_text("[muons]\nneutrons = 6\n[showers]\nmisfits = 0\n[yields]\ni122 = 3\n")
    model = read_model(path)
    assert (model.muons.neutrons, model.showers.misfits) == (6.0, 0.0)
    assert model.yields == known_yields() | {"i122": 3.0}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[shower]\ncore_m = 1\n", "unknown key 'shower': valid are muons, showers, yields"),
        ("[showers]\ncore = 1\n", r"\[showers\]: unknown key 'core': valid are .*core_m"),
        ("[showers]\nmisfits = '3 %'\n", "misfits must be a number"),
        ("[showers]\nmisfits = 3\n", "misfits of .* must lie between 0 and 1.0, got 3.0"),
        ("[showers]\nshower_most = 9\n", "shower_mev of .* below shower_most"),
        ("[showers]\nisotope_m = 1e6\n", "isotope_m of .* between 0 and 50.0, got 1000000.0"),
        ("[showers]\ncore_m = 51\n", "core_m of .* between 0 and 50.0, got 51.0"),
        ("[muons]\nneutrons = 301\n", "neutrons of .* between 1 and 300.0, got 301.0"),
        ("[muons]\nrate_hz = -1\n", "rate_hz of .* must lie between"),
        ("[yields]\ni122 = -1\n", "yields must not be negative"),
        ("yields = 3\n", "a table is needed, got 3"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, text, says):
    path = tmp_path / "showers.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=says):
        read_model(path)


def test_showers_are_a_run_or_histories():
    for amounts in ({}, {"days": 1.0, "histories": 3}):
        with pytest.raises(ConfigurationError, match="either days or histories"):
            ShowerRequest(ShowerModel(), **amounts)


def test_an_isotope_without_a_half_life_is_refused():
    with pytest.raises(ConfigurationError, match="must have a half-life, got neutron-capture"):
        ShowerRequest(ShowerModel(yields={"neutron-capture": 1.0}), days=1.0).open()
