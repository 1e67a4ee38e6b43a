"""Point-like events of known vertex, energy and time, from a light map and a response."""

from dataclasses import dataclass

import numpy as np
import torch

from kzcal.hits import FORCED, PHYSICS, Events
from kzcal.light import LightSites
from kzcal.response.translator import hits_of

PHOTONS_PER_MEV = 8500.0
WINDOW = (-150.0, 350.0)


@dataclass(frozen=True)
class Truth:
    vertex: np.ndarray
    energy: np.ndarray
    t0: np.ndarray


def ball(rng, n, radius):
    direction = rng.normal(size=(n, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return radius * np.cbrt(rng.random((n, 1))) * direction


def tensor(values):
    return torch.as_tensor(np.asarray(values), dtype=torch.float32)


def point_events(light_map, response, energy, *, radius=5.0, seed=1):
    """Events in a ball, the last of them a forced trigger without light."""
    rng = np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(seed)
    energy = np.asarray(energy, float)
    n = len(energy)
    truth = Truth(ball(rng, n, radius), energy, rng.normal(0.0, 5.0, n))
    zeros = torch.zeros(n)
    sites = LightSites(
        event=torch.arange(n),
        position=tensor(truth.vertex),
        time=tensor(truth.t0),
        direction=tensor(np.tile([0.0, 0.0, 1.0], (n, 1))),
        scintillation=tensor(energy * PHOTONS_PER_MEV),
        cherenkov=zeros,
        beta=torch.ones(n),
        profile=zeros.long(),
        medium=torch.ones(n, dtype=torch.long),
    )
    light = light_map.sample(sites, generator=generator)
    window = tuple(torch.full((n + 1,), edge) for edge in WINDOW)
    pulses = response.sample(light, window, ceiling=light_map.ceiling, generator=generator)
    nothing = np.full(n + 1, np.nan, np.float32)
    return truth, Events(
        event=np.arange(n + 1),
        timestamp=1000 * np.arange(n + 1),
        trigger=np.where(np.arange(n + 1) == n, FORCED, PHYSICS).astype(np.uint8),
        vertex=np.stack([nothing] * 3, axis=1),
        energy=nothing,
        t0=nothing,
        hits=hits_of(pulses, n + 1),
    )
