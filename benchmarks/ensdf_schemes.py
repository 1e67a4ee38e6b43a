"""Decay schemes from the data sets of ENSDF, as paceENSDF writes them in JSON."""

from __future__ import annotations

import json
import re
import zipfile
from typing import Any

import numpy as np

ENSDF = "ENSDF (Sep 2023) via paceENSDF 0.6.3; xraylib 4.3.0"
UNIQUE = {"firstForbiddenUnique": 1, "secondForbiddenUnique": 2, "thirdForbiddenUnique": 3}
MODES = {"b-": "betaMinusDecay", "ec": "betaPlusDecay", "a": "alphaDecay"}
PAIR = 1021.998
"""Twice the electron's mass, keV."""
SETTLED = 1.0
"""A level that lives longer, in s, and has no gammas ends the cascade."""
CONVERTED = 1e9
"""Conversion electrons per photon of a transition without a photon."""
MONOPOLE = (0.85, 0.13)
"""K and L share of the electrons of E0 transitions. Assumption: internal pairs are left out."""


def number(value: object) -> float:
    """A figure of ENSDF; '73.92+X' is 73.92, nothing is zero."""
    if isinstance(value, int | float):
        return float(value)
    found = re.match(r"[\d.]+", value) if isinstance(value, str) else None
    return float(found.group()) if found else 0.0


def data_sets(archive: zipfile.ZipFile, parent: str, daughter: str) -> list[dict[str, Any]]:
    """All decays of a parent to a daughter, by the parent's excitation."""
    start = f"paceENSDF/ENSDF_JSON/j_input_{parent}_{daughter}_"
    names = [name for name in archive.namelist() if name.startswith(start)]
    found = [json.loads(archive.read(name)) for name in names]
    return sorted(found, key=lambda data: number(data["levelEnergyParentDecay"]))


def transitions(level: dict[str, Any], unit: float) -> list[list[float]]:
    """Ways down from a level: final level, intensity of the transition, ICC, K and L share."""
    rows = []
    for gamma in level["gammaDecay"] if level["numberOfGammas"] else []:
        intensity = number(gamma["gammaIntensity"]) * unit
        if str(gamma["multipolarity"]).strip("()") == "E0":
            row = [gamma["levelIndexFinal"], intensity, CONVERTED, *MONOPOLE]
        else:
            icc, *shares = conversion(gamma)
            row = [gamma["levelIndexFinal"], intensity * (1.0 + icc), icc, *shares]
        if intensity > 0.0:
            rows.append(row)
    return rows


def conversion(gamma: dict[str, Any]) -> tuple[float, float, float]:
    """Conversion electrons per photon, and K and L share of them."""
    total = gamma["calculatedTotalInternalConversionCoefficient"]
    icc = number(total or gamma["experimentalTotalInternalConversionCoefficient"])
    if icc <= 0.0:
        return 0.0, 0.0, 0.0
    shells = (gamma["calculatedAtomicShellConversionCoefficients"] or [{}])[0]
    name = "calculatedInternalConversionCoefficientAtomicShell"
    return icc, number(shells.get(f"{name}K")) / icc, number(shells.get(f"{name}L")) / icc


def listed_feeds(level: dict[str, Any], unit: float) -> dict[str, Any]:
    """What ENSDF says of the feed of a level, per decay of the parent."""
    found: dict[str, Any] = {"b-": 0.0, "b+": 0.0, "ec": 0.0, "a": 0.0, "all": 0.0, "unique": 0}
    for mode, key in MODES.items():
        for row in level.get(key) or []:
            found["unique"] = UNIQUE.get(row.get("forbiddennessClassification") or "", 0)
            if mode == "ec":
                found["b+"] = number(row["betaPlusIntensity"]) * unit
                found["ec"] = number(row["electronCaptureIntensity"]) * unit
                found["all"] = number(row["totalElectronCaptureBetaPlusIntensity"]) * unit
                both = found["ec"] + found["b+"]
                if found["ec"] > 0.0:
                    found["shells"] = capture_shells(row, found["ec"] / both)
            else:
                column = "betaMinusIntensity" if mode == "b-" else "alphaIntensity"
                found[mode] = found["all"] = number(row[column]) * unit
    return found


def capture_shells(row: dict[str, Any], captures: float) -> list[float] | None:
    """K and L share of the captures of one branch."""
    table = (row["calculatedAtomicShellElectronCaptureFractions"] or [{}])[0]
    name = "calculatedElectronCaptureFractionAtomicShell"
    share = [number(table.get(name + shell)) / captures for shell in "KL"]
    if share[0] <= 0.0 or sum(share) > 1.02:
        return None
    return [s / max(sum(share), 1.0) for s in share]


def rebuilt(ways: list[list[list[float]]], listed: np.ndarray) -> np.ndarray:
    """Feed of every level: what leaves it less what arrives, the ground state the remainder.

    Feeds that add up to more than one are scaled down; if it is less than 5 % more, those that
    ENSDF does not list come first. So that no high-energy tail is made up, the ground state is
    left out where none of its feed is listed and less than 1 % is missing.
    """
    feeds, arriving = np.zeros(len(ways)), np.zeros(len(ways))
    for index in range(len(ways) - 1, 0, -1):
        leaving = sum(row[1] for row in ways[index])
        feeds[index] = max(leaving - arriving[index], 0.0)
        for row in ways[index]:
            arriving[int(row[0])] += max(leaving, arriving[index]) * row[1] / leaving
    feeds[0] = listed[0]
    missing = 1.0 - feeds.sum()
    if missing > (0.0 if listed[0] > 0.0 else 0.01):
        feeds[0] += missing
    unlisted = np.where(listed > 0.0, 0.0, feeds)
    if 0.0 < -missing < 0.05 and unlisted.sum() > 0.0:
        feeds -= unlisted * min(-missing / unlisted.sum(), 1.0)
    return feeds


