"""The samples that kzcal brings along, selected once they are called for."""

from __future__ import annotations

from collections.abc import Iterable

from kzcal.components import Sample, SampleSelection
from kzcal.hookspecs import hookimpl


def _forced() -> SampleSelection:
    from kzcal.samples.triggers import Forced

    return Forced()


def _physics() -> SampleSelection:
    from kzcal.samples.triggers import Physics

    return Physics()


def _neutron_capture() -> SampleSelection:
    from kzcal.samples.neutron_capture import NeutronCapture

    return NeutronCapture()


def _po210() -> SampleSelection:
    from kzcal.samples.po210 import Polonium210

    return Polonium210()


def _c11() -> SampleSelection:
    from kzcal.samples.c11 import Carbon11

    return Carbon11()


@hookimpl
def kzcal_samples() -> Iterable[Sample]:
    """The samples of the core; coincidences of radon daughters come as a plugin."""
    yield Sample("forced", "Forced triggers, which hold dark hits only.", _forced)
    yield Sample("physics", "Every physics trigger in the scintillator.", _physics)
    yield Sample("neutron-capture", "2.2 MeV captures after muons.", _neutron_capture)
    yield Sample("po210", "The quenched alpha peak of 210Po.", _po210)
    yield Sample("c11", "The positron spectrum of 11C, alone in time.", _c11)
