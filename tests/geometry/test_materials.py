"""Optical tables: what the file gives, what the physics of it is, what a file may not say."""

import numpy as np
import pytest

from kzcal.baseline import baseline_directory
from kzcal.errors import DetectorError
from kzcal.geometry import load_detector
from kzcal.geometry.materials import HEADER, RANGES, SPEED_OF_LIGHT, load_materials, replaced

HEADER_ROW = ",".join(HEADER)
VISIBLE = np.array([400.0, 420.0, 440.0, 460.0])


@pytest.fixture(scope="module")
def materials():
    return load_materials()


@pytest.fixture
def file_of(tmp_path):
    """A file of these rows under the right header."""

    def write(*rows, header=HEADER_ROW):
        path = tmp_path / "mine.csv"
        path.write_text("\n".join(["# mine", header, *rows, ""]))
        return path

    return write


def test_every_medium_of_the_detectors_can_be_crossed(materials):
    for name in ("kamland-zen-800", "kamland2-zen"):
        for medium in load_detector(name).media:
            assert (materials.group_velocity(medium.material, VISIBLE) > 0.15).all()
            assert (materials.absorption(medium.material, VISIBLE) > 0).all()
            glows = materials.emission(medium.material, np.arange(300.0, 600.0)).sum() > 0
            assert glows == (medium.photons_per_mev > 0)


@pytest.mark.parametrize(
    ("material", "published"),
    [("scintillator", [19.64, 19.78, 19.90, 20.00]), ("mineral_oil", [19.9, 20.0, 20.1, 20.2])],
)
def test_group_velocity_is_that_of_the_tables(materials, material, published):
    velocity = materials.group_velocity(material, VISIBLE)
    np.testing.assert_allclose(100 * velocity, published, rtol=3e-3)


def test_group_velocity_of_a_constant_index_is_that_of_the_phase(file_of):
    mine = load_materials(file_of("x,refractive_index,200,1.5", "x,refractive_index,800,1.5"))
    np.testing.assert_allclose(mine.group_velocity("x", VISIBLE), SPEED_OF_LIGHT / 1.5)


def test_group_velocity_of_cauchys_law_is_exact(file_of):
    wavelength = np.arange(250.0, 800.0, 50.0)
    index = 1.4 + 4e3 / wavelength**2
    rows = (f"x,refractive_index,{w},{n:.9f}" for w, n in zip(wavelength, index, strict=True))
    velocity = load_materials(file_of(*rows)).group_velocity("x", VISIBLE)
    np.testing.assert_allclose(velocity, SPEED_OF_LIGHT / (1.4 + 3 * 4e3 / VISIBLE**2), rtol=1e-5)


def test_absorption_and_scattering_add_up_to_the_attenuation(materials):
    wavelength = np.arange(360.0, 500.0)
    total = materials.absorption("scintillator", wavelength)
    total = total + materials.scattering("scintillator", wavelength)
    length = materials.curve("scintillator", "attenuation_length_m").at(wavelength)
    np.testing.assert_allclose(total * length, 1.0)
    share = materials.scattering("scintillator", np.array([430.0])) * 50.0
    np.testing.assert_allclose(share, 0.49)


def test_what_has_no_table_does_not_happen(materials):
    for quantity in (materials.emission, materials.reemission, materials.scattering):
        np.testing.assert_array_equal(quantity("mineral_oil", VISIBLE), 0.0)


def test_quantum_efficiency_is_linear_between_its_rows(materials):
    np.testing.assert_allclose(
        materials.quantum_efficiency(np.array([150.0, 420.0, 447.5, 900.0])),
        [0.2487, 0.2305, (0.2305 + 0.184) / 2, 0.0],
    )


def test_a_copy_of_the_file_is_the_file(materials, tmp_path):
    original = baseline_directory() / "materials/optics.csv"
    path = tmp_path / "copy.csv"
    path.write_bytes(original.read_bytes())
    assert load_materials(path).digest == materials.digest
    path.write_bytes(original.read_bytes() + b"\n# changed\n")
    assert load_materials(path).digest != materials.digest


GOOD = "x,refractive_index,200,1.5"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("x,refractive_indx,200,1.5", "unknown quantity 'refractive_indx'"),
        ("x,refractive_index,200,0.5", "refractive_index must be a number from 1 to 5, got '0.5'"),
        ("x,scattering_fraction,200,1.01", "scattering_fraction must be a number from 0 to 1"),
        ("x,attenuation_length_m,200,0", "attenuation_length_m must be a number from 1e-12"),
        ("x,attenuation_length_m,200,inf", "attenuation_length_m must be .* got 'inf'"),
        ("x,emission_relative,200,nan", "emission_relative must be .* got 'nan'"),
        ("x,emission_relative,blue,1", "wavelength_nm must be .* got 'blue'"),
        ("x,emission_relative,200", "must have 4 cells, got 3"),
        (GOOD, "wavelengths of refractive_index of x must increase, got 200.0 after 200.0"),
    ],
)
def test_errors_name_key_value_and_line(file_of, row, said):
    with pytest.raises(DetectorError, match=said) as error:
        load_materials(file_of(GOOD, row))
    assert "mine.csv line 4" in str(error.value)


def test_a_wrong_header_is_named(file_of):
    with pytest.raises(DetectorError, match="the first row must be medium,quantity"):
        load_materials(file_of(header="medium,quantity,wavelength_um,value"))


def test_files_that_cannot_be_had_are_named(tmp_path):
    with pytest.raises(DetectorError, match="choose from optics"):
        load_materials("water")
    with pytest.raises(DetectorError, match="must be readable"):
        load_materials(tmp_path / "none.csv")
    path = tmp_path / "binary.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DetectorError, match="must be UTF-8"):
        load_materials(path)


def test_a_missing_table_is_named_with_the_materials_that_have_one(materials):
    with pytest.raises(DetectorError, match=r"'water' needs a table of refractive_index.*acrylic"):
        materials.group_velocity("water", VISIBLE)


def test_all_quantities_of_the_file_are_explained_in_it():
    text = (baseline_directory() / "materials/optics.csv").read_text()
    comments = [line for line in text.splitlines() if line.startswith("#")]
    used = {line.split(",")[1] for line in text.splitlines() if line[0] != "#"} - {"quantity"}
    assert used <= set(RANGES)
    for quantity in used:
        assert any(quantity in comment for comment in comments), quantity


def test_tables_of_another_file_take_the_place_of_those_of_the_same_name(materials, file_of):
    path = file_of("mineral_oil,attenuation_length_m,400,17.5")
    mixed = replaced(materials, path)
    own = "mineral_oil", "attenuation_length_m"
    assert (mixed.curve(*own).at(VISIBLE) == 17.5).all()
    assert mixed.curves.keys() == materials.curves.keys()
    kept = materials.curves.keys() - {own}
    assert all(mixed.curves[key] is materials.curves[key] for key in kept)
    assert len({mixed.digest, materials.digest, load_materials(path).digest}) == 3
