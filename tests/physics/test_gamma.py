"""Gammas through shells: published histories, and laws that hold whatever the random numbers."""

import json
from pathlib import Path

import numpy as np
import pytest

from kzcal.errors import ConfigurationError
from kzcal.geometry.compositions import composition, load_compositions
from kzcal.particles import ELECTRON, POSITRON
from kzcal.physics.cross_sections import COMPTON, PAIR, XENON_PHOTO, frozen_tables, photon_tables
from kzcal.physics.cross_sections import partial_coefficients as coefficients
from kzcal.physics.gamma import Photons, follow_photons

ELECTRON_MASS = 0.51099895
EVERYWHERE = np.array([1e6])
REFERENCE = json.loads((Path(__file__).parent / "gamma_reference.json").read_text())
N = 30_000


def plain(xenon=0.0):
    hydrogen = 1.97 * 1.008 / (1.97 * 1.008 + 12.011)
    parts = {"H": hydrogen * (1 - xenon), "C": (1 - hydrogen) * (1 - xenon)}
    if xenon:
        return composition("XeLS", 0.78, {**parts, "Xe": xenon}, {"Xe": 135.8})
    return composition("LS", 0.78, parts)


@pytest.fixture(scope="module")
def tables():
    return {
        "LS": photon_tables([plain()]),
        # The share of K X-rays that the reference was made with.
        "XeLS": photon_tables([plain(0.0313)])._replace(xenon_x_ray=0.77),
    }


def along_z(energy, n, start=(0.0, 0.0, 0.0), time=0.0):
    return Photons(
        energy=np.full(n, energy),
        position=np.tile(np.array(start, float), (n, 1)),
        direction=np.tile([0.0, 0.0, 1.0], (n, 1)),
        time=np.full(n, time),
    )


def follow(photons, tables, outer=EVERYWHERE, seed=5, **options):
    generator = np.random.default_rng(seed)
    return follow_photons(photons, tables, outer, generator=generator, **options)


def quantities(found, energy, n):
    """Per-event values of what the reference holds, lengths in cm."""
    w, event = found.energy, found.photon
    position = 100 * found.position

    def total(values):
        return np.bincount(event, values, n)

    radius = np.linalg.norm(position, axis=1)
    centroid = np.stack([total(w * x) for x in position.T], axis=1) / energy
    square = ((position - centroid[event]) ** 2).sum(axis=1)
    first = np.unique(event, return_index=True)[1]
    pair = (found.process == PAIR) & (found.particle == ELECTRON)
    # A pair's two tracks are one site.
    site = found.particle == ELECTRON
    joined = w + np.where(pair, np.append(w[1:], 0), 0)
    return {
        "n_compton": total(found.process == COMPTON),
        "pair_frac": total(pair) > 0,
        "first_mean": radius[first],
        "r_mean": total(w * radius) / energy,
        "r_rms": total(w * radius**2) / energy,
        "path_mean": total(w * found.time) * 29.9792458 / energy,
        "centroid_mean": np.linalg.norm(centroid, axis=1),
        "spread_mean": np.sqrt(total(w * square) / energy),
        "nsites_gt_0keV": total(site),
        "nsites_gt_50keV": total(site & (joined >= 0.05)),
    }


@pytest.mark.parametrize("liquid", ["LS", "XeLS"])
@pytest.mark.parametrize("energy", ["0.609312", "1.12029", "2.22325", "3"])
def test_histories_are_those_of_an_independent_monte_carlo(tables, liquid, energy):
    """80 comparisons at 4.5 standard errors: a false alarm in one of 1800 seeds."""
    found = follow(along_z(float(energy), N), tables[liquid])
    pulls = {}
    for name, values in quantities(found, float(energy), N).items():
        expected, error = REFERENCE[liquid][energy][name]
        mean, spread = values.mean(), values.std() / np.sqrt(N)
        if name == "r_rms":
            mean, spread = np.sqrt(mean), spread / (2 * np.sqrt(mean))
        if name == "pair_frac":
            spread = np.sqrt(expected / N)
        if spread > 0:
            pulls[name] = (mean - expected) / np.hypot(spread, error)
    assert len(pulls) >= 9
    assert max(abs(pull) for pull in pulls.values()) < 4.5, pulls


