"""Made-up candidates with every column that kzcal builds, for contracts and tests."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32

from kzcal.candidates import IBD, SPALLATION, Candidates
from kzcal.coincidence.names import IBD_UNITS, POINT_UNITS, SPALLATION_UNITS
from kzcal.errors import ConfigurationError

KINDS = {SPALLATION: (b"long-lived", b"xe136"), IBD: (b"accidental", b"ibd")}
"""Values of truth/kind by purpose: background, then signal."""
COLUMN_UNITS = {SPALLATION: SPALLATION_UNITS, IBD: IBD_UNITS}
"""Columns of candidates by purpose, with their units."""


def synthetic_candidates(
    purpose: str = SPALLATION, n: int = 60, *, seed: int = 1
) -> tuple[Candidates, Bool[np.ndarray, " candidate"]]:
    """Candidates of one run, and which are signal: every other one.

    Long-lived decays have more captures, nearer and more recent; antineutrinos have events nearer
    to each other in space and time. Some candidates have no point, and some no muon before.

    Args:
        purpose: spallation or ibd.
        n: how many.
        seed: decides all numbers.

    Raises:
        ConfigurationError: there are no candidates for such a purpose.
    """
    if purpose not in KINDS:
        message = f"candidates are for {' or '.join(KINDS)}, got {purpose!r}"
        raise ConfigurationError(message)
    generator = np.random.default_rng((seed, 12))
    signal = np.arange(n) % 2 == 0
    made = _spallation if purpose == SPALLATION else _ibd
    columns, counts, points = made(signal, generator)
    kind = np.array(KINDS[purpose])[signal.astype(np.int64)]
    candidates = Candidates(
        purpose,
        event=np.arange(n, dtype=np.int64) * 3 + 5,
        run=np.ones(n, np.int64),
        columns=columns,
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        points=points,
        units={**COLUMN_UNITS[purpose], **(POINT_UNITS if points else {})},
        truth={"kind": kind, "group": np.arange(n, dtype=np.int64)},
    )
    return candidates, signal


Columns = dict[str, Float32[np.ndarray, " row"]]


def _spallation(
    signal: Bool[np.ndarray, " candidate"], generator: np.random.Generator
) -> tuple[Columns, np.ndarray, Columns]:
    """Columns of decays, numbers of their captures, and columns of these, newest muon first.

    Each muon has two captures, the last of a decay perhaps one.
    """
    n = len(signal)
    counts = generator.poisson(np.where(signal, 2.0, 5.0))
    counts[: n // 10] = 0
    total = int(counts.sum())
    near = np.repeat(~signal, counts)
    offset = generator.normal(0.0, np.where(near, 0.3, 0.8), (3, total))
    track = generator.normal(0.0, np.where(near, 0.4, 0.7), (3, total))
    ago = generator.exponential(np.where(near, 1e3, 1e4), total)
    ago = ago[np.lexsort((ago, np.repeat(np.arange(n), counts)))]
    place = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    muon = np.arange(total) - place % 2
    points = dict(zip(("dx", "dy", "dz"), offset, strict=True))
    points |= {"distance": np.linalg.norm(offset, axis=0), "dt": ago[muon]}
    points |= {"delay": generator.uniform(150.0, 2000.0, total)}
    points |= dict(zip(("track_x", "track_y", "track_z"), track, strict=True))
    points |= {"track_distance": np.linalg.norm(track, axis=0)[muon]}
    points |= {"dedx": generator.exponential(100.0, total)}
    points |= {"muon_captures": generator.poisson(4.0, total)[muon] + 2.0}
    points |= {"muon_charge": generator.lognormal(12.0, 0.5, total)[muon], "muon": place // 2}
    vertex = generator.normal(0.0, 0.7, (3, n))
    since = generator.exponential(3.0, n)
    since[n // 2 : n // 2 + n // 20] = np.nan
    columns = {"energy": generator.uniform(2.0, 3.0, n)}
    columns |= dict(zip("xyz", vertex, strict=True))
    columns |= {"radius": np.linalg.norm(vertex, axis=0), "dt_muon": since}
    columns |= {"n_captures": counts.astype(np.float64)}
    return _single(columns), counts, _single(points)


def _ibd(
    signal: Bool[np.ndarray, " candidate"], generator: np.random.Generator
) -> tuple[Columns, np.ndarray, Columns]:
    """Columns of pairs; they have no points."""
    n = len(signal)
    radius = generator.uniform(0.0, 6.0, n)
    columns = {
        "e_prompt": np.where(signal, generator.uniform(1.0, 7.0, n), generator.gamma(2.0, 0.6, n)),
        "e_delayed": generator.normal(2.2, 0.1, n),
        "r_prompt": radius,
        "r_delayed": np.abs(radius + generator.normal(0.0, 0.5, n)),
        "dr": generator.gamma(3.0, np.where(signal, 0.2, 0.5), n),
        "dt": np.where(signal, generator.exponential(2e-4, n), generator.uniform(0.0, 1e-3, n)),
    }
    return _single(columns), np.zeros(n, np.int64), {}


def _single(columns: dict[str, np.ndarray]) -> Columns:
    """The same in single precision."""
    return {name: np.asarray(values, np.float32) for name, values in columns.items()}
