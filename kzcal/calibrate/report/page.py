"""Puts the sections together and writes the page."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kzcal.builtin import kzcal_report_sections
from kzcal.calibrate.report.digits import words
from kzcal.calibrate.report.templating import fill
from kzcal.components import ReportSection
from kzcal.conditions.payload import Payload
from kzcal.errors import CalibrationError
from kzcal.geometry import Detector
from kzcal.io.atomic import replacing
from kzcal.plugins import FAILURES

log = logging.getLogger(__name__)
FOOTER = "Written by kzcal from two payloads of the detector database; kzcal report rebuilds it."


@dataclass(frozen=True, slots=True)
class Chapter:
    """A drawn section.

    Args:
        name: anchor in the page.
        title: heading.
        summary: the line below it.
        provider: the plugin that offers the section; "" for kzcal itself.
        body: fragment of HTML.
    """

    name: str
    title: str
    summary: str
    provider: str
    body: str


def write_report(
    path: Path,
    calibration: Payload,
    diagnostics: Payload,
    detector: Detector,
    previous: Payload | None,
    sections: Mapping[str, ReportSection],
    *,
    tag: str = "",
) -> None:
    """Write a calibration's report: one file of HTML that needs no other, whole or not at all.

    Args:
        path: file to write.
        calibration: payload of kind "pmt-response".
        diagnostics: payload of kind "calibration-diagnostics" of the same calibration.
        detector: the detector.
        previous: the calibration before this one, or None.
        sections: kzcal's own come first, in their own order, then those of plugins by name.
        tag: global tag that the calibration was found in; without it, the lineage's.

    Raises:
        CalibrationError: the calibration is of another detector.
        ConfigurationError: the file cannot be written.
    """
    n_rows = len(calibration.columns["status"].values)
    if n_rows != detector.n_pmt:
        message = (
            f"a calibration has a row for every PMT of its detector, got {n_rows} rows and "
            f"{detector.n_pmt} PMTs of {detector.name}: name the detector it was made for"
        )
        raise CalibrationError(message)
    chapters = [
        _chapter(section, calibration, diagnostics, detector, previous)
        for section in in_order(sections)
    ]
    heading = Heading.of(calibration, detector, tag)
    page = fill("page.html", heading=heading, chapters=chapters, footer=FOOTER)
    with replacing(path) as unfinished:
        unfinished.write_text(page, encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Heading:
    """What a page is about; "" for what the lineage does not say."""

    title: str
    tag: str
    period: str
    detector: str
    code_version: str

    @classmethod
    def of(
        cls, calibration: Payload, detector: Detector, tag: str, what: str = "Calibration"
    ) -> Heading:
        """From the lineage of a payload, and the tag where it is known."""
        settings = calibration.lineage.configuration
        run, own_tag, period = (str(settings.get(key, "")) for key in ("run", "tag", "period"))
        title = f"{what} of run {run}" if run else f"PMT {what.lower()}"
        return cls(title, tag or own_tag, period, detector.name, calibration.lineage.code_version)


def in_order(sections: Mapping[str, ReportSection]) -> Sequence[ReportSection]:
    """The sections of kzcal in their own order, then the others by name."""
    own = own_sections()
    others = sorted(name for name in sections if name not in own)
    return [sections[name] for name in (*own, *others) if name in sections]


def own_sections() -> tuple[str, ...]:
    """Names of kzcal's own sections in the order of the report."""
    return tuple(section.name for section in kzcal_report_sections())


def _chapter(
    section: ReportSection,
    calibration: Payload,
    diagnostics: Payload,
    detector: Detector,
    previous: Payload | None,
) -> Chapter:
    """Draw a section; one of a plugin that fails says so and spoils no other."""
    title = words(section.name)
    title = title[:1].upper() + title[1:]
    try:
        body = section.build().render(calibration, diagnostics, detector, previous)
    except FAILURES as error:
        if section.name in own_sections():
            raise
        log.warning("section %s of %s failed: %s", section.name, section.provider, error)
        body = fill("failure.html", section=section, kind=type(error).__name__, error=str(error))
    provider = "" if section.name in own_sections() else section.provider
    return Chapter(section.name, title, section.summary, provider, body)
