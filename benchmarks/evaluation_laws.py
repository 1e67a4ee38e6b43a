"""Whether errors and probabilities of `kzcal evaluate` are honest, by scores of known law.

    python benchmarks/evaluation_laws.py --write docs/evaluation.md

Two Gaussian classes 1.5 standard deviations apart have the curve of the normal distribution. Sets
of them are drawn again and again: how often intervals hold the truth, and how often tests of what
is true are below their level.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from pages import table, write_part
from scipy.special import expit
from scipy.stats import ks_2samp, norm

from kzcal.evaluate.agreement import Classed, classes
from kzcal.evaluate.area import areas, chance
from kzcal.evaluate.reliability import reliability
from kzcal.evaluate.resampling import rejections

APART = 1.5
LEVELS = (0.1, 0.05)


def gaussian(n: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Scores of as many events of either class."""
    signal = np.arange(2 * n) < n
    return generator.normal(APART * signal, 1.0), signal


def coverage(n: int, sets: int, generator: np.random.Generator) -> list[object]:
    """How often rejection and area lie within one and two stated errors of the truth."""
    truth = np.array([norm.cdf(APART + norm.ppf(0.1)), norm.cdf(APART / np.sqrt(2))])
    found, stated = np.zeros((sets, 2)), np.zeros((sets, 2))
    for i in range(sets):
        score, signal = gaussian(n, generator)
        rejected = rejections(score[None], signal, [0.9], draws=200, generator=generator)
        area = areas(score[None], signal)
        found[i] = rejected.values[0, 0], area.values[0]
        stated[i] = rejected.errors[0, 0], area.errors[0]
    pulls = np.abs(found - truth) / stated
    shares = [float((pulls[:, j] < k).mean()) for j in (0, 1) for k in (1, 1.96)]
    return [n, *shares, *(float(x) for x in stated.mean(0) / found.std(0, ddof=1))]


def paired(generator: np.random.Generator) -> float:
    """Chance that two equally good scores with much in common differ as much."""
    score, signal = gaussian(400, generator)
    pair = score + 0.7 * generator.normal(size=(2, len(score)))
    return chance(*areas(pair, signal).difference(0, 1))


def paired_rejection(generator: np.random.Generator) -> float:
    """The same of their rejections, events drawn anew."""
    score, signal = gaussian(400, generator)
    pair = score + 0.7 * generator.normal(size=(2, len(score)))
    found = rejections(pair, signal, [0.9], draws=200, generator=generator).difference(0, 1)
    return chance(float(found[0][0]), float(found[1][0]))


def calibrated(generator: np.random.Generator) -> float:
    """Probability that right logits are as far off as theirs."""
    score = generator.normal(0.0, 1.5, 800)
    signal = generator.random(len(score)) < expit(score)
    odds = np.log(signal.sum() / (~signal).sum())
    return reliability(score - odds, signal, bins=12, draws=199, generator=generator).probability


def populations(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores that follow the energy, of which data have more than simulation."""
    data = np.arange(2300) < 300
    energy = np.where(data, generator.beta(3, 2, len(data)), generator.random(len(data)))
    return 2 * energy + generator.normal(size=len(data)), data, energy


def agreeing(generator: np.random.Generator) -> float:
    """Probability that data and simulation of one law differ as much, in classes of energy."""
    score, data, energy = populations(generator)
    place, inside = classes(energy, np.ones(len(data)), data, (12, 1))
    one = Classed.of(score[inside], data[inside], place[inside])
    dealt = one.dealt(199, generator=generator)
    return float((1 + (dealt >= one.distance() - 1e-12).sum()) / 200)


def plain(generator: np.random.Generator) -> float:
    """Kolmogorov's probability for the same events, whatever their energies."""
    score, data, _ = populations(generator)
    return float(ks_2samp(score[data], score[~data]).pvalue)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    generator = np.random.default_rng(1)
    rows = [coverage(n, given.sets, generator) for n in (100, 400, 1600)]
    head = (
        "events of each class",
        *(f"{what} within {k}" for what in ("rejection", "area") for k in ("1", "1.96")),
        "stated over true error, rejection",
        "area",
    )
    covered = table(head, rows)
    tests = {
        "areas of two scores": paired,
        "rejections of two scores": paired_rejection,
        "calibration error of right logits": calibrated,
        "data against simulation, in classes": agreeing,
        "the same by the plain Kolmogorov test": plain,
    }
    alarms = []
    for name, test in tests.items():
        chances = np.array([test(generator) for _ in range(given.sets)])
        alarms.append((name, *(float((chances <= level).mean()) for level in LEVELS)))
    alarmed = table(("test of what is true", *(f"p ≤ {level}" for level in LEVELS)), alarms)
    print(covered, alarmed, sep="\n\n")
    if given.write:
        write_part(given.write, "evaluation_coverage", f"{covered}\n\n{given.sets} sets each.")
        write_part(given.write, "evaluation_alarms", f"{alarmed}\n\n{given.sets} sets each.")


if __name__ == "__main__":
    main()