@pytest.mark.parametrize(
    ("energy", "compton", "photo", "pair"),
    [(0.609, 0.09095, 3.5e-6, 0), (1.764, 0.05382, 4e-7, 1.75e-4), (3.0, 0.03947, 1.8e-7, 8.4e-4)],
)
def test_attenuation_is_that_of_xcom(energy, compton, photo, pair):
    """Mass attenuation in LS, cm2/g, as XCOM gives it for a mixture."""
    frozen = frozen_tables()
    found = coefficients(frozen, plain(), np.array([energy]))[0]
    assert found[COMPTON] == pytest.approx(compton, rel=5e-4)
    assert found[2] == pytest.approx(photo, rel=0.03)
    assert found[PAIR] == pytest.approx(pair, rel=5e-3, abs=1e-12)
    assert found[XENON_PHOTO] == 0


@pytest.mark.parametrize("energy", [0.02, 0.3, 2.6, 12.0])
def test_energy_is_conserved(tables, energy):
    """Deposits and what leaves a small sphere add up to the photon, pairs or not."""
    found = follow(along_z(energy, 3000), tables["XeLS"], np.array([0.05]))
    total = np.bincount(found.photon, found.energy, 3000) + found.escaped
    np.testing.assert_allclose(total, energy, rtol=1e-12)
    assert found.escaped.max() > 0
    assert (found.energy >= 0).all()
    np.testing.assert_allclose(np.linalg.norm(found.direction, axis=1), 1, rtol=1e-9)


def test_shells_of_one_liquid_are_one_liquid(tables):
    single = tables["XeLS"]
    four = photon_tables([plain(0.0313)] * 4)._replace(xenon_x_ray=0.77)
    photons = along_z(2.6, 500, start=(0.3, 0.0, -0.9))
    one = follow(photons, single, np.array([2.0]))
    many = follow(photons, four, np.array([0.31, 0.5, 0.9, 2.0]))
    np.testing.assert_allclose(many.energy, one.energy, rtol=1e-9)
    np.testing.assert_allclose(many.position, one.position, atol=1e-9)
    radius = np.linalg.norm(many.position, axis=1)
    np.testing.assert_array_equal(many.medium, np.searchsorted([0.31, 0.5, 0.9], radius))
    assert set(many.medium) == {0, 1, 2, 3}


@pytest.mark.parametrize("start", [(0.0, 0.0, 0.0), (0.2, 0.0, -1.0), (0.5, 0.0, -1.0)])
def test_untouched_photons_cross_shells_as_beer_and_lambert_say(start):
    known = load_compositions()
    shells = [known["xenon_scintillator"], known["scintillator"]]
    tables, outer = photon_tables(shells), np.array([0.4, 1.2])
    n, energy = 20_000, 1.0
    found = follow(along_z(energy, n, start), tables, outer)
    share = (found.escaped == energy).mean()
    x, z = start[0], start[2]
    inner = np.sqrt(max(outer[0] ** 2 - x**2, 0)) - (max(-np.sqrt(max(0.4**2 - x**2, 0)), z))
    inner = max(inner, 0.0)
    way = np.sqrt(outer[1] ** 2 - x**2) - z
    per_metre = [
        100 * m.density * coefficients(frozen_tables(), m, np.array([energy])).sum()
        for m in shells
    ]
    expected = np.exp(-per_metre[0] * inner - per_metre[1] * (way - inner))
    # 4.5 standard errors: a false alarm in one of 50000 seeds for each of the three.
    assert abs(share - expected) < 4.5 * np.sqrt(expected * (1 - expected) / n)


