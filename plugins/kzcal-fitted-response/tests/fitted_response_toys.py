"""A small detector, flashes of light in it, and a response with constants of its own."""

from dataclasses import replace

import numpy as np
import torch
from kzcal_fitted_response.constants import Constants
from kzcal_fitted_response.translator import translated

from kzcal.geometry import load_detector
from kzcal.hits import Events, Hits
from kzcal.learning import TranslatorTask

CEILING = 1.6
CPU = torch.device("cpu")
SPEED = 0.196


def small_detector(n=60):
    """Some PMTs of either type."""
    whole = load_detector()
    rows = np.concatenate([np.arange(0, 1300, 1300 // n)[:n], np.arange(1330, 1850, 520 // n)[:n]])
    return replace(
        whole,
        positions=whole.positions[rows],
        diameter_inch=whole.diameter_inch[rows],
        aperture_radius=whole.aperture_radius[rows],
    )


def flashes(detector, n_events=500, mean=60.0, forced=100, seed=1, light_seed=1):
    """Photoelectrons at the ceiling, more where the vertex is near, and forced triggers.

    Events of one seed have the same vertices and times; their light differs with ``light_seed``.
    """
    generator = np.random.default_rng(seed)
    n = n_events + forced
    is_forced = np.arange(n) >= n_events
    direction = generator.normal(size=(n, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    vertex = direction * (4.0 * np.cbrt(generator.random(n)))[:, None]
    distance = np.linalg.norm(detector.positions[None] - vertex[:, None], axis=2)
    share = (1.0 / distance**2) / (1.0 / distance**2).sum(1, keepdims=True)
    t0 = generator.normal(0.0, 0.3, n)
    generator = np.random.default_rng([seed, light_seed])
    counts = generator.poisson(mean * share * ~is_forced[:, None])
    event, pmt = np.nonzero(counts)
    repeats = counts[event, pmt]
    event, pmt = np.repeat(event, repeats), np.repeat(pmt, repeats)
    delay = generator.exponential(5.0, len(event))
    time = t0[event] + distance[event, pmt] / SPEED + delay
    order = np.lexsort((time, event))
    hits = Hits.from_counts(
        np.bincount(event, minlength=n),
        pmt[order].astype(np.uint16),
        time[order].astype(np.float32),
        np.ones(len(event), np.float32),
    )
    blank = np.where(is_forced, np.nan, 1.0).astype(np.float32)
    return Events(
        np.arange(n),
        np.arange(n) * 1_000_000,
        is_forced.astype(np.uint8),
        (vertex * blank[:, None]).astype(np.float32),
        blank,
        (t0 * blank).astype(np.float32),
        hits,
    )


def true_constants(detector, seed=7, dead=(5,), cable=None):
    """The nominal response with constants of every PMT drawn about those of its type."""
    start = Constants.nominal(detector, CEILING, 12.0, CPU)
    g = torch.Generator().manual_seed(seed)
    n = detector.n_pmt

    def spread(width):
        return 1 + width * torch.randn(n, generator=g)

    tubes = start.tubes
    alive = torch.ones(n, dtype=torch.bool)
    alive[list(dead)] = False
    tubes = replace(
        tubes,
        qe=0.9 * spread(0.1),
        gain=tubes.gain * spread(0.08),
        spe_width=tubes.spe_width * spread(0.05),
        time_offset=1.5 * torch.randn(n, generator=g),
        tts=tubes.tts * spread(0.1),
        dark_rate=tubes.dark_rate * spread(0.3).clamp(min=0.2),
        alive=alive,
        cable=tubes.cable if cable is None else cable,
    )
    return replace(start, tubes=tubes)


def task(detector, constants, n_events=500, mean=60.0, seed=3):
    """Photoelectrons and hits of twins: the same vertices, light of their own."""
    light = flashes(detector, n_events, mean, seed=seed, light_seed=1)
    other = flashes(detector, n_events, mean, seed=seed, light_seed=2)
    target = translated(constants, other, detector, generator=np.random.default_rng(seed))
    return TranslatorTask(light, target, CEILING, False, detector, CPU, seed)
