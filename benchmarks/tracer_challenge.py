"""The tracer beside the light of the challenge's own Monte Carlo, under its true constants.

    python benchmarks/tracer_challenge.py topology_train.h5 period_A_truth.h5 [--n 600]
        [--write docs/optics.md]

Two electrons from one point make the light of each event, so that no transport is needed. What a
PMT reports is worked out from the mean of its photoelectrons: it reports a hit unless all of
them and all of its dark pulses stay below threshold.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import torch
from challenge_detector import PHOTONS_PER_MEV, challenge_detector
from pages import table, write_part
from pull_figure import above_threshold

from kzcal.geometry import load_detector
from kzcal.light import LightSites
from kzcal.optics.tracer import FullTracer
from kzcal.photoelectrons import Photoelectrons

SPEED = 0.1965
WINDOW = 500e-9
COPIES = 8
DISTANCE = (6.5, 7.5, 8.5, 9.5, 10.5)
TIMES = (-20.0, 0.0, 15.0, 60.0, 150.0)


def challenge_tracer(truth: h5py.File) -> FullTracer:
    """The detector that the challenge describes."""
    return FullTracer(*challenge_detector(truth), ceiling=1.0)


def point_light(position: np.ndarray, photons: np.ndarray) -> LightSites:
    """Electrons' light from one point of each event, at time zero."""
    n = len(position)
    none, zero = torch.zeros(n), torch.zeros(n, dtype=torch.long)
    return LightSites(
        event=torch.arange(n),
        position=torch.tensor(position),
        time=none,
        direction=torch.zeros(n, 3),
        scintillation=torch.tensor(photons),
        cherenkov=none,
        beta=none,
        profile=zero,
        medium=zero,
    )


@dataclass(frozen=True)
class Reported:
    """What the challenge's events hold; times are after the emission, offsets taken off."""

    position: np.ndarray
    photons: np.ndarray
    event: np.ndarray
    pmt: np.ndarray
    time: np.ndarray


def reported(file: h5py.File, truth: h5py.File, n: int) -> Reported:
    """The first events of two electrons."""
    rows = np.flatnonzero(file["truth/kind"][()] == b"bb")[:n]
    position = np.stack([file[f"truth/{axis}"][()][rows] for axis in "xyz"], 1)
    photons = PHOTONS_PER_MEV * truth["light_yield"][()] * file["truth/e_quenched"][()][rows]
    offsets = file["hits/offsets"][()]
    spans = [np.arange(offsets[row], offsets[row + 1]) for row in rows]
    event = np.repeat(np.arange(len(rows)), [len(span) for span in spans])
    pmt = file["hits/pmt"][()][np.concatenate(spans)].astype(int)
    time = file["hits/time"][()][np.concatenate(spans)] - file["events/t0"][()][rows][event]
    return Reported(position, photons, event, pmt, time - truth["t_offset"][()][pmt])


def hits_over_expected(
    data: Reported, light: Photoelectrons, truth: h5py.File, distance: np.ndarray
) -> Callable[[np.ndarray], list[str]]:
    """For chosen PMTs, the ratio in each range of distance with its error."""
    mean = np.zeros(distance.shape)
    np.add.at(mean, (light.event.numpy(), light.pmt.numpy()), 1 / COPIES)
    mean = mean * truth["qe"][()] + truth["dark_rate"][()] * WINDOW
    expected = 1 - np.exp(-mean * above_threshold(truth["gain"][()], truth["spe_width"][()]))
    found = np.zeros(distance.shape, bool)
    found[data.event, data.pmt] = True

    def ratios(chosen: np.ndarray) -> list[str]:
        cells = []
        for low, high in pairwise(DISTANCE):
            inside = (distance >= low) & (distance < high) & chosen
            ratio = found[inside].sum() / expected[inside].sum()
            cells.append(f"{ratio:.3f} ± {ratio / np.sqrt(found[inside].sum()):.3f}")
        return cells

    return ratios


def time_shares(time: np.ndarray) -> list[str]:
    """Shares of the hits by time after the light's way, dark ones taken off."""
    rate = ((time > -90) & (time < -20)).sum() / 70
    counts = np.histogram(time, TIMES)[0] - rate * np.diff(TIMES)
    return [f"{share:.3f}" for share in counts / counts.sum()]


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("events", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--n", type=int, default=600, help="events")
    parser.add_argument("--write", type=Path, help="page that gets the table")
    arguments = parser.parse_args()
    detector = load_detector()
    with h5py.File(arguments.truth) as truth, h5py.File(arguments.events) as file:
        data = reported(file, truth, arguments.n)
        sites = point_light(data.position, COPIES * data.photons)
        generator = torch.Generator().manual_seed(1)
        light = challenge_tracer(truth).sample(sites, generator=generator)
        distance = np.linalg.norm(detector.positions[None] - data.position[:, None], axis=2)
        ratios = hits_over_expected(data, light, truth, distance)
        good, tts = truth["status"][()] == 0, truth["tts"][()]
        good[truth["swapped"][()].ravel()] = False
    event, pmt = light.event.numpy(), light.pmt.numpy()
    smeared = np.random.default_rng(1).normal(light.time.numpy(), tts[pmt])
    ours = smeared - distance[event, pmt] / SPEED
    theirs = data.time - distance[data.event, data.pmt] / SPEED
    rows, times = [], []
    for inch in (17, 20):
        chosen = good & (detector.diameter_inch == inch)
        rows.append([f"{inch}-inch", *ratios(chosen)])
        times.append([f"{inch}-inch, challenge", *time_shares(theirs[chosen[data.pmt]])])
        times.append([f"{inch}-inch, tracer", *time_shares(ours[chosen[pmt]])])
    text = table(
        ["hits over expected", *(f"{a:g} to {b:g} m" for a, b in pairwise(DISTANCE))], rows
    )
    text += "\n\n"
    text += table(["share of hits", *(f"{a:g} to {b:g} ns" for a, b in pairwise(TIMES))], times)
    if arguments.write:
        write_part(arguments.write, "tracer_challenge", text)
    print(text)


if __name__ == "__main__":
    main()
