"""Every way in which a plugin can extend kzcal.

A plugin is a module with functions named like those below and marked with ``@hookimpl``. Each one
is called once, without arguments, when kzcal gathers its parts, and yields records of one type
(see ``kzcal.components``). The order in which plugins are called has no meaning: a configuration
or the command line chooses by name. Each example below is a whole plugin.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from kzcal.components import (
    Classifier,
    Command,
    Estimator,
    EventFormat,
    Fitter,
    ReportSection,
    Sample,
    Source,
    Translator,
)

hookspec = pluggy.HookspecMarker("kzcal")
hookimpl = pluggy.HookimplMarker("kzcal")


@hookspec
def kzcal_event_formats() -> Iterable[EventFormat]:
    """File formats that events are read from.

    When: a command opens a file of events; the one format that recognises the file opens it.

    Example::

        from zipfile import BadZipFile
        import numpy as np
        from kzcal.components import EventFormat
        from kzcal.errors import FileFormatError
        from kzcal.hits import Events, Hits, RunHeader
        from kzcal.hookspecs import hookimpl
        from kzcal.io.memory import MemorySource

        class Npz:
            def recognise(self, path):
                return path.suffix == ".npz"

            def open(self, path, detector):
                try:
                    with path.open("rb") as stream:
                        columns = dict(np.load(stream))
                    flat = {name: columns.pop(name) for name in ("pmt", "time", "charge")}
                    hits = Hits(columns.pop("offsets"), **flat)
                    header = RunHeader(int(columns.pop("run")), detector.name)
                    return MemorySource(path, Events(**columns, hits=hits), header)
                except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
                    message = f"{path}: an .npz run must be whole, got {error}"
                    raise FileFormatError(message) from error

        @hookimpl
        def kzcal_event_formats():
            yield EventFormat("npz", "Columns of one run in an .npz archive.", build=Npz)
    """


@hookspec
def kzcal_sources() -> Iterable[Source]:
    """Kinds of decay that can be simulated, as the particles that they send out.

    When: a simulation or a closure test asks for a decay by name; options that the record
    declares arrive as keywords of ``build``.

    Example::

        import numpy as np
        from kzcal.components import Option, Source
        from kzcal.hookspecs import hookimpl
        from kzcal.particles import ALPHA, Primaries

        class Alpha:
            def __init__(self, energy=5.304):
                self.energy = energy

            def sample(self, n, *, generator):
                direction = generator.normal(size=(n, 3))
                direction /= np.linalg.norm(direction, axis=1, keepdims=True)
                alpha = np.full(n, ALPHA, np.int32)
                energy, now = np.full(n, self.energy), np.zeros(n)
                return Primaries(np.arange(n + 1), alpha, energy, now, direction)

        @hookimpl
        def kzcal_sources():
            energy = Option("energy", 5.304, "MeV", "Kinetic energy of the alpha.")
            yield Source("polonium", "An alpha, by default that of 210Po.", Alpha,
                         data="ENSDF", options=(energy,))
    """


@hookspec
def kzcal_samples() -> Iterable[Sample]:
    """Calibration samples that can be selected from a run.

    When: a calibration starts; every sample is selected from the whole run before any estimator
    sees a hit.

    Example::

        from kzcal.components import Sample
        from kzcal.hookspecs import hookimpl
        from kzcal.parts import Selection

        class Bright:
            def select(self, events, muons, header, detector):
                return Selection(events.energy > 5.0, 1.0, 0.0, "Brighter than 5 MeV.")

        @hookimpl
        def kzcal_samples():
            yield Sample("bright", "Events above 5 MeV.", build=Bright)
    """


@hookspec
def kzcal_estimators() -> Iterable[Estimator]:
    """Per-PMT estimates made while a run streams past.

    When: a calibration ends; each estimator is built once, sees every event in chunks in one more
    pass over the run, and its columns join the payload ``pmt-response``.

    Example::

        import numpy as np
        from kzcal.components import Estimator
        from kzcal.conditions.payload import Column
        from kzcal.hookspecs import hookimpl

        class HitCount:
            counts = 0

            def accumulate(self, chunk):
                n_pmt = chunk.detector.n_pmt
                self.counts = self.counts + np.bincount(chunk.events.hits.pmt, minlength=n_pmt)

            def estimate(self):
                errors = np.sqrt(np.maximum(self.counts, 1.0))
                return {"hit_count": Column(self.counts, "1", "Hits of the run.", errors)}

        @hookimpl
        def kzcal_estimators():
            yield Estimator("hit-count", "Number of hits of every PMT.", build=HitCount)
    """


@hookspec
def kzcal_translators() -> Iterable[Translator]:
    """Changes of hits: the detector response (GTQ to DTQ), or simulation to data.

    When: a simulation turns photon hits into detector hits, or a scorecard compares
    translated simulation with data.

    Example::

        from kzcal.components import Translator
        from kzcal.hookspecs import hookimpl

        class Identity:
            def translate(self, events, detector, *, generator):
                return events

        @hookimpl
        def kzcal_translators():
            yield Translator("identity", "Leaves every hit as it is.", build=Identity)
    """


@hookspec
def kzcal_classifiers() -> Iterable[Classifier]:
    """Scores of events, each on its own or among its neighbours in the run (coincidences).

    When: events are classified by a command or a plugin; all events of a run come at once, so
    that coincidences can be seen. One that has ``learn`` is trained by ``kzcal train`` on hits
    that the calibration of their run corrects, or on the candidates that its record ``takes``, and
    used by ``kzcal score``.

    Example::

        import numpy as np
        from kzcal.components import Classifier
        from kzcal.hookspecs import hookimpl

        class HitNumber:
            def score(self, events, muons, detector):
                return events.hits.counts.astype(np.float64)

        @hookimpl
        def kzcal_classifiers():
            yield Classifier("nhit", "The number of hits.", build=HitNumber)
    """


@hookspec
def kzcal_fitters() -> Iterable[Fitter]:
    """Ways to minimise an objective over the global parameters of the detector.

    When: a global fit starts and names the fitter.

    Example::

        import numpy as np
        from kzcal.components import Fitter
        from kzcal.hookspecs import hookimpl
        from kzcal.parts import Minimum
        from scipy.optimize import minimize

        class Bfgs:
            def minimise(self, objective, parameters, *, seed, effort=None):
                bounds = [(p.lower, p.upper) for p in parameters]
                best = minimize(objective, [p.start for p in parameters], bounds=bounds)
                covariance = 2.0 * np.linalg.inv(objective.slopes(best.x)[1])
                return Minimum(best.x, covariance, float(best.fun), best.nfev)

        @hookimpl
        def kzcal_fitters():
            yield Fitter("bfgs", "Quasi-Newton steps within the ranges.", build=Bfgs)
    """


@hookspec
def kzcal_report_sections() -> Iterable[ReportSection]:
    """Sections of the calibration report.

    When: a report is written, after a calibration or from the database alone.

    Example::

        from kzcal.components import ReportSection
        from kzcal.hookspecs import hookimpl

        class PmtNumber:
            def render(self, calibration, diagnostics, detector, previous):
                return f"<p>{detector.name} has {detector.n_pmt} PMTs.</p>"

        @hookimpl
        def kzcal_report_sections():
            yield ReportSection("pmt-number", "How many PMTs there are.", build=PmtNumber)
    """


@hookspec
def kzcal_commands() -> Iterable[Command]:
    """Commands that join those of ``kzcal``.

    When: ``kzcal --help`` lists the commands, and when one is called that is not built in.

    Example::

        import click
        from kzcal.components import Command
        from kzcal.hookspecs import hookimpl

        @click.command(help="Say hello.")
        def greet():
            click.echo("Hello from Kamioka.")

        @hookimpl
        def kzcal_commands():
            yield Command("greet", "Say hello.", build=lambda: greet)
    """