def test_electrons_fly_where_compton_says(tables):
    energy, n = 1.5, 4000
    found = follow(along_z(energy, n), tables["LS"])
    first = np.unique(found.photon, return_index=True)[1]
    # Without Rayleigh scattering before it the first scattering is off a photon along z.
    straight = (found.process[first] == COMPTON) & (
        np.linalg.norm(found.position[first, :2], axis=1) < 1e-12
    )
    cosine, kinetic = found.direction[first, 2][straight], found.energy[first][straight]
    kappa = energy / ELECTRON_MASS
    expected = energy * 2 * kappa * cosine**2 / ((1 + kappa) ** 2 - (kappa * cosine) ** 2)
    assert straight.mean() > 0.9
    np.testing.assert_allclose(kinetic, expected, rtol=1e-6)
    np.testing.assert_allclose(
        found.time[first], np.linalg.norm(found.position[first], axis=1) / 0.299792458, rtol=1e-9
    )


def test_pairs_share_their_energy_and_annihilate(tables):
    energy, n = 6.0, 6000
    found = follow(along_z(energy, n), tables["LS"], ortho_positronium=(0.5, 3.0))
    positron = np.flatnonzero(found.particle == POSITRON)
    assert len(positron) > 500
    both = found.energy[positron] + found.energy[positron - 1]
    np.testing.assert_array_equal(found.position[positron], found.position[positron - 1])
    np.testing.assert_array_equal(found.time[positron], found.time[positron - 1])
    direct = found.photon[positron - 1] != np.append(-1, found.photon)[positron - 1]
    np.testing.assert_allclose(both[direct], energy - 2 * ELECTRON_MASS, rtol=1e-12)
    late = np.flatnonzero(np.bincount(found.photon, found.time > 15, n) > 0)
    assert 0 < len(late) < 0.05 * n


def test_xenon_answers_with_k_x_rays(tables):
    energy, n = 0.06, 20_000
    found = follow(along_z(energy, n), tables["XeLS"])
    of_xenon = (found.process == XENON_PHOTO) & (found.energy > 0.02)
    whole = np.isclose(found.energy, energy)
    x_rays = of_xenon & ~whole
    lines = tables["XeLS"].xenon_line
    kept = energy - found.energy[x_rays & (found.photon[:] >= 0)]
    from_first = np.isclose(kept[:, None], lines[None, :]).any(axis=1)
    k = int(from_first.sum())
    total = k + int((of_xenon & whole).sum())
    # 4.5 standard errors: a false alarm in one of 150000 seeds.
    assert abs(k - 0.77 * total) < 4.5 * np.sqrt(0.77 * 0.23 * total)


def test_same_generator_same_histories_and_no_photon_knows_the_others(tables):
    ten, more = along_z(2.0, 10), along_z(2.0, 50)
    one, again = follow(ten, tables["LS"]), follow(ten, tables["LS"])
    among = follow(more, tables["LS"])
    other = follow(ten, tables["LS"], seed=6)
    np.testing.assert_array_equal(one.position, again.position)
    np.testing.assert_array_equal(one.position, among.position[among.photon < 10])
    assert not np.array_equal(one.energy[:5], other.energy[:5])


def test_photons_outside_the_last_shell_are_lost(tables):
    found = follow(along_z(1.0, 5, start=(0.0, 0.0, 3.0)), tables["LS"], np.array([2.0]))
    assert len(found.energy) == 0
    np.testing.assert_array_equal(found.escaped, 1.0)
    assert len(follow(along_z(1.0, 0), tables["LS"]).energy) == 0


@pytest.mark.parametrize("energy", [0.0, 25.0, np.nan])
def test_energies_beyond_the_tables_are_refused(tables, energy):
    with pytest.raises(ConfigurationError, match=f"up to 20.0 MeV, got {energy}"):
        follow(along_z(energy, 2), tables["LS"])
