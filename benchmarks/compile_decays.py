"""Compile the decay table that kzcal ships from the evaluated schemes of ENSDF.

    pip download paceENSDF==0.6.3 --no-deps    # 98 MB: ENSDF of September 2023 as JSON
    pip install xraylib                        # atomic shells
    python benchmarks/compile_decays.py paceENSDF-0.6.3-py3-none-any.whl

The schemes are not carried over as they stand. Feeds of excited levels are rebuilt from the
balance of gamma and conversion intensities, since listed feeds seldom add up to one; the ground
state takes what is left. End points follow from Q, the parent's excitation and the level.
Decays that ENSDF does not hold, or not as a list of levels, are the hand rows of
``hand_decays``, each with its source.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import hand_decays
import xraylib
from ensdf_schemes import nuclide, rounded

TABLE = Path(__file__).parent.parent / "kzcal/physics/data/decays.json"

DECAYS = """
    bi214 Bi214:Po214   bi212 Bi212:Po212 Bi212:Tl208   tl208 Tl208:Pb208   tl210 Tl210:Pb210
    bi210 Bi210:Po210   po210 Po210:Pb206   po214 Po214:Pb210   po212 Po212:Pb208
    pb214 Pb214:Bi214   pb212 Pb212:Bi212   ac228 Ac228:Th228   pa234m Pa234:U234:m
    kr85 Kr85:Rb85   k40 K40:Ar40 K40:Ca40   co60 Co60:Ni60   cs137 Cs137:Ba137
    ge68 Ge68:Ga68   ga68 Ga68:Zn68   rb82 Rb82:Kr82   ag110m Ag110:Cd110:m   ag110 Ag110:Cd110
    rn222 Rn222:Po218   po218 Po218:Pb214   rn220 Rn220:Po216   po216 Po216:Pb212
    na22 Na22:Ne22   n16 N16:O16   c10 C10:B10   c11 C11:B11   he6 He6:Li6   xe137 Xe137:Cs137
    y88 Y88:Sr88   nb90 Nb90:Zr90   tc96 Tc96:Mo96   rh98 Rh98:Ru98   rh100 Rh100:Ru100
    ag104 Ag104:Pd104   ag104m Ag104:Pd104:m   in107 In107:Cd107   in108 In108:Cd108
    sn109 Sn109:In109   in110 In110:Cd110   in110m In110:Cd110:m   sb113 Sb113:Sn113
    sb114 Sb114:Sn114   sb115 Sb115:Sn115   te115 Te115:Sb115   sb116 Sb116:Sn116
    te117 Te117:Sb117   sb118 Sb118:Sn118   i119 I119:Te119   i120 I120:Te120   xe121 Xe121:I121
    i122 I122:Te122   i124 I124:Te124   sb124 Sb124:Te124   cs125 Cs125:Xe125
    cs126 Cs126:Xe126   cs128 Cs128:Xe128   i130 I130:Xe130   i132 I132:Xe132   i134 I134:Xe134
"""
"""Name, then parent, daughter and whether the parent is the isomer, per data set."""


def atom(z: int) -> list[float]:
    """Binding energies of K, L, M; K fluorescence yield; K alpha, K beta energy, beta share."""
    edges = [xraylib.EdgeEnergy(z, s) if z > 10 or s == xraylib.K_SHELL else 0.0
             for s in (xraylib.K_SHELL, xraylib.L3_SHELL, xraylib.M3_SHELL)]  # fmt: skip
    if z <= 10:
        return [rounded(edges[0]), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    line = [xraylib.LineEnergy(z, k) for k in (xraylib.KA_LINE, xraylib.KB_LINE)]
    beta = xraylib.RadRate(z, xraylib.KB_LINE)
    beta_share = beta / (beta + xraylib.RadRate(z, xraylib.KA_LINE))
    return [*map(rounded, (*edges, xraylib.FluorYield(z, xraylib.K_SHELL), *line, beta_share))]


def summary(name: str, entry: dict[str, Any]) -> str:
    """One line about a nuclide."""
    words = {"b-": "beta decay", "b+": "positrons and capture", "ec": "electron capture",
             "a": "alpha decay", "it": "gammas"}  # fmt: skip
    found = []
    for row in entry["branches"]:
        modes = {feed[1] for feed in row["feeds"]}
        mode = "b+" if "b+" in modes else min(modes)
        found.append(f"{words[mode]} to {row['daughter']}")
    if entry["half_life"] is None:
        caught = [row["daughter"].replace("2H", "1H").replace("13C", "12C")
                  for row in entry["branches"]]  # fmt: skip
        return f"Gammas after the capture of a neutron by {' or '.join(caught)}."
    letters = re.match(r"[a-z]+", name).group()
    nucleus = name.removeprefix(letters) + letters.capitalize()
    return f"{nucleus}: {', '.join(found)}."


def catalogue(nuclides: dict[str, Any]) -> dict[str, Any]:
    """What is worth listing of every nuclide: summary, half-life in s, Q in MeV, source."""
    return {
        name: [
            summary(name, entry),
            entry["half_life"],
            rounded(max(row["q"] for row in entry["branches"]) / 1e3),
            entry["source"],
        ]
        for name, entry in sorted(nuclides.items())
    }


def lines(rows: dict[str, Any], indent: str) -> str:
    """JSON with one line a row."""
    text = (f"{indent}{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}"
            for k, v in rows.items())  # fmt: skip
    return ",\n".join(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--out", type=Path, default=TABLE)
    options = parser.parse_args()
    nuclides: dict[str, Any] = {}
    with zipfile.ZipFile(options.wheel) as archive:
        for name, sets in re.findall(r"(\w+)((?: \w+:[\w:]+)+)", DECAYS):
            nuclides[name] = nuclide(archive, sets.split())
    hand_decays.amend(nuclides)
    charges = sorted({row["z"] for entry in nuclides.values() for row in entry["branches"]})
    table = {
        "paceENSDF sha256": hashlib.sha256(options.wheel.read_bytes()).hexdigest(),
        "units": "level, Q and shell energies keV; half-lives s; probabilities per decay",
        "atoms": {str(z): atom(z) for z in charges},
        "nuclides": dict(sorted(nuclides.items())),
    }
    rows = table.pop("nuclides")
    text = f'{{\n{lines(table, " ")},\n "nuclides": {{\n{lines(rows, "  ")}\n }}\n}}\n'
    options.out.write_text(text, encoding="utf-8")
    text = f"{{\n{lines(catalogue(nuclides), ' ')}\n}}\n"
    options.out.with_name("catalogue.json").write_text(text, encoding="utf-8")
    print(f"{options.out}: {len(nuclides)} nuclides, {options.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
