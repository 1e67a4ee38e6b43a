"""What an experiment expects in its bins: half-lives, spectra, shells, cuts."""

from dataclasses import replace

import numpy as np
import pytest

from kzcal.errors import ConfigurationError
from kzcal.physics.double_beta import Q_VALUE
from kzcal.sensitivity import halflife
from kzcal.sensitivity.binned import SIGNAL, expected, signal_events, total, two_neutrino_events
from kzcal.sensitivity.cuts import Cut, passing
from kzcal.sensitivity.preset import PRESETS, load_preset
from kzcal.sensitivity.scans import with_cut, without_cut
from kzcal.sensitivity.shells import equal_shells, shares
from kzcal.sensitivity.spectra import lines, names, peak, seen, spectrum, tabulated

KLZ = load_preset("klz-800")
WIDE = np.array([0.0, 9.0])


def test_the_exposures_are_the_published_ones():
    # 970 kg yr and 2.097 ton yr of 136Xe.
    assert KLZ.exposure == pytest.approx(970.0, rel=0.005)
    assert load_preset("klz-800-complete").exposure == pytest.approx(2097.0, rel=0.005)


def test_decays_of_a_kilogram_in_a_half_life_long_against_it():
    one = halflife.decays(1.0, 1.0, halflife.DAYS, 1e26)
    assert one == pytest.approx(np.log(2) * 6.02214e23 / 0.135907 / 1e26, rel=1e-5)
    assert halflife.decays(3.0, 0.5, 2 * halflife.DAYS, 2e26) == pytest.approx(1.5 * one)
    assert halflife.decays(745, 0.9111, 1.0, halflife.TWO_NEUTRINO) == pytest.approx(
        2552, rel=0.005
    )


@pytest.mark.parametrize("name", names())
def test_a_spectrum_holds_all_decays(name):
    share = lines(name, 1.0)[1]
    assert share.min() >= 0
    # The table ends at 6 MeV, above which no decay of it lies.
    assert share.sum() == pytest.approx(1.0, abs=2e-3)
    assert spectrum(name, WIDE, 0.067, 1.0)[0] == pytest.approx(share.sum(), abs=2e-3)


def test_the_peak_is_gaussian_about_q():
    spread = 0.067 * np.sqrt(Q_VALUE)
    edges = Q_VALUE + spread * np.array([-1.0, 0.0, 1.0])
    assert peak(edges, 0.067, 1.0) == pytest.approx([0.34134, 0.34134], abs=1e-5)
    assert peak(1.02 * edges, 0.067 / np.sqrt(1.02), 1.02).sum() == pytest.approx(0.68, abs=0.02)


def test_a_perfect_detector_sees_what_decays_make():
    energy, share = lines("2nbb", 1.0)
    edges = np.linspace(0.0, 2.5, 26)
    exact = np.histogram(energy, edges, weights=share)[0]
    np.testing.assert_allclose(seen(energy, share, edges, 1e-6), exact, atol=1e-12)


def test_two_neutrinos_fall_off_as_the_known_polynomial_does_nearly():
    # Primakoff and Rosen's Fermi function is the nonrelativistic one, whose spectrum is harder:
    # its 203 decays a day of 2552 above 1.5 MeV are 182 by the Fermi function used here.
    true = Q_VALUE * (np.arange(2000) + 0.5) / 2000
    k, q = true / 0.511, Q_VALUE / 0.511
    known = k * (q - k) ** 5 * (1 + 2 * k + 4 * k**2 / 3 + k**3 / 3 + k**4 / 30)
    assert 2552 * known[true > 1.5].sum() / known.sum() == pytest.approx(203, rel=0.01)
    ratio = lines("2nbb", 1.0)[1] / (known / known.sum())
    assert (np.diff(ratio[100:]) < 1e-6).all()
    assert 0.8 < ratio[-1] < ratio[100] < 1.3


def test_two_neutrinos_by_half_life_are_near_the_published_count():
    # 11.98 events; the half-life is known to 3 %, and 1 % of energy scale moves them by a half.
    assert two_neutrino_events(KLZ) == pytest.approx(11.98, rel=0.1)


def test_ten_times_less_light_spread_needs_a_narrow_window_to_count():
    # The talk's hundredfold reduction holds in a window that shrinks with the resolution.
    fixed = [spectrum("2nbb", np.array([2.35, 2.7]), r, 1.0)[0] for r in (0.067, 0.0306)]
    scaled = [
        spectrum("2nbb", Q_VALUE + r * np.sqrt(Q_VALUE) * np.array([-1, 1]), r, 1.0)[0]
        for r in (0.067, 0.0306)
    ]
    assert 5 < fixed[0] / fixed[1] < 12
    assert 40 < scaled[0] / scaled[1] < 120


def test_tables_have_the_energies_that_decays_release():
    table = tabulated()
    energy = table["energy_mev"]
    # Mean deposits without quenching: 10C 2.56, 6He 1.57, 137Xe 1.90 MeV; light is 2 to 4 % off.
    for name, mean in (("c10", 2.563), ("he6", 1.565), ("xe137", 1.904)):
        assert (energy * table[name]).sum() == pytest.approx(mean, rel=0.06)
    assert energy[table["he6"] > 0].max() < 1.06 * 3.508


