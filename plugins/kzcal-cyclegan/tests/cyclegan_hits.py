"""Hits that the tests of the CycleGAN share."""

from dataclasses import replace

import numpy as np
import torch
from kzcal_cyclegan.runs import Tubes

from kzcal.geometry import Detector, load_detector
from kzcal.hits import Events, Hits

DETECTOR = load_detector()
TUBES = Tubes.of(DETECTOR, torch.device("cpu"))


def detector_of(pmts: np.ndarray) -> Detector:
    """A detector of some of the PMTs, some perhaps more than once."""
    names = ("positions", "diameter_inch", "aperture_radius")
    return replace(DETECTOR, **{name: getattr(DETECTOR, name)[pmts] for name in names})


def lit(n_events: int, seed: int = 1, per_event: int = 200) -> Events:
    """Events at the centre with photoelectrons on any PMT, most within a few ns."""
    generator = np.random.default_rng(seed)
    n = n_events * per_event
    pmt = generator.integers(0, DETECTOR.n_pmt, n).astype(np.uint16)
    flight = DETECTOR.pmt_radius / 0.196
    time = (flight + generator.exponential(6.0, n)).astype(np.float32)
    order = np.lexsort((time, np.repeat(np.arange(n_events), per_event)))
    counts = np.full(n_events, per_event)
    hits = Hits.from_counts(counts, pmt[order], time[order], np.ones(n, np.float32))
    return Events(
        np.arange(n_events),
        np.arange(n_events),
        np.zeros(n_events, np.uint8),
        np.zeros((n_events, 3), np.float32),
        np.ones(n_events, np.float32),
        np.zeros(n_events, np.float32),
        hits,
    )
