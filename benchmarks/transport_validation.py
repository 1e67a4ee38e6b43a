"""The transport against an independent Monte Carlo and published figures, for docs/transport.md.

    python benchmarks/transport_validation.py --gammas 400000 --write docs/transport.md \
        --figure docs/transport.png

Compares gamma histories, electron ranges, quenching and visible energies, and times the parts.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from pages import table, write_part

from kzcal.geometry import Detector, load_detector
from kzcal.geometry.compositions import Composition, composition
from kzcal.geometry.materials import load_materials
from kzcal.optics.tracer import FullTracer
from kzcal.particles import ALPHA, ELECTRON, GAMMA, POSITRON, Deposits
from kzcal.physics.cross_sections import COMPTON, PAIR, photon_tables
from kzcal.physics.electrons import collision_stopping, forward_distances, integral
from kzcal.physics.gamma import PhotonDeposits, Photons, follow_photons
from kzcal.physics.tracks import ENERGY, alpha_tracks, electron_tracks
from kzcal.physics.transport import Transport
from kzcal.physics.visible import capture_light, isotropic, visible_energy

REFERENCE = Path(__file__).resolve().parents[1] / "tests" / "physics" / "gamma_reference.json"
QUANTITIES = {
    "n_compton": "Compton scatterings",
    "pair_frac": "share with a pair",
    "first_mean": "first interaction, cm",
    "r_mean": "energy-weighted radius, cm",
    "r_rms": "its rms, cm",
    "path_mean": "energy-weighted path, cm",
    "centroid_mean": "distance of the centroid, cm",
    "spread_mean": "spread about it, cm",
    "nsites_gt_50keV": "sites above 50 keV",
}
# Electrons: CSDA range in cm (Berger and Seltzer, I = 57.6 eV), forward distance in cm (ompmc
# 0.4.0 in CH2 of the same density), quenching with kB = 0.13 mm/MeV (independent integration).
RANGES = {0.1: 0.0172, 0.5: 0.2141, 1.0: 0.5336, 2.0: 1.2014, 3.0: 1.8615}
FORWARD = {0.5: 0.0915, 1.0: 0.2282, 2.0: 0.5232, 2.458: 0.6613, 3.0: 0.8258}
QUENCHING = {0.1: 0.8968, 0.5: 0.9581, 1.0: 0.9691, 2.0: 0.9751, 3.0: 0.9770}
ALPHAS = {5.304: 0.3335, 7.687: 0.5933, 8.784: 0.7332}
POLONIUM = {
    "210Po": (5.304, 0.34, 0.04),
    "214Po": (7.687, 0.60, 0.05),
    "212Po": (8.785, 0.74, 0.06),
}
# E_vis / E of electrons from a fit to KamLAND's gamma sources, n-H gamma at 0.984 of its energy.
FIT_SCALE = 0.984
FIT = {0.1: 0.87, 0.2: 0.93, 0.3: 0.957, 0.5: 0.989, 1.0: 1.023, 1.5: 1.037, 2.0: 1.045}
FIT |= {2.458: 1.049, 3.0: 1.053, 5.0: 1.058}
GAMMAS = (0.511, 0.662, 0.835, 1.116, 1.253, 1.461, 1.764, 2.2246, 2.615, 4.945)
PART = 50_000
"""Gammas at a time."""

LIQUIDS = {"Xe-LS": np.zeros(3), "LS": np.array([4.0, 0.0, 0.0])}


def liquid(xenon: float) -> Composition:
    """The liquids of the reference."""
    hydrogen = 1.97 * 1.008 / (1.97 * 1.008 + 12.011)
    parts = {"H": hydrogen * (1 - xenon), "C": (1 - hydrogen) * (1 - xenon)}
    return composition("liquid", 0.78, parts | ({"Xe": xenon} if xenon else {}), {"Xe": 135.8})


def along_z(energy: float, n: int) -> Photons:
    """Photons from the origin."""
    direction = np.tile([0.0, 0.0, 1.0], (n, 1))
    return Photons(np.full(n, energy), np.zeros((n, 3)), direction, np.zeros(n))


def histories(found: PhotonDeposits, energy: float, n: int) -> dict[str, np.ndarray]:
    """What the reference tells of each gamma, by gamma; lengths in cm."""
    weight, event, position = found.energy, found.photon, 100 * found.position

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(event, values, n)

    radius = np.linalg.norm(position, axis=1)
    centroid = np.stack([total(weight * x) for x in position.T], axis=1) / energy
    square = ((position - centroid[event]) ** 2).sum(axis=1)
    electron = found.particle == ELECTRON
    pair = (found.process == PAIR) & electron
    site = weight + np.where(pair, np.append(weight[1:], 0), 0)
    return {
        "n_compton": total(found.process == COMPTON),
        "pair_frac": (total(pair) > 0).astype(float),
        "first_mean": radius[np.unique(event, return_index=True)[1]],
        "r_mean": total(weight * radius) / energy,
        "r_rms": total(weight * radius**2) / energy,
        "path_mean": total(weight * found.time) * 29.9792458 / energy,
        "centroid_mean": np.linalg.norm(centroid, axis=1),
        "spread_mean": np.sqrt(total(weight * square) / energy),
        "nsites_gt_50keV": total(electron & (site >= 0.05)),
    }


def gamma_rows(n: int) -> Iterator[tuple[object, ...]]:
    """Found and expected figures of the histories, and their difference in standard errors."""
    reference = json.loads(REFERENCE.read_text())
    for name, xenon in (("LS", 0.0), ("XeLS", 0.0313)):
        tables = photon_tables([liquid(xenon)])._replace(xenon_x_ray=0.77)
        for energy in ("0.609312", "2.22325", "3"):
            generator = np.random.default_rng([len(name), int(1e6 * float(energy))])
            parts = []
            for _ in range(0, n, PART):
                photons = along_z(float(energy), PART)
                found = follow_photons(photons, tables, np.array([1e6]), generator=generator)
                parts.append(histories(found, float(energy), PART))
            for key in QUANTITIES:
                values = np.concatenate([part[key] for part in parts])
                expected, error = reference[name][energy][key]
                mean, own = values.mean(), values.std() / np.sqrt(len(values))
                if key == "r_rms":
                    mean, own = np.sqrt(mean), own / (2 * np.sqrt(mean))
                if own == 0:
                    continue
                pull = (mean - expected) / np.hypot(own, error)
                cells = f"{mean:.4g} ± {own:.1g}", f"{expected:.5g}", f"{pull:+.1f}"
                yield name, f"{float(energy):.4g}", QUANTITIES[key], *cells


def track_rows() -> Iterator[tuple[object, ...]]:
    """Ranges, forward distances and quenching in LS against references."""
    material = liquid(0.0)
    per_mev = 1 / (material.density * collision_stopping(material, ENERGY))
    length, forward = integral(ENERGY, per_mev), forward_distances(material, ENERGY)[0]
    electron = electron_tracks(material, 0.13, np.full(501, 1.45)).quenched / ENERGY
    alpha = alpha_tracks(material, 0.13).quenched
    for what, values, expected in (
        ("electron, CSDA range, cm", length, RANGES),
        ("electron, forward distance of the energy, cm", forward, FORWARD),
        ("electron, quenched share, kB 0.13 mm/MeV", electron, QUENCHING),
        ("alpha, quenched energy, MeV, kB 0.13 mm/MeV", alpha, ALPHAS),
    ):
        for energy, figure in expected.items():
            found = float(np.interp(energy, ENERGY, values))
            cells = f"{energy:g}", f"{found:.4f}", f"{figure:.4f}"
            yield what, *cells, f"{100 * (found / figure - 1):+.1f} %"


def cherenkov_weight(detector: Detector, place: np.ndarray, n: int = 400_000) -> float:
    """Photoelectrons of a Cherenkov photon over those of a scintillation photon."""
    tracer = FullTracer(detector, load_materials())
    counts = [
        len(
            tracer.trace(
                place[None], n, spectrum=kind, generator=torch.Generator().manual_seed(1)
            ).source
        )
        for kind in ("cherenkov", "scintillation")
    ]
    return counts[0] / counts[1]


class Scale:
    """Mean visible energies at one place."""

    def __init__(self, transport: Transport, place: np.ndarray, weight: float) -> None:
        self.transport, self.place, self.weight = transport, place, weight
        self.generator = np.random.default_rng(7)
        start = np.tile(place, (20_000, 1))
        self.per_mev = capture_light(
            transport, start, cherenkov_weight=weight, generator=self.generator
        )

    def deposits(self, particle: int, energy: float, n: int) -> Deposits:
        """Deposits of particles of one energy."""
        primaries = isotropic(particle, energy, n, generator=self.generator)
        start = np.tile(self.place, (n, 1))
        return self.transport.deposits(primaries, start, generator=self.generator)

    def mean(self, particle: int, energy: float, n: int = 5000) -> float:
        """Mean visible energy, MeV."""
        light = self.transport.light(self.deposits(particle, energy, n))
        visible = visible_energy(light, n, self.per_mev, cherenkov_weight=self.weight)
        return float(visible.mean())

    def spread(self, particle: int, energy: float, n: int) -> np.ndarray:
        """Root of the mean square distance of the deposits from their centroid, m."""
        return self.transport.truth(self.deposits(particle, energy, n))["rms"]


BIRKS = (0.193, 0.257)
"""Constants of the liquid in the detector file and at the upper end of what the fit allows."""


def with_birks(detector: Detector, birks: float) -> Detector:
    """A detector whose liquids have one Birks constant [mm/MeV]."""
    media = tuple(replace(m, birks_mm_per_mev=birks) for m in detector.media)
    return replace(detector, media=media)


def speed(transport: Transport, particle: int, energy: float, place: np.ndarray) -> list[float]:
    """Decays per second of processor time (best of seven): deposits, then light; sites."""
    n = 4000
    primaries = isotropic(particle, energy, n, generator=np.random.default_rng(1))
    start = np.tile(place, (n, 1))
    best = [np.inf, np.inf]
    for seed in range(7):
        clock = time.process_time()
        deposits = transport.deposits(primaries, start, generator=np.random.default_rng(seed))
        best[0] = min(best[0], time.process_time() - clock)
        clock = time.process_time()
        light = transport.light(deposits)
        best[1] = min(best[1], time.process_time() - clock)
    return [n / best[0], n / best[1], len(deposits.energy) / n, len(light.event) / n]


def figure(path: Path, scales: dict[str, Scale], upper: Scale) -> None:
    """Visible over true energy, and how far energy is spread."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    drawing, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    energies = np.geomspace(0.06, 6, 40)
    electron = [scales["LS"].mean(ELECTRON, e, 4) / e for e in energies]
    left.plot(energies, electron, "C0", label=f"electron, kB {BIRKS[0]} mm/MeV")
    strong = [upper.mean(ELECTRON, e, 4) / e for e in energies]
    left.plot(energies, strong, "C0--", label=f"electron, kB {BIRKS[1]} mm/MeV")
    fit = np.array(list(FIT.values())) / FIT_SCALE
    left.plot(list(FIT), fit, "k.", label="fit to KamLAND's gammas")
    gammas = [scales["LS"].mean(GAMMA, e, 3000) / e for e in GAMMAS]
    left.plot(GAMMAS, gammas, "C1s-", ms=4, label=f"gamma, kB {BIRKS[0]} mm/MeV")
    left.set(xscale="log", xlabel="energy [MeV]", ylabel="visible energy / energy (LS)")
    left.legend(frameon=False, fontsize=8)
    bins = np.linspace(0, 60, 121)
    for particle, energy, name in (
        (GAMMA, 0.511, "γ 0.511 MeV"),
        (GAMMA, 2.2246, "γ 2.225 MeV"),
        (POSITRON, 0.5, "e⁺ 0.5 MeV"),
    ):
        for colour, where in (("C0", "Xe-LS"), ("C1", "LS")):
            style = {"γ 0.511 MeV": ":", "γ 2.225 MeV": "-", "e⁺ 0.5 MeV": "--"}[name]
            values = 100 * scales[where].spread(particle, energy, 20_000)
            shown = {"color": colour, "ls": style, "label": f"{name}, {where}"}
            right.hist(values, bins, histtype="step", density=True, **shown)
    right.set(xlabel="rms of the deposits about their centroid [cm]", ylabel="per cm")
    right.legend(frameon=False, fontsize=8)
    drawing.savefig(path, dpi=100)


