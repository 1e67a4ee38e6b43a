"""From the options of a study to what it needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kzcal.calibrate.machine import choose_device
from kzcal.classify.corrected import Correction
from kzcal.classify.model import OpenedModel, instances, opened
from kzcal.cli.corrections import corrections
from kzcal.cli.output import plain
from kzcal.cli.report import made_directory
from kzcal.cli.session import Session
from kzcal.conditions.engine import resolve
from kzcal.conditions.throwing import calibrated, throw
from kzcal.conditions.throwing import opened as opened_database
from kzcal.evaluate.kinds import KIND, last_of_each_kind
from kzcal.geometry import load_detector
from kzcal.hits import Events
from kzcal.io.hdf5_writer import event_writer
from kzcal.simulate.cocktail import Cocktail
from kzcal.simulate.constants import Constants
from kzcal.simulate.energy_window import EnergyWindow
from kzcal.simulate.setup import Setup
from kzcal.simulate.volumes import volume
from kzcal.simulate.workers import Simulation
from kzcal.study.bench import Bench
from kzcal.study.config import StudyConfig
from kzcal.study.findings import Findings, write_findings

PREFIX = "replica"


@dataclass(frozen=True, slots=True, eq=False)
class Studied:
    """A study that is asked for.

    Args:
        bench: where decays are simulated and scored.
        setup: of its simulation.
        config: settings.
        out: directory of the results.
        inputs: what was asked for, by option.
    """

    bench: Bench
    setup: Setup
    config: StudyConfig
    out: Path
    inputs: Mapping[str, Any]

    @classmethod
    def of(cls, session: Session, given: Mapping[str, Any]) -> Studied:
        """The study of some options.

        Raises:
            ConfigurationError: an option cannot be.
            DatabaseError: the tag has no constants for the run.
        """
        window = EnergyWindow.parse(given["quenched"])
        config = StudyConfig(given["number"], given["acceptance"], given["seed"])
        corrections(given["location"], given["tag"], given["nominal"])
        device = choose_device(given["device"])
        model = opened(given["model"], session.plugins().classifiers, device)
        constants = _constants(given)
        names = ("run", "seed", "optics", "response", "light", "vertex")
        cocktail = Cocktail(
            components=(),
            detector=_detector_of(given["model"], model),
            **{name: given[name] for name in names},
        )
        setup = Setup(cocktail, constants, session.plugin_files, device.type)
        if setup.fits or cocktail.light == "map":
            session.announce_light_map(load_detector(cocktail.detector))
        bench = Bench(
            model.classifier,
            model.detector,
            setup.open(),
            Correction.of(constants.payload(model.detector), model.detector),
            window,
            volume(given["volume"], model.detector),
        )
        return cls(bench, setup, config, made_directory(given["out"]), _inputs(given))

    def with_model(self, session: Session, path: Path) -> Bench:
        """The same with another classifier."""
        model = opened(path, session.plugins().classifiers, choose_device(self.setup.device))
        return replace(self.bench, classifier=model.classifier)

    def replicas(self, number: int) -> Iterator[Simulation]:
        """The simulation in detectors that the errors of the calibration allow."""
        if not number:
            return
        constants, run = self.setup.constants, self.setup.cocktail.run
        place = str(self.out / "replicas.db")
        with opened_database(constants.database) as known:
            payloads, runs = calibrated(known, constants.tag, run)
        with opened_database(place) as thrown:
            tags = throw(payloads, thrown, PREFIX, runs, number, seed=self.config.seed).tags
        for tag in tags:
            yield replace(self.setup, constants=Constants.stored(place, tag, run)).open()

    def keep(self, events: Events, name: str) -> None:
        """Write events into the directory of the results."""
        header = self.bench.simulation.header
        with event_writer(self.out / name, header) as append:
            append(events)

    def read(self, session: Session, path: Path, last: float) -> Events:
        """The last events of a file, of each kind."""
        with session.open_events(path, self.bench.detector) as source:
            (whole,) = source.chunks(10**9)
        return whole.take(last_of_each_kind(whole.reconstructed, whole.truth[KIND], last))

    def write(self, found: Findings, more: Mapping[str, Any]) -> dict[str, Any]:
        """Write the results; what was found and where the page is, for a program."""
        inputs = plain({**self.inputs, **more})
        page = write_findings(self.out, found, inputs, self.bench.detector.name)
        told = {"study": found.study, "verdict": found.verdict, **found.numbers}
        return dict(plain({**told, "page": page}))


def _constants(given: Mapping[str, Any]) -> Constants:
    """Of the run in the database, or nominal ones."""
    if given["tag"] is None:
        return Constants()
    return Constants.stored(resolve(given["location"]), given["tag"], given["run"])


def _detector_of(path: Path, model: OpenedModel) -> str:
    """Name of a model's detector, or its file."""
    own = instances(path)[0].path / model.manifest.detector
    return str(own) if own.exists() else model.manifest.detector


def _inputs(given: Mapping[str, Any]) -> dict[str, Any]:
    left_out = ("out", "as_json", "threads", "device")
    return {name: value for name, value in given.items() if name not in left_out}
