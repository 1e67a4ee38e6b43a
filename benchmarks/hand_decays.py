"""Decays that ENSDF's lists of levels do not hold, row by row with their sources."""

from __future__ import annotations

from typing import Any

import numpy as np

HELIUM = 3728.40
"""Mass of the alpha particle, MeV."""


def scheme(daughter: str, z: int, a: int, q: float, levels: list[Any], feeds: list[Any],
           share: float = 1.0) -> dict[str, Any]:  # fmt: skip
    """One branch, in the order of the compiled table."""
    return {"daughter": daughter, "z": z, "a": a, "share": share, "q": q,
            "levels": levels, "feeds": feeds}  # fmt: skip


def zirconium_90m(niobium: dict[str, Any]) -> dict[str, Any]:
    """The 2319 keV isomer, whose ways down are those seen after 90Nb."""
    levels = [row for row in niobium["branches"][0]["levels"] if row[0] < 2319.5]
    half_life = levels[-1][1]
    levels[-1] = [levels[-1][0], 0.0, levels[-1][2]]
    branch = scheme("90Zr", 40, 90, levels[-1][0], levels, [[len(levels) - 1, "it", 1.0, 0, 0, 0]])
    return {"half_life": half_life, "source": niobium["source"], "branches": [branch]}


def xenon_134m() -> dict[str, Any]:
    """Three gammas in a row, the first one converted in 30 % of the decays.

    Assumption: 72 % of its conversion is in the K and 21 % in the L shell, as is usual of E3.
    """
    levels = [
        [0.0, 0.0, []],
        [847.0, 0.0, [[0, 1.0, 0.0, 0.0, 0.0]]],
        [1731.1, 0.0, [[1, 1.0, 0.0, 0.0, 0.0]]],
        [1965.4, 0.0, [[2, 1.0, 0.43, 0.72, 0.21]]],
    ]
    branch = scheme("134Xe", 54, 134, 1965.4, levels, [[3, "it", 1.0, 0, 0, 0]])
    return {"half_life": 0.29, "source": "JENDL-5; xraylib 4.3.0", "branches": [branch]}


def silver_110m() -> dict[str, Any]:
    """The isomeric transition to 110Ag, 1.33 %, almost always by a conversion electron."""
    levels = [[0.0, 0.0, []], [1.11, 0.0, [[0, 1.0, 1e9, 0.0, 0.0]]],
              [117.59, 0.0, [[1, 1.0, 168.0, 0.62, 0.29]]]]  # fmt: skip
    return scheme("110Ag", 47, 110, 117.59, levels, [[2, "it", 1.0, 0, 0, 0]], 0.0133)


def boron_12() -> dict[str, Any]:
    """Two levels of 12C above three alphas come apart.

    Source: JENDL-5 (feeds); the threshold of three alphas is 7274.7 keV (AME 2020).
    """
    levels = [
        [0.0, 0.0, []],
        [4439.82, 0.0, [[0, 1.0, 0.0, 0.0, 0.0]]],
        [7654.2, 0.0, [], 3],
        [10300.0, 0.0, [], 3],
    ]
    feeds = [[0, "b-", 0.98216, 0, 0, 0], [1, "b-", 0.01182, 0, 0, 0],
             [2, "b-", 0.0054, 0, 0, 0], [3, "b-", 0.00062, 0, 0, 0]]  # fmt: skip
    branch = scheme("12C", 6, 12, 13369.4, levels, feeds)
    return {"half_life": 0.0202, "source": "ENSDF (Sep 2023); JENDL-5", "branches": [branch]}


def beryllium_8(q: float, kind: str, half_life: float) -> dict[str, Any]:
    """The broad 2+ level of 8Be, in steps of 0.2 MeV, each of which becomes two alphas.

    Assumption: one level at 3.03 MeV, 1.513 MeV wide (TUNL), whose width follows the l = 2
    penetrability at 4.5 fm without the Coulomb barrier, weighted with the phase space of the
    beta decay; the alpha spectrum that R-matrix fits describe (Warburton 1986,
    10.1103/PhysRevC.33.303) would settle it. Light of the alphas is a tenth of their energy.
    """
    threshold, step = -91.84, 200.0
    energy = np.arange(step / 2, 15500.0, step)
    above = (energy - threshold) / 1e3
    rho = 4.5 * np.sqrt(HELIUM * above) / 197.327
    penetrability = rho**5 / (9.0 + 3.0 * rho**2 + rho**4)
    width = 1.513 * penetrability / np.interp(3.12, above, penetrability)
    line = width / ((above - 3.12) ** 2 + width**2 / 4.0)
    feeds = line * (q - energy - (1022.0 if kind == "b+" else 0.0)) ** 5
    levels: list[Any] = [[0.0, 0.0, []], *([float(e), 0.0, [], 2] for e in energy)]
    rows = [
        [index + 1, kind, float(f"{feed:.5g}"), 0, 0, 0]
        for index, feed in enumerate(feeds / feeds.sum())
    ]
    branch = scheme("8Be", 4, 8, q, levels, rows)
    return {"half_life": half_life, "source": "ENSDF (Sep 2023); TUNL", "branches": [branch]}


def captures() -> dict[str, Any]:
    """Thermal neutrons in the liquid; 0.77 % of them end on carbon.

    Source: separation energies of AME 2020; 13C by 68 % of 4.945 MeV alone and 32 % of
    1.262 MeV and 3.684 MeV.
    """
    hydrogen = scheme("2H", 1, 2, 2224.57, [[0.0, 0.0, []], [2224.57, 0.0, [[0, 1.0, 0, 0, 0]]]],
                      [[1, "it", 1.0, 0, 0, 0]])  # fmt: skip
    ways = [[0, 0.68, 0.0, 0.0, 0.0], [1, 0.32, 0.0, 0.0, 0.0]]
    levels = [[0.0, 0.0, []], [3684.51, 0.0, [[0, 1.0, 0, 0, 0]]], [4946.31, 0.0, ways]]
    carbon = scheme("13C", 6, 13, 4946.31, levels, [[2, "it", 1.0, 0, 0, 0]])
    source = "AME 2020 (Q); ENSDF (13C)"
    kept = {"n-capture-h1": [hydrogen], "n-capture-c12": [carbon],
            "neutron-capture": [hydrogen | {"share": 0.9923},
                                carbon | {"share": 0.0077}]}  # fmt: skip
    return {name: {"half_life": None, "source": source, "branches": rows}
            for name, rows in kept.items()}  # fmt: skip


def amend(nuclides: dict[str, Any]) -> None:
    """Add what ENSDF's lists do not hold."""
    nuclides["zr90m"] = zirconium_90m(nuclides["nb90"])
    nuclides["xe134m"] = xenon_134m()
    nuclides["b12"] = boron_12()
    nuclides["li8"] = beryllium_8(16005.16, "b-", 0.8399)
    nuclides["b8"] = beryllium_8(17979.8, "b+", 0.770)
    nuclides["ag110m"]["branches"][0]["share"] = 0.9867
    nuclides["ag110m"]["branches"].append(silver_110m())
    nuclides["ag110m"]["source"] += "; JENDL-5"
    nuclides |= captures()