def test_shells_have_equal_volumes_and_hold_everything():
    edges = equal_shells(20, 1.9)
    np.testing.assert_allclose(np.diff(edges**3), 1.9**3 / 20)
    np.testing.assert_allclose(shares("uniform", edges, 1.9, 0.0), 0.05)
    film = shares("film", edges, 1.9, 0.084)
    assert film.sum() == pytest.approx(1.0)
    assert (np.diff(film) > 0).all()
    # Half of the film's events lie within ln 2 lengths of it.
    near = shares("film", np.array([1.9 - np.log(2) * 0.084, 1.9]), 1.9, 0.084)
    assert near[0] == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("background", KLZ.backgrounds, ids=lambda one: one.name)
def test_the_reference_has_its_published_events(background):
    reference = KLZ.reference
    energy = spectrum(background.spectrum, np.array(reference.energy), reference.resolution, 1.0)
    place = shares(background.place, np.array([0.0, 1.57]), 1.9, background.length)
    assert total(KLZ, background) * energy[0] * place[0] == pytest.approx(background.events)


def test_backgrounds_grow_with_time_and_xenon_as_they_say():
    longer = replace(KLZ, days=2 * KLZ.days)
    heavier = replace(KLZ, xenon_kg=2 * KLZ.xenon_kg)
    for one in KLZ.backgrounds:
        assert total(longer, one) == pytest.approx(2 * total(KLZ, one))
        grown = 2.0 if one.per == "xenon" else 1.0
        assert total(heavier, one) == pytest.approx(grown * total(KLZ, one))


def test_bins_hold_what_totals_say():
    whole = expected(replace(KLZ, energy=(1e-4, 8.0), step=0.02))
    for one, row in zip(KLZ.backgrounds, whole.backgrounds, strict=True):
        assert row.sum() == pytest.approx(total(KLZ, one), rel=3e-3)
    assert whole.signal.sum() == pytest.approx(signal_events(KLZ), rel=1e-6)
    inner = whole.within(1.0)
    assert inner.signal.sum() == pytest.approx(
        signal_events(KLZ) * (inner.radius[-1] / 1.9) ** 3, rel=1e-6
    )


def test_a_cut_takes_its_shares_of_everything():
    cut = Cut(("long-lived",), 0.5, 0.9)
    plain, both = without_cut(KLZ, ("long-lived",)), with_cut(KLZ, cut)
    before, after = expected(plain), expected(both)
    ratio = after.backgrounds.sum(axis=1) / before.backgrounds.sum(axis=1)
    wanted = [0.5 if name == "long-lived" else 0.9 for name in before.names]
    np.testing.assert_allclose(ratio, wanted)
    assert after.signal.sum() / before.signal.sum() == pytest.approx(0.9)
    assert passing(both.cuts, SIGNAL) == pytest.approx(0.9 * 0.962)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_counted(name):
    whole = expected(load_preset(name))
    assert (whole.backgrounds >= 0).all()
    assert whole.signal.sum() > 0
    assert len(whole.names) == len(whole.backgrounds)


def test_unfit_values_are_refused_by_name():
    with pytest.raises(ConfigurationError, match="shares from 0 to 1"):
        Cut(("x",), 1.2, 0.9)
    with pytest.raises(ConfigurationError, match="got 'nowhere'"):
        replace(KLZ.backgrounds[0], place="nowhere")
    with pytest.raises(ConfigurationError, match="choose from"):
        lines("nothing", 1.0)
    with pytest.raises(ConfigurationError, match="got 'muons'"):
        with_cut(KLZ, Cut(("muons",), 0.5, 0.9))


def test_a_cut_takes_the_place_of_every_own_cut_for_its_backgrounds():
    cut = Cut(("long-lived",), 0.8, 0.95)
    better = load_preset("kamland2-zen")
    taken = with_cut(better, cut)
    # Of the preset's three cuts that for long-lived isotopes goes; KamNet stays for the others.
    assert [cut.rejected for cut in taken.cuts] == [0.74, 0.6667, 0.8]
    assert passing(taken.cuts, "long-lived") == pytest.approx(0.2 * 0.962 * 0.9)
    assert passing(taken.cuts, SIGNAL) == pytest.approx(0.95 * 0.962 * 0.9)
    assert passing(taken.cuts, "c10") == pytest.approx(0.3333 * 0.962 * 0.95)
    none = without_cut(better, ("long-lived",))
    assert passing(none.cuts, "long-lived") == passing(none.cuts, SIGNAL)


def test_a_cut_for_several_backgrounds_takes_the_place_of_single_ones():
    both = with_cut(KLZ, Cut(("long-lived", "xe137"), 0.5, 0.9))
    assert both.cuts == (Cut(("long-lived", "xe137"), 0.5, 0.9),)
    assert without_cut(KLZ, ("xe137", "long-lived")).cuts == ()
