"""The visible-energy scale."""

from dataclasses import replace

import pytest

from kzcal.reconstruct.scale import photons_per_visible_mev


@pytest.fixture(scope="module")
def scale(detector, light_map):
    return photons_per_visible_mev(detector, light_map)


def test_a_gamma_is_quenched_and_shines_a_little_by_cherenkov_light(detector, scale):
    """Light per MeV of the 2.2 MeV gamma over that of an unquenched MeV: 0.93 to 1.03."""
    photons = detector.media[1].photons_per_mev * detector.light_gain.light_yield
    assert 0.93 < scale / photons < 1.03


def test_it_does_not_depend_on_the_seed(detector, light_map, scale):
    assert photons_per_visible_mev(detector, light_map, seed=2) == pytest.approx(scale, rel=2e-3)


def test_it_follows_quenching_and_light_yield(detector, light_map, scale):
    brighter = replace(
        detector,
        light_gain=replace(detector.light_gain, light_yield=1.5 * detector.light_gain.light_yield),
    )
    quenched = replace(
        detector, media=tuple(replace(m, birks_mm_per_mev=0.35) for m in detector.media)
    )
    assert photons_per_visible_mev(brighter, light_map) > 1.4 * scale
    assert photons_per_visible_mev(quenched, light_map) < 0.97 * scale
