"""Coincidences of 214Bi and 214Po as two calibration samples, with their measured purity."""

from __future__ import annotations

from collections.abc import Iterable

from kzcal.components import Sample
from kzcal.hookspecs import hookimpl
from kzcal.parts import SampleSelection


def _bi214() -> SampleSelection:
    from kzcal_bipo.selection import Coincidence

    return Coincidence("prompt")


def _po214() -> SampleSelection:
    from kzcal_bipo.selection import Coincidence

    return Coincidence("delayed")


BI214 = Sample("bi214", "214Bi: betas and gammas before a 214Po alpha.", _bi214)
PO214 = Sample("po214", "214Po: the alpha after a 214Bi decay, 0.6 MeV.", _po214)


@hookimpl
def kzcal_samples() -> Iterable[Sample]:
    """The two halves of the coincidence."""
    return (BI214, PO214)
