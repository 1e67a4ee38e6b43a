"""Compositions: what the file of the package says, what any file may not say."""

import re

import numpy as np
import pytest

from kzcal.errors import DetectorError
from kzcal.geometry import load_detector
from kzcal.geometry.compositions import composition, load_compositions


def test_every_medium_of_the_detectors_has_a_composition():
    known = load_compositions()
    for name in ("kamland-zen-800", "kamland2-zen"):
        assert {medium.material for medium in load_detector(name).media} <= set(known)


def test_mass_fractions_add_up():
    for material in load_compositions().values():
        assert material.mass_fraction.sum() == pytest.approx(1.0, abs=1e-12)


def test_kamland_scintillator():
    # github.com/kweerman/FLUKA-muon-spallation: dodecane, pseudocumene, PPO.
    liquid = load_compositions()["scintillator"]
    hydrogen, carbon = liquid.atoms_per_gram[:2]
    assert liquid.elements == ("H", "C", "N", "O")
    assert liquid.density == 0.77736
    assert hydrogen / carbon == pytest.approx(1.97, abs=0.01)
    # Protons within 6 m, KamLAND, arXiv:1503.02137: (5.98 +- 0.12) 1e31.
    protons = hydrogen * liquid.density * 4 / 3 * np.pi * 600**3
    assert protons == pytest.approx(5.98e31, abs=0.12e31)


def test_xenon_is_enriched_and_three_per_cent_of_the_mass():
    liquid = load_compositions()["xenon_scintillator"]
    assert liquid.elements[-1] == "Xe"
    assert liquid.mass_fraction[-1] == pytest.approx(0.0313, abs=1e-5)
    assert liquid.atomic_mass[-1] == pytest.approx(135.72)
    assert liquid.atomic_mass[0] == pytest.approx(1.008)


def test_electrons_of_water():
    water = composition("water", 1.0, {"H": 0.111894, "O": 0.888106})
    # NIST: Z / A = 0.55508 mol/g.
    assert water.electrons_per_gram / 6.02214076e23 == pytest.approx(0.55508, abs=2e-5)


GOOD = "[m]\ndensity_g_per_cm3 = 1.0\ncompounds = [{ formula = 'H2O', share = 1.0 }]\n"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("1.0\n", "-1.0\n", "density_g_per_cm3 must be positive, got -1.0"),
        ("density_g_per_cm3", "density", "a material has density_g_per_cm3 and compounds"),
        ("'H2O'", "'h2o'", "a formula is written like C12H26, got 'h2o'"),
        ("'H2O'", "'PbO'", "elements with cross-sections are H, C, N, O, Xe, got 'Pb'"),
        ("share = 1.0", "share = 0.9", "shares of compounds must add up to 1, got 0.9"),
        ("share = 1.0", "share = 'all'", "share must be positive, got 'all'"),
        ("share = 1.0", "share = 1.0, molar_mass = 18.0", "goes with a single element"),
        ("share = 1.0", "part = 1.0", "a compound has formula, share and maybe molar_mass"),
        ("[{ formula = 'H2O', share = 1.0 }]", "1", "compounds are a list of tables, got 1"),
    ],
)
def test_a_wrong_file_is_refused_with_what_is_wrong(tmp_path, old, new, says):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    assert load_compositions(path)["m"].elements == ("H", "O")
    assert old in GOOD
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(DetectorError, match=re.escape(says)) as error:
        load_compositions(path)
    assert "mine.toml" in str(error.value)