def branch(data: dict[str, Any]) -> dict[str, Any]:
    """One data set as levels and feeds, energies in keV."""
    record = data["decaySchemeNormalization"][0]["normalizationRecord"][0]
    share = number(record["multiplerBranchingRatio"]) or 1.0
    photons = (number(record["multiplerPhotonIntensity"]) or 1.0) / 100.0
    leptons = (number(record["multiplerLeptonIntensity"]) or 1.0) / 100.0
    parent = data["parentDecay"][0]
    q = number(parent["valueQ"]) + number(parent["parentDecayLevelEnergy"])
    levels = [level for level in data["levelScheme"] if number(level["levelEnergy"]) < q]
    energies = [number(level["levelEnergy"]) for level in levels]
    ways = [transitions(level, photons) for level in levels]
    listed = [listed_feeds(level, leptons) for level in levels]
    for index, level in enumerate(levels):
        if index and not ways[index] and half_life_of(level) < SETTLED:
            total = max(listed[index]["all"], 1e-9)
            ways[index] = [[index - 1, total, CONVERTED, 0.0, 0.7]]
    if any(feed["a"] for feed in listed):
        feeds = np.array([feed["a"] for feed in listed])
    else:
        feeds = rebuilt(ways, np.array([feed["all"] for feed in listed]))
        settled = [index for index, way in enumerate(ways) if index and not way]
        feeds[settled] = [listed[index]["all"] for index in settled]
    feeds /= feeds.sum()
    rows = zip(levels, energies, ways, strict=True)
    return {
        "daughter": f"{data['daughterAtomicMass']}{re.sub(r'[0-9]', '', data['daughterID'])}",
        "z": data["daughterAtomicNumber"],
        "a": data["daughterAtomicMass"],
        "share": share,
        "q": round(q, 3),
        "levels": [level_row(level, energy, way) for level, energy, way in rows],
        "feeds": split(feeds, listed, energies, q),
    }


def half_life_of(level: dict[str, Any]) -> float:
    """Half-life of a level, s; 0 where none is given."""
    return number((level["isomerDecay"] or [{}])[0].get("halfLifeConverted"))


def level_row(level: dict[str, Any], energy: float, way: list[list[float]]) -> list[Any]:
    """Energy, half-life in s, and per way down: final level, probability, ICC, K, L share."""
    total = sum(row[1] for row in way)
    ways = [[int(row[0]), rounded(row[1] / total), *map(rounded, row[2:])] for row in way]
    half_life = 0.0 if energy == 0.0 else half_life_of(level)
    return [round(energy, 3), rounded(half_life), ways]


def rounded(value: float) -> float:
    """Six figures."""
    return float(f"{value:.6g}")


def split(
    feeds: np.ndarray, listed: list[dict[str, Any]], energies: list[float], q: float
) -> list[list[Any]]:
    """Feeds by kind: level, kind, probability, order of uniqueness, K and L share of captures.

    Captures per positron of a level that ENSDF does not list are those of its neighbours in
    energy.
    """
    known = [(q - e - PAIR, f["ec"] / f["b+"]) for f, e in zip(listed, energies, strict=True)
             if f["b+"] > 0.0 and f["ec"] > 0.0]  # fmt: skip
    shells = [feed["shells"] for feed in listed if feed.get("shells")]
    usual = np.mean(shells, axis=0).tolist() if shells else [0.85, 0.12]
    modes = {mode for mode in ("b-", "ec", "a") if any(f[mode] for f in listed)}
    rows: list[list[Any]] = []
    for index, feed in enumerate(feeds):
        if feed < 1e-8:
            continue
        if modes != {"ec"}:
            rows.append([index, *modes, rounded(feed), listed[index]["unique"], 0.0, 0.0])
            continue
        room = q - energies[index] - PAIR
        captures = capture_share(listed[index], known, room)
        share = listed[index].get("shells") or usual
        unique = listed[index]["unique"]
        rows.append([index, "ec", rounded(feed * captures), unique, *map(rounded, share)])
        if captures < 1.0:
            rows.append([index, "b+", rounded(feed * (1.0 - captures)), unique, 0.0, 0.0])
    return [row for row in rows if row[2] > 0.0]


def capture_share(feed: dict[str, Any], known: list[tuple[float, float]], room: float) -> float:
    """Share of captures among the captures and positrons to one level."""
    if room <= 0.0:
        return 1.0
    if feed["ec"] + feed["b+"] > 0.0:
        return float(feed["ec"] / (feed["ec"] + feed["b+"]))
    if not known:
        return 1.0
    room_known, ratio = np.array(sorted(known)).T
    ratio_here = np.exp(np.interp(room, room_known, np.log(ratio)))
    return float(ratio_here / (1.0 + ratio_here))


def nuclide(archive: zipfile.ZipFile, names: list[str]) -> dict[str, Any]:
    """Half-life and branches of one parent."""
    found = []
    for name in names:
        parent, daughter, *isomer = name.split(":")
        sets = data_sets(archive, parent, daughter)
        found.append(sets[-1] if isomer else sets[0])
    branches = [branch(data) for data in found]
    total = sum(row["share"] for row in branches)
    for row in branches:
        row["share"] = rounded(row["share"] / total)
    half_life = found[0]["parentDecay"][0]["halfLife"][0]["halfLifeConverted"]
    return {"half_life": half_life, "source": ENSDF, "branches": branches}
