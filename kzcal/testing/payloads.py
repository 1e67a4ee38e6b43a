"""Payloads as a calibration makes them, drawn at random, for tests of the report.

Spectra are Poisson numbers about their expectation, so that a report of them shows perfect
agreement; what a test plants on top is then the only disagreement.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float64

from kzcal.conditions.payload import Column, GlobalBlock, InputFile, Lineage, Payload
from kzcal.geometry import Detector

TYPICAL: Mapping[str, tuple[str, tuple[float, float, float], tuple[float, float, float]]] = {
    "qe": ("1", (1.0, 0.08, 0.009), (1.0, 0.09, 0.007)),
    "gain": ("1", (1.0, 0.05, 0.012), (0.99, 0.05, 0.010)),
    "spe_width": ("1", (0.40, 0.03, 0.014), (0.45, 0.04, 0.012)),
    "time_offset": ("ns", (0.0, 1.2, 0.06), (0.0, 1.2, 0.08)),
    "tts": ("ns", (1.35, 0.12, 0.07), (2.20, 0.18, 0.10)),
    "dark_rate": ("Hz", (22_000.0, 6_000.0, 900.0), (31_000.0, 9_000.0, 1_100.0)),
}
"""Unit; median, spread and error of 17-inch tubes; the same of 20-inch tubes."""

BAD = (
    (17, "dead", "no hit above the dark rate", -1),
    (400, "dead", "no hit above the dark rate", -1),
    (731, "hot", "dark rate 14 times the median of its type", -1),
    (1200, "swapped", "its hits come from the place of cable 1411", 1411),
    (1411, "swapped", "its hits come from the place of cable 1200", 1200),
)
"""Cable number, status, reason and partner of each bad PMT."""


def example_lineage(run: int = 15001, tag: str = "prompt-2026") -> Lineage:
    """What made the example payloads."""
    inputs = (InputFile(f"run_{run}.h5", "5e" * 32),)
    settings = {"detector": "kamland-zen-800", "run": run, "tag": tag, "merging_time": 12.0}
    return Lineage(inputs, "0.1.0", {"kzcal": "0.1.0"}, settings, seed=1)


def example_calibration(detector: Detector, *, seed: int = 1, run: int = 15001) -> Payload:
    """A calibration of every PMT with a few bad ones.

    The true constants are the same at every seed; what the seed draws are the errors.
    """
    truth, noise = np.random.default_rng(20260101), np.random.default_rng(seed)
    status, reason, partner = _statuses(detector)
    dead, is_20 = status == "dead", detector.diameter_inch == 20
    columns = {
        "status": Column(status, "", "good, or what is wrong"),
        "reason": Column(reason, "", "why it is not good"),
        "partner": Column(partner, "1", "cable that it is exchanged with, or -1"),
        "n_hits": Column(np.where(dead, 0, noise.poisson(3800, len(status))), "1", "hits"),
    }
    for name, (unit, small, large) in TYPICAL.items():
        middle, spread, error = (np.where(is_20, b, a) for a, b in zip(small, large, strict=True))
        true = middle + spread * np.clip(truth.standard_normal(len(status)), -3.0, 3.0)
        values = true + error * noise.standard_normal(len(status))
        errors = error * noise.uniform(0.85, 1.2, len(status))
        values, errors = (np.where(dead, np.nan, numbers) for numbers in (values, errors))
        columns[name] = Column(values, unit, f"{name} of a PMT", errors)
    return Payload("pmt-response", columns, example_globals(), example_lineage(run))


def example_globals() -> GlobalBlock:
    """A few global parameters that are correlated."""
    names = ("exponential_fraction_17", "threshold_17", "tts_mean_17", "tts_mean_20", "time_walk")
    values = np.array([0.13, 0.30, 1.35, 2.20, 0.85])
    errors = np.array([0.004, 0.003, 0.012, 0.015, 0.02])
    distance = np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
    covariance = np.outer(errors, errors) * (-0.6) ** distance
    units, docs = ("1", "p.e.", "ns", "ns", "ns"), tuple(f"{name} of all PMTs" for name in names)
    return GlobalBlock(names, values, units, covariance, docs)


def example_diagnostics(detector: Detector, *, seed: int = 1, run: int = 15001) -> Payload:
    """Every array that the report draws."""
    noise = np.random.default_rng(seed)
    columns = (
        _spectra(detector, noise) | _samples(noise) | _numbers() | _acceptance() | _walk(noise)
    )
    return Payload("calibration-diagnostics", columns, None, example_lineage(run))


def _statuses(detector: Detector) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    status = np.full(detector.n_pmt, "good", "<U16")
    reason = np.full(detector.n_pmt, "", "<U64")
    partner = np.full(detector.n_pmt, -1, np.int32)
    for pmt, what, why, other in BAD:
        status[pmt], reason[pmt], partner[pmt] = what, why, other
    return status, reason, partner


def _spectra(detector: Detector, noise: np.random.Generator) -> dict[str, Column]:
    """Time residuals, charges and occupancies."""
    time = np.arange(-30.0, 100.1, 1.0)
    rise = 1 / (1 + np.exp(-time / 1.2))
    light = rise * (0.85 * np.exp(-np.clip(time, 0, None) / 7) + 0.02)
    charge = np.arange(0.0, 5.01, 0.1)
    peak = np.exp(-0.5 * ((charge - 1) / 0.4) ** 2) + 0.12 * np.exp(
        -0.5 * ((charge - 2) / 0.6) ** 2
    )
    pulses = (peak + 0.8 * np.exp(-charge / 0.25)) / (1 + np.exp(-(charge - 0.3) / 0.04))
    distance = np.arange(2.0, 15.01, 0.5)
    near = np.exp(-0.5 * ((distance - 8.5) / 1.8) ** 2)
    return (
        _spectrum("residual", "ns", time, light + 0.004, 3000, detector, noise)
        | _spectrum("charge", "p.e.", charge, pulses, 2200, detector, noise)
        | _spectrum("occupancy", "m", distance, near, 3500, detector, noise)
    )


def _spectrum(
    name: str,
    unit: str,
    edges: Float64[np.ndarray, " bin_plus_1"],
    shape: Float64[np.ndarray, " bin_plus_1"],
    n_hits: float,
    detector: Detector,
    noise: np.random.Generator,
) -> dict[str, Column]:
    density = (shape[1:] + shape[:-1]) / 2
    strength = np.where(detector.diameter_inch == 20, 1.4, 1.0) * n_hits
    expected = strength[:, None] * density / density.sum()
    return {
        f"{name}_edges": Column(edges, unit, f"edges of the {name} bins"),
        f"{name}_counts": Column(noise.poisson(expected), "1", f"{name}: hits found"),
        f"{name}_expected": Column(expected, "1", f"{name}: hits expected"),
    }


def _samples(noise: np.random.Generator) -> dict[str, Column]:
    names = np.array(["physics", "po210", "c11", "neutron-capture", "forced"])
    centre, width = np.array([0.6, 0.4, 1.4, 2.2, 0.0]), np.array([0.5, 0.06, 0.3, 0.12, 0.0])
    counts = np.array([42_000, 21_000, 3_100, 640, 3_020])
    edges = np.arange(0.0, 5.01, 0.05)
    energy = [
        np.histogram(noise.normal(c, w, n), edges)[0] if w else np.zeros(len(edges) - 1, int)
        for c, w, n in zip(centre, width, counts, strict=True)
    ]
    purity = np.array([0.995, 0.97, 0.71, 0.93, 1.0])
    errors = np.array([0.002, 0.01, 0.03, 0.02, 0.0])
    notes = np.array(["side bands in energy", "fit of the peak", "fit", "late window", "by flag"])
    return {
        "sample_names": Column(names, "", "samples"),
        "sample_counts": Column(counts, "1", "events"),
        "sample_purity": Column(purity, "1", "purity", errors),
        "sample_notes": Column(notes, "", "how the purity was found"),
        "energy_edges": Column(edges, "MeV", "edges of the energy bins"),
        "sample_energy": Column(np.array(energy), "1", "events"),
    }


def _numbers() -> dict[str, Column]:
    steps = np.array(["read", "survey", "occupancy", "time and charge", "store"])
    names = np.array(["events", "hits", "hits dropped", "peak memory"])
    units = np.array(["events", "hits", "hits", "MiB"])
    return {
        "step_names": Column(steps, "", "steps"),
        "step_seconds": Column(np.array([1.2, 8.5, 17.0, 14.2, 0.4]), "s", "duration"),
        "summary_names": Column(names, "", "numbers of the run"),
        "summary_values": Column(np.array([69_000.0, 7.3e6, 0.0, 840.0]), "1", "values"),
        "summary_units": Column(units, "", "units"),
    }


def _acceptance() -> dict[str, Column]:
    distance, cosine = np.linspace(2.0, 15.0, 27), np.linspace(0.3, 1.0, 15)
    slope = np.array([0.30, 0.22])[:, None, None]
    factor = np.exp(-(distance[None, :, None] - 8.5) / 25) * (1 + slope * (cosine - 0.85))
    return {
        "acceptance_distance": Column(distance, "m", "distance of vertex and PMT"),
        "acceptance_cosine": Column(cosine, "1", "cosine of incidence"),
        "acceptance": Column(factor, "1", "factor on the solid angle, 17-inch and 20-inch"),
    }


def _walk(noise: np.random.Generator) -> dict[str, Column]:
    charge = np.geomspace(0.3, 6.0, 24)
    model = 0.85 * (charge**-0.5 - 1)
    errors = np.full(len(charge), 0.02)
    delay = model + errors * noise.standard_normal(len(charge))
    return {
        "walk_charge": Column(charge, "p.e.", "charge"),
        "walk_delay": Column(delay, "ns", "delay", errors),
        "walk_model": Column(model, "ns", "delay of the model"),
    }
