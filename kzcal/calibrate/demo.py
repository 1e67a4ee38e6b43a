"""A small period made by kzcal's own light model and response, with its truth.

It has what a calibration needs: forced triggers, muons with neutron captures after them,
214Bi-214Po pairs, 210Po, 210Bi and 11C, PMTs that differ, some that are dead or hot, and a pair
of exchanged cables.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from kzcal.geometry import Detector, load_detector
from kzcal.hits import FORCED, PHYSICS, Events, Hits, Muons, RunHeader
from kzcal.io.hdf5_writer import write_events
from kzcal.optics.plain_light import PlainLight
from kzcal.response.charge import ChargeShape
from kzcal.response.detector import DetectorResponse, Pulses
from kzcal.response.timing import ALPHA_PROFILE, ELECTRON_PROFILE

PHYSICS_WINDOW = (-150.0, 350.0)
FORCED_WINDOW = (0.0, 10_000.0)
EVENTS_AT_ONCE = 500
CAPTURE_TIME_NS = 207_500.0
POLONIUM_HALF_LIFE_NS = 163_600.0
DAY_NS = 86_400 * 10**9
SHARES = {"bi210": 0.14, "po210": 0.17, "c11": 0.22, "neutron": 0.33, "bipo": 0.07}
"""Shares of the physics triggers; each 214Bi-214Po pair is two."""


@dataclass(frozen=True, slots=True, eq=False)
class DemoTruth:
    """What the demonstration was made with, one row per cable.

    Args:
        qe: relative efficiency.
        gain: mean of the Gaussian part of the single-p.e. charge.
        spe_width: its standard deviation over its mean.
        time_offset: ns.
        tts: ns.
        dark_rate: before threshold, Hz.
        status: good, dead, hot or swapped.
    """

    qe: np.ndarray
    gain: np.ndarray
    spe_width: np.ndarray
    time_offset: np.ndarray
    tts: np.ndarray
    dark_rate: np.ndarray
    status: np.ndarray


def draw_truth(detector: Detector, *, seed: int) -> DemoTruth:
    """Constants of every PMT, with spreads as in physics dossiers of such tubes.

    Source: KamLAND tubes: TTS 1.3 and 2.5 ns, single-p.e. width 0.4 and 0.6, dark rates of
    25 to 30 kHz at a fifth of a photoelectron (LBNL, installed tubes, 2000); spreads over tubes
    are assumptions of about a tenth.
    """
    rng = np.random.default_rng([seed, 1])
    n, is_20 = detector.n_pmt, detector.diameter_inch == 20
    status = np.full(n, "good", dtype="U16")
    special = rng.choice(n, 48, replace=False)
    status[special[:40]], status[special[40:46]] = "dead", "hot"
    first, second = special[46:]
    status[[first, second]] = "swapped"
    dark = np.where(is_20, 30e3, 25e3) * rng.lognormal(-0.08, 0.4, n)
    dark[status == "hot"] *= 15
    return DemoTruth(
        qe=rng.normal(1.0, 0.09, n).clip(0.6, 1.4),
        gain=rng.normal(1.0, 0.08, n).clip(0.7, 1.3),
        spe_width=np.where(is_20, 0.58, 0.40) * rng.normal(1.0, 0.09, n).clip(0.7, 1.3),
        time_offset=rng.normal(0.0, 3.0, n).clip(-9, 9),
        tts=np.where(is_20, 2.5, 1.3) * rng.normal(1.0, 0.09, n).clip(0.7, 1.3),
        dark_rate=dark,
        status=status,
    )


def write_demo_period(
    path: Path,
    *,
    seed: int,
    n_events: int = 6000,
    run: int = 1,
    truth: DemoTruth | None = None,
    light: PlainLight | None = None,
    detector: Detector | None = None,
) -> DemoTruth:
    """Write an event file of one period and return what it was made with.

    Args:
        path: the file.
        seed: decides everything in it.
        n_events: physics triggers; a sixth as many forced ones come on top.
        run: run number.
        truth: constants of the PMTs, instead of drawing them.
        light: how light is made and travels; None for its defaults.
        detector: whose PMTs they are; None for KamLAND-Zen 800.
    """
    detector = detector or load_detector()
    truth = truth or draw_truth(detector, seed=seed)
    plan, muons = _timeline(detector, np.random.default_rng([seed, 2]), n_events)
    header = RunHeader(
        run=run,
        detector=detector.name,
        period="demo",
        livetime_ns=DAY_NS,
        physics_window_ns=PHYSICS_WINDOW,
        forced_window_ns=FORCED_WINDOW,
    )
    chunks = _chunks(plan, detector, truth, light or PlainLight(), seed)
    write_events(path, header, chunks, muons)
    return truth


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """True events in time order."""

    timestamp: np.ndarray
    vertex: np.ndarray
    energy: np.ndarray
    alpha: np.ndarray
    forced: np.ndarray


def _ball(rng: np.random.Generator, n: int, radius: float) -> np.ndarray:
    direction = rng.normal(size=(n, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return radius * np.cbrt(rng.random((n, 1))) * direction


def _timeline(detector: Detector, rng: np.random.Generator, n_events: int) -> tuple[_Plan, Muons]:
    """Draw events and muons of a day."""
    counts = {name: round(share * n_events) for name, share in SHARES.items()}
    reach = 0.97 * detector.scintillator_radius
    n_muon = max(counts["neutron"] // 2, 1)
    muon_time = np.sort(rng.integers(0, DAY_NS, n_muon))
    parent = rng.integers(0, n_muon, counts["neutron"])
    capture = muon_time[parent] + rng.exponential(CAPTURE_TIME_NS, len(parent)).astype(np.int64)
    bismuth = rng.integers(0, DAY_NS, counts["bipo"])
    wait = rng.exponential(POLONIUM_HALF_LIFE_NS / np.log(2), len(bismuth)).astype(np.int64)
    pair = _ball(rng, len(bismuth), reach)
    n_forced = n_events // 6

    def anytime(n: int) -> np.ndarray:
        return rng.integers(0, DAY_NS, n)

    parts = [
        (capture, _ball(rng, len(capture), reach), rng.normal(2.2, 0.02, len(capture)), 0),
        (bismuth, pair, 0.6 + 2.4 * rng.beta(2.0, 1.6, len(bismuth)), 0),
        (bismuth + wait, pair, np.full(len(bismuth), 0.62), 1),
    ]
    for name, alpha, low, high in (
        ("bi210", 0, 0.15, 1.0),
        ("po210", 1, 0.37, 0.37),
        ("c11", 0, 1.0, 1.9),
    ):
        n = counts[name]
        energy = low + (high - low) * rng.beta(2.0, 2.5, n)
        parts.append((anytime(n), _ball(rng, n, reach), energy, alpha))
    parts.append((anytime(n_forced), np.zeros((n_forced, 3)), np.zeros(n_forced), -1))
    timestamp = np.concatenate([part[0] for part in parts])
    order = np.argsort(timestamp, kind="stable")
    kind = np.concatenate([np.full(len(part[0]), part[3]) for part in parts])[order]
    plan = _Plan(
        timestamp[order],
        np.concatenate([part[1] for part in parts])[order],
        np.concatenate([part[2] for part in parts])[order],
        np.maximum(kind, 0),
        kind < 0,
    )
    return plan, _muons(rng, muon_time, detector.scintillator_radius)


def _muons(rng: np.random.Generator, timestamp: np.ndarray, radius: float) -> Muons:
    direction = rng.normal(size=(len(timestamp), 3)) * 0.5 - np.array([0, 0, 1.5])
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return Muons(
        timestamp.astype(np.int64),
        (-radius * direction).astype(np.float32),
        direction.astype(np.float32),
        np.full(len(timestamp), 1e6, np.float32),
    )


def _chunks(
    plan: _Plan, detector: Detector, truth: DemoTruth, light: PlainLight, seed: int
) -> Iterator[Events]:
    rng = np.random.default_rng([seed, 3])
    generator = torch.Generator().manual_seed(seed * 1009 + 4)
    response = response_of(detector, truth)
    place = np.arange(detector.n_pmt)
    swapped = np.flatnonzero(truth.status == "swapped")
    place[swapped] = swapped[::-1]
    for start in range(0, len(plan.timestamp), EVENTS_AT_ONCE):
        rows = slice(start, min(start + EVENTS_AT_ONCE, len(plan.timestamp)))
        yield _events(plan, rows, detector, truth, light, place, response, rng, generator)


def _events(
    plan: _Plan,
    rows: slice,
    detector: Detector,
    truth: DemoTruth,
    light: PlainLight,
    place: np.ndarray,
    response: DetectorResponse,
    rng: np.random.Generator,
    generator: torch.Generator,
) -> Events:
    forced, energy = plan.forced[rows], plan.energy[rows]
    n = len(forced)
    t0 = np.where(forced, 0.0, rng.normal(0.0, 7.0, n))
    photoelectrons = light.sample(
        _tensor(plan.vertex[rows]),
        _tensor(energy),
        _tensor(t0),
        torch.from_numpy(plan.alpha[rows]),
        _tensor(truth.qe),
        _tensor(detector.directions[place]),
        _tensor(detector.aperture_radius[place]),
        detector.pmt_radius,
        (ELECTRON_PROFILE, ALPHA_PROFILE),
        generator=generator,
    )
    lower = np.where(forced, FORCED_WINDOW[0], PHYSICS_WINDOW[0])
    upper = np.where(forced, FORCED_WINDOW[1], PHYSICS_WINDOW[1])
    pulses = response.sample(photoelectrons, (_tensor(lower), _tensor(upper)), generator=generator)
    visible = np.maximum(energy, 0.1)
    smear = 0.137 / np.sqrt(3 * visible)[:, None] * rng.normal(size=(n, 3))
    unknown = np.where(forced, np.nan, 0.0)
    return Events(
        event=np.arange(rows.start, rows.stop, dtype=np.int64),
        timestamp=plan.timestamp[rows].astype(np.int64),
        trigger=np.where(forced, FORCED, PHYSICS).astype(np.uint8),
        vertex=(plan.vertex[rows] + smear + unknown[:, None]).astype(np.float32),
        energy=(energy + 0.067 * np.sqrt(visible) * rng.normal(size=n) + unknown).astype(
            np.float32
        ),
        t0=(t0 + rng.normal(0.0, 0.35, n) + unknown).astype(np.float32),
        hits=_hits(pulses, n),
    )


def _hits(pulses: Pulses, n_events: int) -> Hits:
    """Hits in the steps in which they are stored: 1/8 ns and 1/64 p.e."""
    counts = torch.bincount(pulses.event, minlength=n_events).numpy()
    return Hits.from_counts(
        counts,
        pulses.pmt.numpy().astype(np.uint16),
        (torch.round(pulses.time * 8) / 8).numpy().astype(np.float32),
        (torch.round(pulses.charge * 64) / 64).numpy().astype(np.float32),
    )


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


def response_of(detector: Detector, truth: DemoTruth) -> DetectorResponse:
    """The response that makes hits with these constants."""
    n = detector.n_pmt
    constant = {
        "exponential_fraction": 0.13,
        "exponential_scale": 0.35,
        "threshold": 0.30,
        "threshold_width": 0.05,
    }
    shape = ChargeShape(**{name: torch.full((n,), value) for name, value in constant.items()})
    return DetectorResponse(
        gain=_tensor(truth.gain),
        spe_width=_tensor(truth.spe_width),
        time_offset=_tensor(truth.time_offset),
        tts=_tensor(truth.tts),
        dark_rate=_tensor(truth.dark_rate),
        alive=torch.from_numpy(truth.status != "dead"),
        shape=shape,
        walk=0.5,
    )
