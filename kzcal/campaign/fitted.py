"""Both levels of the fit for each run of many."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from kzcal.calibrate.machine import choose_device, use_threads
from kzcal.campaign.recipe import Calibrated, Settings
from kzcal.conditions.payload import Payload
from kzcal.conditions.quantities import DIAGNOSTICS, GLOBAL_FIT, RESPONSE
from kzcal.fit.config import FitConfig
from kzcal.fit.store import measure_fit

NEWTON = "newton"


@dataclass(frozen=True, slots=True)
class FitRecipe:
    """Every PMT and what they share, as ``kzcal fit`` finds them in one run.

    Args:
        config: the settings of the fit.
        settings: of the processes.
    """

    config: FitConfig = field(default_factory=FitConfig)
    settings: Settings = field(default_factory=Settings)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Constants, diagnostics, and what all PMTs share."""
        return RESPONSE, DIAGNOSTICS, GLOBAL_FIT

    def calibrate(self, path: Path) -> Calibrated:
        """Fit the run of a file; see Recipe."""
        use_threads(self.settings.threads)
        device, plugins = choose_device(self.settings.device), self.settings.plugins()
        fitter = plugins.fitters.choose(self.config.fitter or NEWTON)
        found = measure_fit(path, self.config, plugins, fitter=fitter, device=device)
        settled = ("settled", float(found.found.settled), "1")
        return Calibrated(found.run, found.payloads, (*found.calibration.numbers, settled))

    def page(
        self, response: Payload, diagnostics: Payload, previous: Payload | None, tag: str
    ) -> str:
        """The report of a calibration, as HTML."""
        detector = self.config.calibration_config().detector
        return self.settings.page(detector, response, diagnostics, previous, tag)
