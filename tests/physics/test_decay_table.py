"""The compiled decay schemes against evaluated figures and the laws of a scheme."""

import json
from importlib.resources import files

import pytest

from kzcal.errors import ConfigurationError
from kzcal.physics.beta import ELECTRON_MASS
from kzcal.physics.decay_table import Nuclide, read_nuclides

CATALOGUE = files("kzcal.physics").joinpath("data/catalogue.json").read_text(encoding="utf-8")
TABLE = dict(zip(json.loads(CATALOGUE), read_nuclides(), strict=True))

# Mean energy of the gammas of a decay without X-rays and annihilation [keV].
# Source: JENDL-5 decay data; 110mAg: JEFF-4.0, since JENDL-5 leaves out its isomeric transition;
# 90Nb with the gammas of 90mZr, and 109Sn: sums of the tabulated gammas of ENSDF.
EVALUATED = {
    "bi214": 1474.1, "tl208": 3375.0, "bi212": 102.9, "c10": 733.3, "b12": 52.5, "xe137": 189.1,
    "co60": 2503.8, "ag110m": 2762.4, "y88": 2684.0, "rb82": 133.2, "sb118": 47.9, "i122": 158.6,
    "i124": 867.4, "sb124": 1845.9, "i130": 2136.0, "i132": 2255.3, "pb214": 222.5,
    "pb212": 114.8, "nb90": 3639.0, "tc96": 2491.2, "rh98": 863.8, "rh100": 2689.0,
    "ag104m": 1166.0, "in107": 1120.5, "in110": 3068.0, "in110m": 930.0, "sn109": 2181.0,
    "sb114": 1834.1, "sb115": 531.0, "te115": 1418.0, "te117": 1252.0, "i119": 347.0,
    "i120": 1395.0, "i134": 2530.5, "xe121": 913.8, "cs125": 267.9, "cs126": 308.0,
    "cs128": 179.9,
}  # fmt: skip
# Schemes that do not balance as published, so that no feeds give all of their intensities: the
# evaluated figure, how far the table is from it, and what does not balance.
UNBALANCED = {
    "ac228": (865.9, 0.025, "7 % of the decays miss the converted transitions that are listed"),
    "ag104": (2489.0, 0.025, "3 % more arrives at the ground state than decays"),
    "in108": (3230.4, 0.10, "16 % more leaves the levels than decays"),
    "pa234m": (16.0, 0.02, "1.6 % of the decays have gammas, given to 0.1 keV a decay"),
    "sb113": (572.4, 0.03, "3 % more leaves the levels than decays"),
    "sb116": (1731.0, 0.015, "1.2 % more arrives at the ground state than decays"),
    "tl210": (2492.3, 0.06, "8 % more leaves the levels than decays"),
}


def mean_gamma_energy(nuclide: Nuclide) -> float:
    """Feeds pushed down the levels, keV."""
    total = 0.0
    for branch in nuclide.branches:
        population = [0.0] * len(branch.levels)
        for feed in branch.feeds:
            population[feed.level] += branch.share * feed.probability
        for index, level in reversed(list(enumerate(branch.levels))):
            for way in level.ways:
                gone = population[index] * way.probability
                population[way.final] += gone
                energy = level.energy - branch.levels[way.final].energy
                total += gone * energy / (1.0 + way.conversion)
    return total * 1e3


@pytest.mark.parametrize("name", EVALUATED)
def test_gammas_have_the_evaluated_mean_energy_within_one_percent(name: str):
    assert mean_gamma_energy(TABLE[name]) == pytest.approx(EVALUATED[name], rel=0.01)


@pytest.mark.parametrize("name", UNBALANCED)
def test_schemes_that_do_not_balance_are_off_by_as_much_as_they_do_not(name: str):
    evaluated, tolerance, _ = UNBALANCED[name]
    assert mean_gamma_energy(TABLE[name]) == pytest.approx(evaluated, rel=tolerance)


@pytest.mark.parametrize("name", TABLE)
def test_a_scheme_adds_up_and_leads_down(name: str):
    nuclide = TABLE[name]
    assert sum(branch.share for branch in nuclide.branches) == pytest.approx(1.0, abs=1e-5)
    for branch in nuclide.branches:
        assert sum(feed.probability for feed in branch.feeds) == pytest.approx(1.0, abs=1e-5)
        for feed in branch.feeds:
            assert 0.0 <= feed.k_share + feed.l_share <= 1.0 + 1e-6
            pair = 2.0 * ELECTRON_MASS if feed.kind == "b+" else 0.0
            left = branch.q_value - branch.levels[feed.level].energy - pair
            assert left > (-1e-9 if feed.kind == "it" else 0.0)
        for index, level in enumerate(branch.levels):
            assert all(way.final < index for way in level.ways)
            if level.ways:
                assert sum(way.probability for way in level.ways) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("name", TABLE)
def test_a_capture_has_the_energy_to_empty_its_shell(name: str):
    for branch in TABLE[name].branches:
        binding = TABLE[name].atoms[branch.charge].binding
        for feed in branch.feeds:
            left = branch.q_value - branch.levels[feed.level].energy
            assert feed.k_share == 0.0 or left > binding[0]


def test_every_nuclide_names_its_source_and_lives_finitely():
    for name, nuclide in TABLE.items():
        assert nuclide.source, name
        assert (nuclide.half_life is None) == ("capture" in name)


# Source: ENSDF (Sep 2023). Half-lives in s.
@pytest.mark.parametrize(
    ("name", "half_life"),
    [("bi214", 19.71 * 60), ("po214", 163.6e-6), ("c11", 1221.8), ("xe137", 229.08)],
)
def test_half_lives(name: str, half_life: float):
    assert TABLE[name].half_life == pytest.approx(half_life, rel=1e-3)


def test_end_points_follow_from_q_and_the_level():
    """The evaluators of 137Xe give 4040 and 3650 keV; masses and levels say otherwise."""
    (branch,) = TABLE["xe137"].branches
    ends = {round(branch.q_value - branch.levels[f.level].energy, 3) for f in branch.feeds}
    assert {4.173, 3.718} <= ends
    (silver, _) = TABLE["ag110m"].branches
    assert silver.q_value == pytest.approx(2.8929 + 0.11759, rel=1e-6)


def test_captures_and_positrons_of_40k_and_11c_are_as_evaluated():
    """ENSDF: 10.66 % with the gamma of 1.461 MeV, 89.28 % betas, 11C 99.77 % positrons."""
    assert mean_gamma_energy(TABLE["k40"]) / 1460.85 == pytest.approx(0.1066, rel=0.005)
    _, calcium = TABLE["k40"].branches
    assert calcium.share == pytest.approx(0.8928, rel=1e-3)
    (carbon,) = TABLE["c11"].branches
    assert sum(f.probability for f in carbon.feeds if f.kind == "b+") == pytest.approx(
        0.9977, 1e-3
    )


def test_an_unknown_nuclide_or_daughter_names_the_choices():
    with pytest.raises(ConfigurationError, match=r"got 'bi215' \(choices: ac228"):
        read_nuclides("bi215")
    with pytest.raises(ConfigurationError, match="choices: 212Po, 208Tl"):
        TABLE["bi212"].to("214Po")
