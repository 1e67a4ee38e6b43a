"""What the chain asks of its stages; each is found in the layer of its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Shaped
from torch import Tensor

from kzcal.hits import Events
from kzcal.light import LightSites
from kzcal.particles import Deposits, Primaries
from kzcal.photoelectrons import Photoelectrons
from kzcal.response.detector import Pulses


class Transport(Protocol):
    """Particles through the detector."""

    def deposits(
        self,
        primaries: Primaries,
        position: Float64[np.ndarray, "decay 3"],
        *,
        generator: np.random.Generator,
    ) -> Deposits:
        """Energy deposits of decays at their places [m]; one event per decay."""

    def light(self, deposits: Deposits) -> LightSites:
        """Mean light of deposits, quenched."""

    def truth(self, deposits: Deposits) -> Mapping[str, Shaped[np.ndarray, " event"]]:
        """Columns of an event file's truth."""


class LightModel(Protocol):
    """Photons through the detector."""

    @property
    def ceiling(self) -> float:
        """Relative efficiency of the PMTs that photoelectrons are drawn for."""

    def sample(self, sites: LightSites, *, generator: torch.Generator) -> Photoelectrons:
        """Draw photoelectrons."""


class Response(Protocol):
    """PMTs and electronics."""

    def sample(
        self,
        light: Photoelectrons,
        window: tuple[Float[Tensor, " event"], Float[Tensor, " event"]],
        *,
        ceiling: float | None = None,
        generator: torch.Generator,
    ) -> Pulses:
        """Report hits within each event's window [ns]."""


class Reconstructed(Protocol):
    """Where, when and how much light of events was made; NaN where that cannot be said."""

    @property
    def vertex(self) -> Float32[np.ndarray, "event 3"]:
        """Place, m."""

    @property
    def energy(self) -> Float32[np.ndarray, " event"]:
        """Visible energy, MeV."""

    @property
    def t0(self) -> Float32[np.ndarray, " event"]:
        """Emission time in the event's hit-time base, ns."""


class Reconstruction(Protocol):
    """From hits back to events."""

    def fit(self, events: Events) -> Reconstructed:
        """Fit every event."""
