"""Visible energies of the backgrounds of a search for neutrinoless double beta decay.

    python benchmarks/sensitivity_spectra.py --decays 2000
        --write kzcal/sensitivity/spectra.csv

Decays within 1.9 m of the centre, followed to their quenched energy and put on the scale of the
gamma of neutron capture, without the detector's resolution: a share per bin for each background.
Long-lived isotopes are those of Abe et al. (2023), arXiv:2301.09307, with the six yields that are
known (FLUKA) and 1 per kton and day for each of the others, which nobody who does not have that
paper's table knows better; 90mZr is left out, whose decay is an isomeric transition.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kzcal import plugins
from kzcal.components import Source
from kzcal.geometry import load_detector
from kzcal.physics.double_beta import Q_VALUE
from kzcal.physics.transport import Transport
from kzcal.simulate.vertices import visible_scale

YIELDS = {"y88": 0.136, "sb118": 1.288, "i122": 1.965, "i124": 1.654, "i130": 1.188, "i132": 0.427}
"""Per kton of liquid and day."""
UNKNOWN_YIELD = 1.0
OTHERS = (
    "nb90", "tc96", "rh98", "rh100", "ag104", "ag104m", "in107", "in108", "sn109", "in110",
    "in110m", "sb113", "sb114", "sb115", "te115", "sb116", "te117", "i119", "i120", "xe121",
    "sb124", "cs125", "cs126", "cs128", "i134",
)  # fmt: skip
SINGLE = ("xe137", "c10", "he6", "bi214", "tl208")
STEP, LAST = 0.02, 6.0
RADIUS = 1.9


def visible(
    record: Source, transport: Transport, scale: float, n: int, generator: np.random.Generator
) -> np.ndarray:
    """Visible energies of decays spread evenly over the balloon, MeV."""
    direction = generator.normal(size=(n, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    place = direction * RADIUS * generator.random((n, 1)) ** (1 / 3)
    primaries = record.prepare().sample(n, generator=generator)
    deposits = transport.deposits(primaries, place, generator=generator)
    return scale * transport.truth(deposits)["e_quenched"]


def pair_scale(sources: Mapping[str, Source], transport: Transport, scale: float, n: int) -> float:
    """Visible over true energy of electron pairs at Q."""
    generator = np.random.default_rng(2)
    pairs = visible(sources["xe136-0nbb"], transport, scale, n, generator)
    return float(pairs.mean() / Q_VALUE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decays", type=int, default=2000)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    sources = plugins.load().sources
    transport = Transport(load_detector("kamland-zen-800"))
    scale = visible_scale(transport)
    edges = np.arange(round(LAST / STEP) + 1) * STEP
    generator = np.random.default_rng(1)

    def shares(name: str, n: int) -> np.ndarray:
        energy = visible(sources[name], transport, scale, n, generator)
        return np.histogram(energy, edges)[0] / n

    pairs = pair_scale(sources, transport, scale, given.decays)
    print(f"visible over true energy of electron pairs at Q: {pairs:.4f}")
    yields = YIELDS | dict.fromkeys(OTHERS, UNKNOWN_YIELD)
    total = sum(yields.values())
    columns = {"long-lived": np.zeros(len(edges) - 1)}
    for name, rate in yields.items():
        columns["long-lived"] += rate / total * shares(name, given.decays)
    columns |= {name: shares(name, 10 * given.decays) for name in SINGLE}
    middle = (edges[1:] + edges[:-1]) / 2
    inside = (middle > 2.35) & (middle < 2.70)
    for name, column in columns.items():
        print(f"{name}: {column[inside].sum():.4f} from 2.35 to 2.70 MeV before resolution")
    if given.write:
        rows = [",".join(["energy_mev", *columns])]
        rows += [
            ",".join([f"{at:.2f}", *(f"{column[i]:.3e}" for column in columns.values())])
            for i, at in enumerate(middle)
        ]
        given.write.write_text("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
