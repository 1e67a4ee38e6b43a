"""Pairs drawn from known densities, independent in every input, with their likelihood ratio."""

import numpy as np

from kzcal.candidates import IBD, Candidates

CELLS = 4000


def _laws():
    """Grid of each input, and the density of either class there, not normalised."""
    grid = {
        "e_prompt": np.linspace(0.9, 8.5, CELLS),
        "e_delayed": np.linspace(1.8, 2.6, CELLS),
        "r_prompt": np.linspace(0.0, 6.0, CELLS),
        "r_delayed": np.linspace(0.0, 6.0, CELLS),
        "dr": np.linspace(0.0, 2.0, CELLS),
        "dt": np.linspace(0.5e-6, 1e-3, CELLS),
    }
    signal = {
        "e_prompt": lambda e: e**2 * np.exp(-e / 1.2),
        "e_delayed": lambda e: np.exp(-0.5 * ((e - 2.2) / 0.1) ** 2),
        "r_prompt": lambda r: r**2,
        "r_delayed": lambda r: r**2,
        "dr": lambda d: d**2 * np.exp(-d / 0.2),
        "dt": lambda t: np.exp(-t / 207.5e-6),
    }
    accidental = {
        "e_prompt": lambda e: np.exp(-e / 0.7),
        "e_delayed": lambda e: np.exp(-e / 0.4),
        "r_prompt": lambda r: r**2 * np.exp(r / 1.0),
        "r_delayed": lambda r: r**2 * np.exp(r / 1.0),
        "dr": lambda d: d**2,
        "dt": np.ones_like,
    }
    return {
        name: (x, signal[name](x + step(x) / 2), accidental[name](x + step(x) / 2))
        for name, x in grid.items()
    }


def step(x):
    return x[1] - x[0]


LAWS = _laws()


def lawful_pairs(n, seed=1):
    """Pairs, every other one signal, and the logarithm of the ratio of their densities.

    Densities are constant in each cell of the grid, so that the ratio is exact.
    """
    generator = np.random.default_rng(seed)
    signal = np.arange(n) % 2 == 0
    columns, ratio = {}, np.zeros(n)
    for name, (x, *densities) in LAWS.items():
        shares = [d / d.sum() for d in densities]
        cell = np.where(signal, *(generator.choice(len(x), n, p=share) for share in shares))
        columns[name] = (x[cell] + generator.random(n) * step(x)).astype(np.float32)
        ratio += np.log(shares[0] / shares[1])[cell]
    return pairs_of(columns, signal), signal, ratio


def pairs_of(columns, signal):
    n = len(signal)
    kinds = np.where(signal, b"ibd", b"accidental")
    numbers = np.arange(n, dtype=np.int64)
    offsets = np.zeros(n + 1, np.int64)
    return Candidates(
        IBD, numbers, np.ones(n, np.int64), columns, offsets, {}, {}, {"kind": kinds}
    )
