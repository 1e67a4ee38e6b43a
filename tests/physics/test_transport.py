"""From particles to light: what is conserved, what is merged, what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kzcal.errors import ConfigurationError
from kzcal.geometry import load_detector
from kzcal.light import PROFILES, LightSites
from kzcal.particles import ALPHA, ELECTRON, GAMMA, NEUTRON, POSITRON, Primaries
from kzcal.physics.transport import Transport
from kzcal.physics.visible import isotropic

N = 3000


@pytest.fixture(scope="module")
def detector():
    return load_detector()


@pytest.fixture(scope="module")
def transport(detector):
    return Transport(detector)


def at(x, n=N):
    return np.tile([x, 0.0, 0.0], (n, 1))


def carried(transport, particle, energy, x=4.0, n=N, seed=3):
    generator = np.random.default_rng(seed)
    primaries = isotropic(particle, energy, n, generator=generator)
    return transport.deposits(primaries, at(x, n), generator=generator)


def by_event(light, values, n=N):
    return np.bincount(light.event.numpy(), values.double().numpy(), n)


@pytest.mark.parametrize(("particle", "rest"), [(GAMMA, 0), (ELECTRON, 0), (POSITRON, 1.0219979)])
def test_energy_arrives_and_rest_mass_counts(transport, particle, rest):
    truth = transport.truth(carried(transport, particle, 1.0, x=3.0))
    # Photons escape from the middle of the scintillator only by metres of LS.
    np.testing.assert_allclose(truth["e_dep"], 1.0 + rest, rtol=1e-9)
    assert (truth["e_quenched"] < truth["e_dep"]).all()
    assert (truth["e_quenched"] > 0.8 * truth["e_dep"]).all()


def test_one_event_per_decay_in_order(transport):
    deposits = carried(transport, POSITRON, 0.5, n=50)
    assert len(deposits) == 50
    assert (np.diff(deposits.event) >= 0).all()
    first = deposits.offsets[:-1]
    assert (deposits.particle[first] == POSITRON).all()
    np.testing.assert_array_equal(deposits.energy[first], 0.5)
    np.testing.assert_array_equal(deposits.position[first], at(4.0, 50))


def test_annihilation_happens_where_the_positron_stops_and_after_positronium(detector):
    light = replace(detector.light, ortho_positronium=1.0, ortho_positronium_lifetime=3.0)
    transport = Transport(replace(detector, light=light))
    deposits = carried(transport, POSITRON, 2.0, x=0.0)
    photons = np.ones(len(deposits.event), bool)
    photons[deposits.offsets[:-1]] = False
    begin = np.full(N, np.inf)
    np.minimum.at(begin, deposits.event[photons], deposits.time[photons])
    # The first interaction follows after 3 ns on average and 10 cm of flight or so.
    assert begin.min() > 0
    assert 3.0 < begin.mean() < 3.5
    direction = deposits.direction[deposits.offsets[:-1]]
    along = (deposits.position * direction[deposits.event]).sum(axis=1)
    end = transport.liquids.electrons[0].at("end", np.array([2.0]))[0]
    forward = along[photons].mean()
    # Annihilation photons are isotropic about the end of the track; 0.3 m over the root of the
    # number of independent photons, 4.5 standard errors.
    assert abs(forward - end) < 4.5 * 0.3 / np.sqrt(2 * N)


def test_merging_keeps_light_centroid_and_time(transport, detector):
    deposits = carried(transport, GAMMA, 2.2246)
    light = transport.light(deposits)
    quenched = transport.liquids.column("quenched", deposits)
    per_mev = detector.media[1].photons_per_mev
    expected = per_mev * np.bincount(deposits.event, quenched, N)
    total = by_event(light, light.scintillation)
    np.testing.assert_allclose(total, expected, rtol=1e-5)
    cherenkov = transport.liquids.column("cherenkov", deposits)
    np.testing.assert_allclose(
        by_event(light, light.cherenkov), np.bincount(deposits.event, cherenkov, N), rtol=1e-5
    )
    forward = transport.liquids.column("forward", deposits)
    place = deposits.position + forward[:, None] * deposits.direction
    for axis in range(3):
        centre = by_event(light, light.scintillation * light.position[:, axis]) / total
        own = np.bincount(deposits.event, quenched * place[:, axis], N) * per_mev / expected
        np.testing.assert_allclose(centre, own, atol=2e-6)
    mean_time = by_event(light, light.scintillation * light.time) / total
    own = np.bincount(deposits.event, quenched * deposits.time, N) * per_mev / expected
    np.testing.assert_allclose(mean_time, own, atol=1e-5)


def test_merging_halves_the_sources_and_hardly_moves_light(transport):
    deposits = carried(transport, GAMMA, 2.2246)
    light = transport.light(deposits)
    assert len(deposits.event) / N > 18
    assert len(light.event) / N < 10
    quenched = transport.liquids.column("quenched", deposits)
    position = light.position.double().numpy()
    weight = light.scintillation.double().numpy()

    def moment(event, weight, position):
        total = np.bincount(event, weight, N)
        centre = (
            np.stack([np.bincount(event, weight * x, N) for x in position.T], 1) / total[:, None]
        )
        return np.bincount(event, weight * ((position - centre[event]) ** 2).sum(1), N) / total

    forward = transport.liquids.column("forward", deposits)
    place = deposits.position + forward[:, None] * deposits.direction
    before = moment(deposits.event, quenched, place)
    after = moment(light.event.numpy(), weight, position)
    # Spread of the light about its centroid: 16 cm; merging takes off less than 1 cm in square.
    assert np.sqrt(before.mean()) > 0.15
    assert 0 <= (before - after).mean() < 0.01**2


def test_no_two_bright_tracks_become_one(transport):
    two = Primaries(
        offsets=np.array([0, 2]),
        particle=np.full(2, ELECTRON, np.int32),
        energy=np.array([1.0, 1.2]),
        time=np.zeros(2),
        direction=np.array([[0.0, 0.0, 1.0], [0.0, 0.6, -0.8]]),
    )
    deposits = transport.deposits(two, at(0.0, 1), generator=np.random.default_rng(0))
    light = transport.light(deposits)
    assert len(light.event) == 2
    torch.testing.assert_close(light.direction.double(), torch.from_numpy(two.direction))
    faint = transport.light(replace(deposits, energy=np.array([0.1, 0.1])))
    assert len(faint.event) == 1


def test_light_comes_from_before_the_track(transport):
    deposits = carried(transport, ELECTRON, 2.458, x=4.0, n=10)
    light = transport.light(deposits)
    shift = light.position.double().numpy() - deposits.position
    forward = (shift * deposits.direction).sum(axis=1)
    np.testing.assert_allclose(np.linalg.norm(shift, axis=1), forward, rtol=1e-5)
    # ompmc 0.4.0 for CH2: 6.6 mm.
    np.testing.assert_allclose(forward, 6.6e-3, rtol=0.07)


def test_alphas_have_their_own_profile_and_no_cherenkov_light(transport):
    light = transport.light(carried(transport, ALPHA, 7.687, n=5))
    assert set(light.profile.tolist()) == {PROFILES.index("alpha")}
    assert light.cherenkov.sum() == 0
    electron = transport.light(carried(transport, ELECTRON, 7.687, n=5))
    assert set(electron.profile.tolist()) == {PROFILES.index("electron")}
    assert (electron.cherenkov > 1000).all()
    # An alpha and an electron of one place are two sources.
    both = Primaries(
        offsets=np.array([0, 2]),
        particle=np.array([ELECTRON, ALPHA], np.int32),
        energy=np.array([0.05, 5.0]),
        time=np.zeros(2),
        direction=np.eye(3)[:2],
    )
    deposits = transport.deposits(both, at(0.0, 1), generator=np.random.default_rng(0))
    assert len(transport.light(deposits).event) == 2


def test_oil_does_not_scintillate(transport):
    light = transport.light(carried(transport, ELECTRON, 3.0, x=7.0, n=5))
    assert set(light.medium.tolist()) == {2}
    assert light.scintillation.sum() == 0
    assert (light.cherenkov > 500).all()


def test_energy_in_oil_is_deposited_but_not_quenched_light(transport):
    deposits = carried(transport, GAMMA, 1.46, x=6.45, n=500)
    truth = transport.truth(deposits)
    in_oil = deposits.medium == 2
    assert truth["e_dep"].sum() == pytest.approx(deposits.energy.sum())
    assert 0.1 < deposits.energy[in_oil].sum() / deposits.energy.sum() < 0.9
    assert truth["e_quenched"].sum() < deposits.energy[~in_oil].sum()
    centroid = np.stack([truth[axis] for axis in "xyz"], axis=1)
    assert np.nanmax(np.linalg.norm(centroid, axis=1)) < 6.5
    assert (np.isnan(truth["x"]) == (truth["e_quenched"] == 0)).all()


def test_media_follow_the_shells(transport):
    for x, medium in ((0.0, 0), (4.0, 1), (7.0, 2)):
        assert set(carried(transport, ELECTRON, 0.1, x=x, n=3).medium) == {medium}
    lost = carried(transport, ELECTRON, 0.1, x=9.5, n=3)
    assert len(lost) == 3
    assert len(lost.energy) == 0
    assert len(transport.light(lost).event) == 0
    assert np.isnan(transport.truth(lost)["x"]).all()


def test_gammas_start_in_one_shell_and_end_in_others(transport):
    deposits = carried(transport, GAMMA, 2.6, x=1.9)
    assert set(deposits.medium) == {0, 1}
    radius = np.linalg.norm(deposits.position, axis=1)
    # A track of 2.6 MeV reaches 2 cm.
    assert (deposits.medium[radius < 1.90] == 0).all()
    assert (deposits.medium[radius > 1.94] == 1).all()


@pytest.mark.parametrize(
    ("particle", "energy", "direction", "medium"),
    [
        (ELECTRON, 1.0, 1.0, 2),
        (ELECTRON, 1.0, -1.0, 0),
        (ELECTRON, 0.02, 1.0, 1),
        (ALPHA, 8.785, -1.0, 0),
        (ALPHA, 2.0, 1.0, 1),
    ],
)
def test_tracks_from_a_thin_film_shine_where_their_energy_goes(
    particle, energy, direction, medium
):
    start = Primaries(
        offsets=np.array([0, 1]),
        particle=np.array([particle], np.int32),
        energy=np.array([energy]),
        time=np.zeros(1),
        direction=np.array([[direction, 0.0, 0.0]]),
    )
    film = Transport(load_detector("kamland2-zen"))
    deposits = film.deposits(start, at(1.920025, 1), generator=np.random.default_rng(0))
    assert deposits.medium.tolist() == [medium]


def test_light_yield_of_the_detector_scales_scintillation_alone(transport):
    bright = Transport(load_detector("kamland2-zen"))
    deposits = carried(transport, ELECTRON, 1.0, x=0.0, n=2)
    one, other = transport.light(deposits), bright.light(deposits)
    gain = load_detector("kamland2-zen").light_gain.light_yield
    torch.testing.assert_close(other.scintillation, gain * one.scintillation, rtol=1e-5, atol=0)
    torch.testing.assert_close(other.cherenkov, one.cherenkov)


def test_truth_of_two_deposits(transport):
    deposits = carried(transport, ELECTRON, 1.0, x=0.0, n=2)
    pair = replace(
        deposits,
        offsets=np.array([0, 2]),
        energy=np.array([1.0, 1.0]),
        position=np.array([[0.0, 0, 0], [0.6, 0, 0]]),
    )
    truth = transport.truth(pair)
    assert truth["n_site"].tolist() == [2]
    assert truth["x"][0] == pytest.approx(0.3)
    assert truth["rms"][0] == pytest.approx(0.3)
    assert truth["e_dep"][0] == pytest.approx(2.0)


def test_same_generator_same_deposits_and_light(transport):
    one, again = (carried(transport, POSITRON, 1.0, n=20) for _ in range(2))
    other = carried(transport, POSITRON, 1.0, n=20, seed=4)
    np.testing.assert_array_equal(one.position, again.position)
    assert len(one.energy) != len(other.energy)
    for name in LightSites.__slots__:
        a, b = (getattr(transport.light(x), name) for x in (one, again))
        assert torch.equal(a, b)


def test_light_of_an_event_knows_no_other_event(transport):
    deposits = carried(transport, GAMMA, 1.5, n=20)
    end = deposits.offsets[5]
    first = replace(
        deposits,
        offsets=deposits.offsets[:6],
        **{
            name: getattr(deposits, name)[:end]
            for name in ("particle", "energy", "position", "direction", "time", "medium")
        },
    )
    whole, part = transport.light(deposits), transport.light(first)
    torch.testing.assert_close(whole.position[whole.event < 5], part.position, rtol=0, atol=1e-6)
    torch.testing.assert_close(whole.scintillation[whole.event < 5], part.scintillation)


def test_particles_that_are_not_followed_are_refused(transport):
    with pytest.raises(ConfigurationError, match=r"gammas and alphas, PDG codes .* got 2112"):
        carried(transport, NEUTRON, 1.0, n=1)


def test_a_material_without_composition_is_refused(detector):
    media = (replace(detector.media[0], material="jelly"), *detector.media[1:])
    with pytest.raises(ConfigurationError, match="got 'jelly': choose from"):
        Transport(replace(detector, media=media))
