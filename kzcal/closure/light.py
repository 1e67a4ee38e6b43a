"""The closure of the global fit: light of known yield, absorption and scattering, fitted again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from kzcal.closure.experiment import Fitted, TrueParameter
from kzcal.closure.light_run import Resolution, drawn_from, write_run
from kzcal.errors import ConfigurationError
from kzcal.fit.config import FitConfig
from kzcal.fit.store import measure_fit
from kzcal.parts import Parameter
from kzcal.plugins import load

RANGES = {
    p.name: p
    for p in (
        TrueParameter("light_yield", 0.85, 1.15),
        TrueParameter("efficiency_20", 0.9, 1.1),
        TrueParameter("absorption_scale", 0.8, 1.25),
        TrueParameter("scattering_scale", 0.8, 1.25),
        TrueParameter("birks_mm_per_mev", 0.17, 0.22, "mm/MeV"),
        TrueParameter("decay_scale", 0.95, 1.05),
        TrueParameter("late_fraction", 0.01, 0.05),
        TrueParameter("time_walk", 0.3, 0.8, "ns"),
        TrueParameter("tts_mean_17", 1.2, 1.5, "ns"),
        TrueParameter("tts_mean_20", 2.2, 2.8, "ns"),
        TrueParameter("time_shift", 0.0, 0.0, "ns"),
    )
}
"""True values of what nothing is known of beforehand; of the others the fit's own prior."""
FEWEST_PHOTONS = 100_000
USUALLY_FREE = (
    "light_yield",
    "efficiency_20",
    "absorption_scale",
    "scattering_scale",
    "time_walk",
    "tts_mean_17",
    "tts_mean_20",
    "time_shift",
)
"""What light, and all times together, leave free in a fit of a run."""


NOT_SIMULATED = ("alpha_light", "alpha_slope", "electron_quenching")
"""Parameters by which a fit departs from Birks' law, which simulations keep to."""


@dataclass(frozen=True, slots=True)
class Light:
    """Runs of calibration samples with a truth of their own each, calibrated and fitted.

    Args:
        free: parameters whose truth is drawn and which are fitted; all others are at the values
            of detector_db in both.
        terms: of the fit.
        scale: of the number of events; 1 are about seven thousand.
        photons: that the fit traces for every round.
        rounds: how often it does, at most.
        cherenkov: Cherenkov photons over those of Frank and Tamm, in truth and fit. Times and
            occupancy of the fit have none: with 1 the closure shows what that costs.

    Raises:
        ConfigurationError: a number is out of range, or a parameter is unknown.
    """

    free: tuple[str, ...] = USUALLY_FREE
    terms: tuple[str, ...] = ("occupancy", "spectra", "times")
    scale: float = 1.0
    photons: int = 50_000_000
    rounds: int = 3
    cherenkov: float = 0.0

    def __post_init__(self) -> None:
        if not self.scale > 0 or self.photons < FEWEST_PHOTONS:
            message = (
                f"scale is positive and photons are {FEWEST_PHOTONS} at least, "
                f"got {self.scale} and {self.photons}"
            )
            raise ConfigurationError(message)
        unseen = [name for name in self.free if name in NOT_SIMULATED]
        if unseen:
            message = (
                f"a closure frees what a simulation knows, got {', '.join(unseen)}: the light of "
                "alphas and electrons is simulated by Birks' law alone"
            )
            raise ConfigurationError(message)
        self._parameters()

    @property
    def units(self) -> Mapping[str, str]:
        """Of the fitted parameters."""
        return {p.name: p.unit for p in self._parameters()}

    def run(self, *, seed: int) -> Fitted:
        """Simulate, calibrate and fit one run."""
        truth = self.draw(np.random.default_rng([seed, 1]))
        config = self._config(seed)
        with TemporaryDirectory() as scratch:
            path = Path(scratch) / "run.h5"
            resolution = Resolution(truth["vertex_resolution"], truth["t0_resolution"])
            write_run(path, Path(scratch), truth, resolution, scale=self.scale, seed=seed)
            found = measure_fit(path, config, load(), device=torch.device("cpu")).found
        names = [p.name for p in found.parameters.free]
        values, covariance = found.minimum.values, found.minimum.covariance
        return Fitted.of(names, [truth[n] for n in names], values.tolist(), covariance)

    def draw(self, generator: np.random.Generator) -> dict[str, float]:
        """True values of all parameters of the fit."""
        config = self._config(0)
        detector, _ = config.open_detector()
        chosen = config.parameter_set(detector)
        drawn = {p.name: _drawn(p, generator) for p in chosen.free}
        return {**chosen.fixed, **drawn}

    def _config(self, seed: int) -> FitConfig:
        return FitConfig(
            terms=self.terms,
            photons=self.photons,
            rounds=self.rounds,
            seed=seed,
            fit=self.free,
            parameters={"cherenkov_scale": {"start": self.cherenkov}},
            where="the closure of light",
        )

    def _parameters(self) -> tuple[Parameter, ...]:
        config = self._config(0)
        detector, _ = config.open_detector()
        return config.parameter_set(detector).free


def _drawn(parameter: Parameter, generator: np.random.Generator) -> float:
    """A true value: of the range above, else of the fit's prior within its bounds."""
    if parameter.name in RANGES:
        return RANGES[parameter.name].draw(generator)
    if parameter.prior is None:
        message = f"no range of true values is known for {parameter.name}: leave it out of free"
        raise ConfigurationError(message)
    return drawn_from(parameter.prior, (parameter.lower, parameter.upper), generator)