def main() -> None:
    """Measure, then print or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gammas", type=int, default=400_000)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    detector = load_detector()
    transport = Transport(detector)
    weights = {name: cherenkov_weight(detector, place) for name, place in LIQUIDS.items()}
    scales = {n: Scale(transport, place, weights[n]) for n, place in LIQUIDS.items()}
    upper = Scale(Transport(with_birks(detector, BIRKS[1])), LIQUIDS["LS"], weights["LS"])
    parts = [
        table(
            ["liquid", "MeV", "quantity", "found", "reference", "pull"],
            gamma_rows(options.gammas),
        ),
        table(["track", "MeV", "found", "reference", "difference"], track_rows()),
        "Cherenkov photons count "
        + ", ".join(f"{w:.3f} in {n}" for n, w in weights.items())
        + " of a scintillation photon (full tracer).",
        table(
            ["alpha", "prior, MeV", *LIQUIDS],
            [
                (name, f"{mean} ± {error}", *(s.mean(ALPHA, e, 4) for s in scales.values()))
                for name, (e, mean, error) in POLONIUM.items()
            ],
        ),
        table(
            ["gamma, MeV", *(f"visible / energy, {name}" for name in LIQUIDS)],
            [
                (f"{e}", *(f"{s.mean(GAMMA, e, 20_000) / e:.4f}" for s in scales.values()))
                for e in GAMMAS
            ],
        ),
        table(
            ["electron, MeV", "fit", *(f"kB {birks} mm/MeV, LS" for birks in BIRKS)],
            [
                (
                    f"{e}",
                    f"{v:.3f}",
                    *(
                        f"{FIT_SCALE * s.mean(ELECTRON, e, 4) / e:.3f}"
                        for s in (scales["LS"], upper)
                    ),
                )
                for e, v in FIT.items()
            ],
        ),
        table(
            ["decay", "deposits/s", "light/s", "deposits each", "sources of light each"],
            [
                (f"{name}, {where}", *(f"{v:.3g}" for v in speed(transport, p, e, LIQUIDS[where])))
                for name, p, e in (("γ 2.2246 MeV", GAMMA, 2.2246), ("e⁺ 1 MeV", POSITRON, 1.0))
                for where in LIQUIDS
            ],
        ),
    ]
    text = "\n\n".join(parts)
    if options.figure:
        figure(options.figure, scales, upper)
    if options.write:
        write_part(options.write, "transport validation", text)
    print(text)


if __name__ == "__main__":
    main()
