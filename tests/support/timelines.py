"""Runs of muons, captures, decays, pairs and single events, made up for tests of coincidences."""

import numpy as np

from kzcal.geometry import load_detector
from kzcal.hits import Events, Hits, Muons, Profile, RunHeader
from kzcal.io.events import write_events

DETECTOR = load_detector()
US, S = 1000, 10**9


def as_events(time, position, energy, *, trigger=0, truth=None):
    """Events without hits, sorted by time; truth columns by name."""
    time = np.asarray(time, np.int64)
    order, n = np.argsort(time, kind="stable"), len(time)
    none = np.zeros(0, np.float32)
    return Events(
        event=np.arange(n) + 5,
        timestamp=time[order],
        trigger=np.broadcast_to(np.uint8(trigger), n)[order],
        vertex=np.asarray(position, np.float32).reshape(n, 3)[order],
        energy=np.broadcast_to(np.float32(energy), n)[order].astype(np.float32),
        t0=np.zeros(n, np.float32),
        hits=Hits(np.zeros(n + 1, np.int64), np.zeros(0, np.uint16), none, none),
        truth={name: np.asarray(column)[order] for name, column in (truth or {}).items()},
    )


def muons_at(time, seed=1, *, profile=True):
    """Muons through the sphere in directions of a seed, 3 MeV in every 20 cm piece."""
    rng = np.random.default_rng(seed)
    n = len(time)
    entry = rng.normal(size=(n, 3))
    entry *= DETECTOR.scintillator_radius / np.linalg.norm(entry, axis=1, keepdims=True)
    aim = rng.normal(0, 2, (n, 3)) - entry
    direction = aim / np.linalg.norm(aim, axis=1, keepdims=True)
    pieces = rng.integers(1, 60, n)
    deposits = rng.uniform(1, 100, pieces.sum()).astype(np.float32)
    return Muons(
        np.sort(np.asarray(time, np.int64)),
        entry.astype(np.float32),
        direction.astype(np.float32),
        rng.uniform(1e5, 1e6, n).astype(np.float32),
        Profile(np.concatenate([[0], np.cumsum(pieces)]), deposits) if profile else None,
    )


def shower_run(seed=1, *, n_muons=40, days=1.0, n_decays=30):
    """A run with captures after muons and decays, some of them beside captures of their muon."""
    rng = np.random.default_rng(seed)
    span = int(days * 86400 * S)
    muon_time = np.sort(rng.integers(0, span, n_muons))
    owner = np.repeat(np.arange(n_muons), rng.poisson(2, n_muons))
    centre = rng.normal(0, 1, (n_muons, 3))
    capture_time = muon_time[owner] + rng.integers(50 * US, 2500 * US, len(owner))
    parent = rng.integers(0, n_muons, n_decays)
    made = rng.random(n_decays) < 0.5
    lag = rng.exponential(3600, n_decays)
    decay_time = np.where(
        made, muon_time[parent] + (lag * S).astype(np.int64), rng.integers(0, span, n_decays)
    )
    time = np.concatenate([capture_time, decay_time])
    n, n_captures = len(time), len(owner)
    position = np.concatenate(
        [
            centre[owner] + rng.normal(0, 0.5, (n_captures, 3)),
            np.where(made[:, None], centre[parent], 0) + rng.normal(0, 0.6, (n_decays, 3)),
        ]
    )
    position[rng.random(n) < 0.05] = np.nan
    energy = np.concatenate([rng.normal(2.2, 0.1, n_captures), rng.uniform(1.9, 3.1, n_decays)])
    nothing = np.full(n_captures, np.nan)
    truth = {
        "kind": [b"capture"] * n_captures + [b"long-lived" if own else b"xe136" for own in made],
        "isotope": [b""] * n_captures + [b"sb118" if own else b"" for own in made],
        "group": np.concatenate([owner, np.where(made, parent, -1)]),
        "lag": np.concatenate([nothing, np.where(made, lag, np.nan)]).astype(np.float32),
    }
    return as_events(time, position, energy, truth=truth), muons_at(muon_time, seed)


def singles_run(seed=1, *, rate=5.0, seconds=100.0, n_pairs=0, radius=2.0):
    """A run of single events, uniform in a sphere and in time, with true pairs among them."""
    rng = np.random.default_rng(seed)
    n = rng.poisson(rate * seconds)
    step = rng.normal(size=(n, 3))
    step /= np.linalg.norm(step, axis=1, keepdims=True)
    place = radius * rng.random((n, 1)) ** (1 / 3) * step
    start = rng.integers(0, int(seconds * S), n_pairs)
    centre = rng.normal(0, 0.5, (n_pairs, 3))
    time = [
        rng.integers(0, int(seconds * S), n),
        start,
        start + 1000 + rng.exponential(207.5 * US, n_pairs).astype(np.int64),
    ]
    position = [place, centre, centre + rng.normal(0, 0.3, (n_pairs, 3))]
    energy = [
        rng.uniform(0.5, 3.0, n),
        rng.uniform(1.0, 5.0, n_pairs),
        rng.normal(2.2, 0.1, n_pairs),
    ]
    kinds = [b"k40"] * n + [b"ibd-prompt"] * n_pairs + [b"ibd-delayed"] * n_pairs
    pair = np.arange(n_pairs)
    truth = {"kind": kinds, "group": np.concatenate([np.full(n, -1), pair, pair])}
    return as_events(
        np.concatenate(time), np.concatenate(position), np.concatenate(energy), truth=truth
    )


def write_run(path, events, muons=None, *, run=1, seconds=None, sample=None):
    """The event file of a run."""
    livetime = None if seconds is None else int(seconds * S)
    header = RunHeader(run, DETECTOR.name, None, sample, livetime)
    write_events(path, header, [events], muons)
    return path
