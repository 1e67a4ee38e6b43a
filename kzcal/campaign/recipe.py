"""How each run of many is calibrated: what is sent to workers, and what they send back."""

from __future__ import annotations

import functools
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.lineage import Number
from kzcal.calibrate.machine import choose_device, use_threads
from kzcal.calibrate.measure import measure
from kzcal.calibrate.report import write_report
from kzcal.conditions.payload import Payload
from kzcal.conditions.quantities import DIAGNOSTICS, RESPONSE
from kzcal.geometry import load_detector
from kzcal.io.source import open_events
from kzcal.plugins import Plugins, load


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """What a worker sends back of a run.

    Args:
        run: its number.
        payloads: all that is to be stored of it, in one transaction.
        numbers: the run in a few numbers.
    """

    run: int
    payloads: tuple[Payload, ...]
    numbers: tuple[Number, ...]


class Recipe(Protocol):
    """Calibrates every run in the same way in whatever process; it can be pickled.

    A worker opens no database: it returns payloads, which the parent stores.
    """

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of the payloads that each run gives."""

    def calibrate(self, path: Path) -> Calibrated:
        """Calibrate the run of a file.

        Raises:
            KzcalError: an input is wrong, or the run holds too little.
        """

    def page(
        self, response: Payload, diagnostics: Payload, previous: Payload | None, tag: str
    ) -> str:
        """The report of a calibration, as HTML."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What every process must know alike.

    Args:
        plugin_files: files with plugins, beside the installed ones.
        device: "cpu", "cuda" or "auto", which each worker decides for itself.
        threads: of each worker; they decide the last digits of the constants.
    """

    plugin_files: tuple[Path, ...] = ()
    device: str = "cpu"
    threads: int = 1

    def plugins(self) -> Plugins:
        """The plugins, loaded once in each process."""
        return _loaded(self.plugin_files)

    def page(
        self,
        detector: str,
        response: Payload,
        diagnostics: Payload,
        previous: Payload | None,
        tag: str,
    ) -> str:
        """The report of a calibration as HTML; ``detector`` is a name or a file."""
        sections, built = self.plugins().report_sections, load_detector(detector)
        with tempfile.TemporaryDirectory() as directory:
            page = Path(directory) / "index.html"
            write_report(page, response, diagnostics, built, previous, sections, tag=tag)
            return page.read_text(encoding="utf-8")


@functools.lru_cache(maxsize=1)
def _loaded(files: tuple[Path, ...]) -> Plugins:
    return load(files)


@dataclass(frozen=True, slots=True)
class PmtRecipe:
    """The constants of every PMT, as ``kzcal calibrate`` finds them in one run.

    Args:
        config: the settings of the calibration.
        settings: of the processes.
    """

    config: CalibrationConfig = field(default_factory=CalibrationConfig)
    settings: Settings = field(default_factory=Settings)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Constants and diagnostics."""
        return RESPONSE, DIAGNOSTICS

    def calibrate(self, path: Path) -> Calibrated:
        """Calibrate the run of a file; see Recipe."""
        use_threads(self.settings.threads)
        plugins, detector = self.settings.plugins(), load_detector(self.config.detector)
        formats = {name: record.build() for name, record in plugins.event_formats.items()}
        with open_events(path, detector, formats) as source:
            found = measure(
                path,
                source,
                detector,
                self.config,
                plugins,
                device=choose_device(self.settings.device),
                advance=lambda _hits: None,
            )
            payloads = found.response, found.diagnostics
            return Calibrated(source.header.run, payloads, found.numbers)

    def page(
        self, response: Payload, diagnostics: Payload, previous: Payload | None, tag: str
    ) -> str:
        """The report of a calibration, as HTML."""
        return self.settings.page(self.config.detector, response, diagnostics, previous, tag)
