"""The parts of kzcal itself, offered through the same hooks as a plugin's.

Each is named by its import path and imported once it is built, so that this list costs nothing
and may name parts of every layer.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

from kzcal.components import (
    Command,
    EventFormat,
    Fitter,
    Option,
    ReportSection,
    Sample,
    Source,
    Translator,
)
from kzcal.hookspecs import hookimpl
from kzcal.physics.catalogue import Entry, entries


def _made(path: str) -> Callable[[], Any]:
    """Makes an instance of the class at an import path ``module:Class``."""
    return lambda: _found(path)()()


def _found(path: str) -> Callable[[], Any]:
    """Finds the object at an import path ``module:name``."""
    module, _, name = path.partition(":")
    return lambda: attrgetter(name)(importlib.import_module(module))


@hookimpl
def kzcal_event_formats() -> Iterable[EventFormat]:
    """Formats that kzcal reads."""
    for name, summary, path in (
        ("kzcal-events", "Event files in HDF5, version 1.", "source:Hdf5Reader"),
        ("kamland-ntuple", "ROOT ntuples of KamLAND-Zen, tree nt.", "ntuples:kamland_reader"),
        ("ratpac-ntuple", "ROOT ntuples of RAT-PAC 2, tree output.", "ntuples:ratpac_reader"),
    ):
        yield EventFormat(name, summary, _made(f"kzcal.io.{path}"))


@hookimpl
def kzcal_sources() -> Iterable[Source]:
    """Decays, captures and particles of given energies."""
    for entry in entries():
        yield Source(
            entry.name,
            entry.summary,
            _drawn(entry),
            half_life=entry.half_life,
            q_value=entry.q_value,
            data=entry.data,
            options=tuple(Option(*row) for row in entry.options),
        )


def _drawn(entry: Entry) -> Callable[..., Any]:
    """Builds what draws a source; its options have their defaults."""
    defaults = {name: default for name, default, *_ in entry.options}
    return lambda **chosen: _found(entry.path)()(*entry.arguments, **(defaults | chosen))


@hookimpl
def kzcal_samples() -> Iterable[Sample]:
    """Samples that need nothing but the run."""
    for name, summary, path in (
        ("forced", "Forced triggers: dark hits only.", "triggers:Forced"),
        ("physics", "All light in the scintillator.", "triggers:Physics"),
        ("neutron-capture", "2.2 MeV captures after muons.", "neutron_capture:NeutronCapture"),
        ("po210", "The quenched alpha peak of 210Po.", "po210:Polonium210"),
        ("c11", "11C, alone in time, 1 to 2 MeV.", "c11:Carbon11"),
    ):
        yield Sample(name, summary, _made(f"kzcal.samples.{path}"))


@hookimpl
def kzcal_translators() -> Iterable[Translator]:
    """Changes of hits that need nothing but the baseline text."""
    yield Translator(
        "detector-response",
        "Photoelectrons to reported hits of nominal PMTs.",
        _made("kzcal.response.translator:ResponseTranslator"),
    )


@hookimpl
def kzcal_fitters() -> Iterable[Fitter]:
    """Fitters that need nothing but the objective's own derivatives."""
    summary = "Damped Newton steps within the ranges, by the objective's derivatives."
    yield Fitter("newton", summary, _made("kzcal.fit.newton:Newton"), takes_slopes=True)


@hookimpl
def kzcal_report_sections() -> Iterable[ReportSection]:
    """Sections of the calibration report, in the order in which it is read."""
    for name, summary, path in (
        ("headline", "The calibration in a few numbers.", "headline:Headline"),
        ("maps", "Where on the sphere the constants differ.", "maps:Maps"),
        ("distributions", "Each constant over the PMTs.", "distributions:Distributions"),
        ("agreement", "Measured against modelled hits.", "agreement:AgreementSection"),
        ("bad-channels", "PMTs that are not good, and why.", "bad_channels:BadChannels"),
        ("samples", "The events that it rests on.", "samples:Samples"),
        ("acceptance", "Light that a PMT collects.", "acceptance:AcceptanceSection"),
        ("time-walk", "How late small pulses read.", "time_walk:TimeWalk"),
        ("global-parameters", "Common to all PMTs.", "global_parameters:GlobalParameters"),
        ("comparison", "What changed since the calibration before.", "comparison:Comparison"),
        ("timings", "How long each step took.", "timings:Timings"),
        ("lineage", "What made it; the same again makes the same.", "lineage:LineageSection"),
    ):
        yield ReportSection(name, summary, _made(f"kzcal.calibrate.report.sections.{path}"))


@hookimpl
def kzcal_commands() -> Iterable[Command]:
    """Commands of ``kzcal``, each in the module of its name."""
    summaries = {
        "calibrate": "Calibrate every PMT of a run and store the result.",
        "closure": "Inject truths, simulate, fit, and say whether the errors are honest.",
        "combine": "Combine the scores of several classifiers into one rejection.",
        "coincidence": "Find events of a run that may belong together.",
        "compare": "Tell how far the events of FAKE are from those of DATA.",
        "db": "Keep, look at and exchange the constants of every PMT by tag and run.",
        "demo": "Calibrate a small simulated period, from hits to report.",
        "evaluate": "Tell how well scores separate classes, and what they depend on.",
        "events": "Look into event files, draw events and convert ntuples.",
        "export": "Write the network of a trained classifier as ONNX.",
        "fit": "Fit what all PMTs share, and calibrate every PMT with it.",
        "monitor": "Watch the calibrations of a tag over their runs.",
        "plugins": "List what plugins offer, or start a new plugin.",
        "reconstruct": "Fit vertex, energy and time of the events of FILE.",
        "report": "Rebuild the report of a calibrated RUN from the database alone.",
        "score": "Score every event of a file by a trained classifier.",
        "sensitivity": "Tell which half-life of 136Xe an experiment is expected to exclude.",
        "simulate": "Simulate decays, from their particles to the hits that the detector reports.",
        "study": "Study what a trained classifier rejects, and why.",
        "throw": "Draw correlated replicas of the detector from what a calibration knows of it.",
        "train": "Train a classifier on events whose kind is known.",
        "translate": "Learn from events how photoelectrons become hits, and translate files.",
    }
    for name, summary in summaries.items():
        yield Command(name, summary, _found(f"kzcal.cli.{name}:{name}"))
