"""What can be simulated, by name: a list that costs nothing to read.

Nuclides come from ``data/catalogue.json``, which is compiled with the decay table; what is made
of them, and what is none of them, is listed here with the import path of what draws it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

from kzcal.particles import ALPHA, ELECTRON, GAMMA, POSITRON

NAMED = "kzcal.physics.decay:Decay.named"
CHAINS = (
    ("bipo214", "214Bi, and the alpha of 214Po by its own half-life later.", 11.10246),
    ("bipo212", "212Bi, and the alpha of 212Po by its own half-life later.", 11.20562),
    ("ge68", "68Ge, and the positron of 68Ga by its own half-life later.", 3.028),
)
"""With the Q of both decays, MeV."""
STEPS = {"bipo214": ("bi214", "po214"), "bipo212": ("bi212", "po212"), "ge68": ("ge68", "ga68")}
XENON = (
    ("xe136-2nbb", "Double beta decay of 136Xe with two neutrinos.", "two_neutrino", 2.45783),
    ("xe136-2nbb-excited", "The same to the 0+ state of 136Ba at 1.579 MeV.", "excited", 2.45783),
    ("xe136-0nbb", "Double beta decay of 136Xe without neutrinos.", "neutrinoless", 2.45783),
)
XENON_DATA = "Q: Redshaw 2007; half-life: KamLAND-Zen 2019; shape: Doi, Kotani, Takasugi 1985"
TWO_NEUTRINO_HALF_LIFE = 7.037e28
"""s; 2.23e21 years."""
GIVEN = (("electron", ELECTRON), ("positron", POSITRON), ("gamma", GAMMA), ("alpha", ALPHA))

Row = tuple[str, float | tuple[float, ...], str, str]
ENERGY: Row = ("energy", 1.0, "MeV", "Kinetic energy, or the lower end of a range.")
ENERGY_TO: Row = ("energy_to", 0.0, "MeV", "Upper end of a flat spectrum; 0 for one energy.")
PAIR_ENERGY: Row = ("energy", 2.458, "MeV", "Of both together, or the lower end of a range.")
ENERGIES: Row = ("energies", (1.0,), "MeV", "Energies of the gammas.")
COMPANION: Row = ("electron", 0.0, "MeV", "Energy of an electron with them; 0 for none.")


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that can be simulated.

    Args:
        name: what users call it.
        summary: one line about it.
        path: import path of what builds it.
        arguments: of what builds it.
        half_life: s; None for what does not decay, or whose half-life is not known.
        q_value: MeV; None where options decide.
        data: where the data come from.
        options: name, default, unit and summary of each option.
    """

    name: str
    summary: str
    path: str
    arguments: tuple[str | int, ...] = ()
    half_life: float | None = None
    q_value: float | None = None
    data: str = "given by the user"
    options: tuple[Row, ...] = ()


def entries() -> Iterator[Entry]:
    """Everything that kzcal can simulate by itself."""
    text = files("kzcal.physics").joinpath("data/catalogue.json").read_text(encoding="utf-8")
    nuclides = {
        name: Entry(name, summary, NAMED, (name,), half_life, q_value, data)
        for name, (summary, half_life, q_value, data) in json.loads(text).items()
    }
    yield from (entry for name, entry in nuclides.items() if name not in STEPS)
    for name, summary, q_value in CHAINS:
        first = nuclides[STEPS[name][0]]
        path = "kzcal.physics.decay:Chain.named"
        yield Entry(name, summary, path, STEPS[name], first.half_life, q_value, first.data)
    for name, summary, function, q_value in XENON:
        half_life = TWO_NEUTRINO_HALF_LIFE if name == "xe136-2nbb" else None
        path = f"kzcal.physics.double_beta:{function}"
        yield Entry(name, summary, path, (), half_life, q_value, XENON_DATA)
    for name, particle in GIVEN:
        summary, path = f"One {name} of a given energy.", "kzcal.physics.given:GivenParticle"
        yield Entry(name, summary, path, (particle,), options=(ENERGY, ENERGY_TO))
    path = "kzcal.physics.double_beta:electron_pairs"
    summary = "Two electrons like those of double beta decay, of a given sum."
    yield Entry("electron-pair", summary, path, options=(PAIR_ENERGY, ENERGY_TO))
    path = "kzcal.physics.given:GivenGammas"
    summary = "Gammas of given energies at once, alone or with an electron."
    yield Entry("gammas", summary, path, options=(ENERGIES, COMPANION))
