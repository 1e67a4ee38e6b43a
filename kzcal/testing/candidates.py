"""Candidates made up by simple laws, for tests of what reads, learns and judges them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Int64

from kzcal.candidates import IBD, SPALLATION, Candidates

POINT_UNITS = {
    "dx": "m",
    "dy": "m",
    "dz": "m",
    "distance": "m",
    "dt": "s",
    "delay": "us",
    "track_x": "m",
    "track_y": "m",
    "track_z": "m",
    "track_distance": "m",
    "dedx": "MeV",
    "muon_captures": "1",
    "muon_charge": "p.e.",
    "muon": "1",
}
"""Numbers of a neutron capture near a decay, and their units; docs/coincidence.md tells more."""
SPALLATION_UNITS = {
    "energy": "MeV",
    "x": "m",
    "y": "m",
    "z": "m",
    "radius": "m",
    "dt_muon": "s",
    "n_captures": "1",
}
"""Numbers of a decay that may be from spallation."""
IBD_UNITS = {
    "e_prompt": "MeV",
    "e_delayed": "MeV",
    "r_prompt": "m",
    "r_delayed": "m",
    "dr": "m",
    "dt": "s",
}
"""Numbers of a pair that may be of an antineutrino."""


def spallation_candidates(n: int = 200, *, seed: int = 1) -> Candidates:
    """Decays with captures around them: half are ``xe136``, half ``long-lived``.

    Both have captures by chance; a long-lived decay has 1 + Poisson(2) more, of one muon, closer
    to it and within the last hour.
    """
    rng = np.random.default_rng(seed)
    made = rng.permutation(n) < n // 2
    chance, own = rng.poisson(2, n), np.where(made, 1 + rng.poisson(2, n), 0)
    counts = chance + own
    decay = np.repeat(np.arange(n), counts)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    related = np.arange(len(decay)) - offsets[decay] < own[decay]
    lag = rng.exponential(1200, n)
    points = _captures(decay, related, lag, rng)
    position = rng.normal(0, 0.8, (n, 3))
    columns = {
        "energy": rng.uniform(2, 3, n),
        **dict(zip("xyz", position.T, strict=True)),
        "radius": np.linalg.norm(position, axis=1),
        "dt_muon": rng.exponential(5, n),
        "n_captures": counts,
    }
    return Candidates(
        SPALLATION,
        np.arange(n) * 7,
        np.full(n, 15001),
        {name: np.asarray(values, np.float32) for name, values in columns.items()},
        offsets,
        points,
        SPALLATION_UNITS | POINT_UNITS,
        {
            "kind": np.where(made, b"long-lived", b"xe136"),
            "isotope": np.where(made, b"sb118", b""),
            "group": np.where(made, np.arange(n), -1),
            "lag": np.where(made, lag, np.nan).astype(np.float32),
        },
    )


def _captures(
    decay: Int64[np.ndarray, " point"],
    related: np.ndarray,
    lag: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, Float32[np.ndarray, " point"]]:
    """Numbers of captures, newest muon first in every decay."""
    n = len(decay)
    dt = np.where(related, lag[decay], rng.uniform(0, 86400, n))
    order = np.lexsort((dt, decay))
    dt, related = dt[order], related[order]
    spread = np.where(related, 0.3, 0.8)[:, None]
    step = np.clip(rng.normal(0, spread, (n, 3)), -0.9, 0.9)
    track = rng.normal(0, 0.4, (n, 3))
    newer = np.concatenate([[0], (np.diff(dt) != 0) & (np.diff(decay) == 0)]) if n else dt
    first = np.concatenate([[True], np.diff(decay) != 0]) if n else np.zeros(0, bool)
    steps = np.cumsum(newer)
    muon = steps - np.repeat(steps[first], np.bincount(np.cumsum(first) - 1) if n else 0)
    columns = {
        **dict(zip(("dx", "dy", "dz"), step.T, strict=True)),
        "distance": np.linalg.norm(step, axis=1),
        "dt": dt,
        "delay": rng.uniform(150, 2000, n),
        **dict(zip(("track_x", "track_y", "track_z"), track.T, strict=True)),
        "track_distance": rng.exponential(np.where(related, 0.5, 1.5)),
        "dedx": rng.gamma(2, np.where(related, 200, 60)),
        "muon_captures": np.where(related, 3, 1) + rng.poisson(1, n),
        "muon_charge": rng.gamma(3, 2e5, n),
        "muon": muon,
    }
    return {name: np.asarray(values, np.float32) for name, values in columns.items()}


def ibd_candidates(n: int = 200, *, seed: int = 1) -> Candidates:
    """Pairs of a prompt and a delayed event: half are ``ibd``, half ``accidental``."""
    rng = np.random.default_rng(seed)
    true = rng.permutation(n) < n // 2
    columns = {
        "e_prompt": np.where(true, rng.gamma(6, 0.6, n) + 0.9, rng.exponential(0.6, n) + 0.9),
        "e_delayed": np.where(true, rng.normal(2.2, 0.1, n), rng.uniform(1.8, 2.6, n)),
        "r_prompt": 6 * np.where(true, rng.random(n) ** (1 / 3), rng.random(n) ** (1 / 9)),
        "r_delayed": 6 * np.where(true, rng.random(n) ** (1 / 3), rng.random(n) ** (1 / 9)),
        "dr": np.where(true, rng.gamma(3, 0.2, n), 2 * rng.random(n) ** (1 / 3)),
        "dt": np.where(true, rng.exponential(207.5e-6, n), rng.uniform(0, 1e-3, n)),
    }
    delayed = np.cumsum(rng.integers(2, 50, n))
    return Candidates(
        IBD,
        np.arange(n),
        np.full(n, 15001),
        {name: np.asarray(values, np.float32) for name, values in columns.items()},
        np.zeros(n + 1, np.int64),
        {},
        IBD_UNITS,
        {
            "kind": np.where(true, b"ibd", b"accidental"),
            "group": np.where(true, np.arange(n), -1),
        },
        {"prompt": delayed - 1, "delayed": delayed},
    )
