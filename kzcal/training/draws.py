"""Which events take part: random numbers that belong to the number of an event."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64


def uniform(number: Int64[np.ndarray, " event"], seed: int) -> Float64[np.ndarray, " event"]:
    """An even random number between 0 and 1 for each event number; the same for the same one.

    Source: Steele, Lea, Flood (2014), Fast splittable pseudorandom number generators, finaliser
    of SplitMix64, doi:10.1145/2714064.2660195.
    """
    state = np.random.SeedSequence(seed).generate_state(1, np.uint64)
    mixed = (number.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + state
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((mixed ^ (mixed >> np.uint64(31))) / 2.0**64)
