"""Events of every shape, for tests of what reads and writes them."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from kzcal.geometry import load_detector
from kzcal.hits import Events, Hits, Muons, Profile, RunHeader

DETECTOR = load_detector()
HEADER = RunHeader(
    15001, DETECTOR.name, "A", None, 86_400_000_000_000, (-150.0, 350.0), (0.0, 1e4)
)
ANY_FLOAT32 = st.floats(width=32, allow_nan=True, allow_infinity=True, allow_subnormal=True)
FINITE_FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
INT64 = st.integers(-(2**63), 2**63 - 1)


def sort_within_events(counts, time):
    """The same times, ascending in each event."""
    event = np.repeat(np.arange(len(counts)), counts)
    return time[np.lexsort((time, event))]


@st.composite
def many_events(draw, n_pmt=DETECTOR.n_pmt):
    """Events with zero to a few hits each; any values that the format allows."""
    counts = np.array(draw(st.lists(st.integers(0, 6), max_size=12)), np.int64)
    n, n_hit = len(counts), int(counts.sum())

    def column(dtype, length, elements):
        return draw(npst.arrays(dtype, length, elements=elements))

    hits = Hits.from_counts(
        counts,
        column(np.uint16, n_hit, st.integers(0, n_pmt - 1)),
        sort_within_events(counts, column(np.float32, n_hit, FINITE_FLOAT32)),
        column(np.float32, n_hit, FINITE_FLOAT32),
    )
    return Events(
        event=column(np.int64, n, INT64),
        timestamp=np.sort(column(np.int64, n, INT64)),
        trigger=column(np.uint8, n, st.integers(0, 1)),
        vertex=column(np.float32, (n, 3), ANY_FLOAT32),
        energy=column(np.float32, n, ANY_FLOAT32),
        t0=column(np.float32, n, ANY_FLOAT32),
        hits=hits,
        truth={
            "kind": column("S5", n, st.binary(max_size=5).map(lambda text: text.rstrip(b"\0"))),
            "e_dep": column(np.float32, n, ANY_FLOAT32),
            "n_site": column(np.int32, n, st.integers(0, 99)),
        },
    )


@st.composite
def some_muons(draw):
    """Muons with any values."""
    n = draw(st.integers(0, 4))
    pieces = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    deposit = draw(npst.arrays(np.float32, sum(pieces), elements=ANY_FLOAT32))
    profile = Profile(np.cumsum([0, *pieces]), deposit)
    return Muons(
        draw(npst.arrays(np.int64, n, elements=INT64)),
        *(draw(npst.arrays(np.float32, (n, 3), elements=ANY_FLOAT32)) for _ in range(2)),
        draw(npst.arrays(np.float32, n, elements=ANY_FLOAT32)),
        draw(st.sampled_from([None, profile])),
    )


def plain_events(n_events=30, n_hit=20, seed=7):
    """Ordinary events, the same at every call."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(n_hit, n_events)
    n = int(counts.sum())
    hits = Hits.from_counts(
        counts,
        rng.integers(0, DETECTOR.n_pmt, n).astype(np.uint16),
        sort_within_events(counts, rng.normal(0, 30, n).astype(np.float32)),
        rng.exponential(1, n).astype(np.float32),
    )
    return Events(
        event=np.arange(n_events),
        timestamp=np.sort(rng.integers(0, 10**12, n_events)),
        trigger=np.zeros(n_events, np.uint8),
        vertex=rng.normal(0, 1, (n_events, 3)).astype(np.float32),
        energy=rng.exponential(1, n_events).astype(np.float32),
        t0=rng.normal(0, 0.3, n_events).astype(np.float32),
        hits=hits,
        truth={"kind": np.where(rng.random(n_events) < 0.5, b"bb", b"bi214")},
    )


def plain_muons(n=5):
    """A few ordinary muons."""
    down = np.tile(np.array([0, 0, -1], np.float32), (n, 1))
    profile = Profile(2 * np.arange(n + 1), np.full(2 * n, 30, np.float32))
    return Muons(10**9 * np.arange(n), -6.5 * down, down, np.full(n, 1e5, np.float32), profile)
