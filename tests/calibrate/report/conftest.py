"""Payloads of a calibrated run, and ways to look into the page that reports them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from kzcal import plugins
from kzcal.calibrate.report import write_report
from kzcal.components import ReportSection
from kzcal.conditions.payload import Payload
from kzcal.geometry import Detector, load_detector
from kzcal.testing.payloads import example_calibration, example_diagnostics

VOID = {"br", "hr", "img", "input", "meta", "col", "source", "wbr"}


class Page(HTMLParser):
    """A page or a fragment of one, taken apart."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.text = ""
        self.unbalanced: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        self.unbalanced += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.unbalanced.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        if "style" in self._open or "svg" in self._open:
            return
        self.text += data
        if {"td", "th"} & set(self._open):
            self.tables[-1][-1][-1] += data

    def row(self, first: str, table: int = 0) -> list[str]:
        """The cells of the row of a table that begins with a text."""
        rows = [[cell.strip() for cell in row] for row in self.tables[table]]
        return next(row for row in rows if row and row[0] == first)


@pytest.fixture(scope="session")
def detector() -> Detector:
    return load_detector()


@pytest.fixture(scope="session")
def calibration(detector: Detector) -> Payload:
    return example_calibration(detector)


@pytest.fixture(scope="session")
def diagnostics(detector: Detector) -> Payload:
    return example_diagnostics(detector)


@pytest.fixture(scope="session")
def previous(detector: Detector) -> Payload:
    return example_calibration(detector, seed=2, run=15000)


@pytest.fixture(scope="session")
def sections() -> Mapping[str, ReportSection]:
    return plugins.load(installed=False).report_sections


@pytest.fixture
def rendered(
    sections: Mapping[str, ReportSection], detector: Detector
) -> Callable[[str, Payload, Payload, Payload | None], Page]:
    """Draws one section."""

    def render(
        name: str, calibration: Payload, diagnostics: Payload, previous: Payload | None = None
    ) -> Page:
        body = sections[name].build().render(calibration, diagnostics, detector, previous)
        return Page(body)

    return render


@pytest.fixture
def written(
    tmp_path: Path, detector: Detector, sections: Mapping[str, ReportSection]
) -> Callable[..., Page]:
    """Writes the whole page."""

    def write(
        calibration: Payload,
        diagnostics: Payload,
        previous: Payload | None = None,
        chosen: Mapping[str, ReportSection] = sections,
    ) -> Page:
        path = tmp_path / "index.html"
        write_report(path, calibration, diagnostics, detector, previous, chosen)
        return Page(path.read_text(encoding="utf-8"))

    return write


@pytest.fixture(scope="session")
def changed() -> Callable[..., Payload]:
    """A copy of a payload with other values in some columns; errors follow where NaN appears."""

    def change(payload: Payload, **values: np.ndarray) -> Payload:
        columns = dict(payload.columns)
        for name, new in values.items():
            column = columns[name]
            errors = column.errors
            if errors is not None:
                errors = np.where(np.isnan(new), np.nan, np.nan_to_num(errors, nan=0.1))
            columns[name] = replace(column, values=new, errors=errors)
        return replace(payload, columns=columns)

    return change


@pytest.fixture(scope="session")
def page_of() -> type[Page]:
    """Takes HTML apart."""
    return Page
