"""Contracts of what meets the outside: file formats, report sections and commands."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import ClassVar

import numpy as np

from kzcal.components import Command, EventFormat, ReportSection
from kzcal.conditions.payload import Column, Lineage, Payload
from kzcal.errors import FileFormatError
from kzcal.geometry import load_detector
from kzcal.testing.contract import ComponentContract

VOID = {"br", "hr", "img", "input", "meta", "col", "source", "wbr"}
OUTSIDE = re.compile(r"""(?:\b(?:src|href)\s*=|url\()(?!\s*["']?(?:data:|\#))""", re.IGNORECASE)


class EventFormatContract(ComponentContract):
    """Laws of a file format; ``example`` writes a file of it."""

    record_type = EventFormat
    component: ClassVar[EventFormat]

    def example(self, directory: Path) -> Path:
        """Write a valid file with at least two events and return its path."""
        message = f"{type(self).__name__} must define example(directory)"
        raise NotImplementedError(message)

    def test_it_recognises_its_own_files_and_no_others(self, tmp_path: Path) -> None:
        """The one format that recognises a file opens it, so it must not take another's."""
        reader = self.component.build()
        other = tmp_path / "other.bin"
        other.write_bytes(bytes(range(256)) * 8)
        assert reader.recognise(self.example(tmp_path))
        assert not reader.recognise(other)

    def test_what_is_read_twice_is_the_same(self, tmp_path: Path) -> None:
        """Chunks of any size hold the same hits, and start over at every call."""
        path, detector = self.example(tmp_path), load_detector()
        with self.component.build().open(path, detector) as source:
            whole, parts = list(source.chunks()), list(source.chunks(hits_per_chunk=1))
            assert source.n_events == sum(map(len, whole)) == sum(map(len, parts)) >= 2
            assert source.n_hits - source.dropped == sum(len(c.hits.pmt) for c in whole)
            assert len(source.table()) == source.n_events
        for column in ("pmt", "time", "charge"):
            one, other = (
                np.concatenate([getattr(chunk.hits, column) for chunk in chunks])
                for chunks in (whole, parts)
            )
            assert np.array_equal(one, other), column
            assert np.isfinite(one).all(), f"{column} holds finite numbers only"

    def test_a_truncated_file_is_refused_in_a_sentence(self, tmp_path: Path) -> None:
        """Never a traceback of another library, and never part of the events."""
        path, reader = self.example(tmp_path), self.component.build()
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        if not reader.recognise(path):
            return
        complaint = ""
        try:
            with reader.open(path, load_detector()) as source:
                list(source.chunks())
        except FileFormatError as error:
            complaint = str(error)
        assert complaint, "a truncated file raises FileFormatError"
        assert path.name in complaint, "the error names the file"


class ReportSectionContract(ComponentContract):
    """Laws of a section of the report."""

    record_type = ReportSection
    component: ClassVar[ReportSection]

    def calibration(self) -> Payload:
        """A calibration of every PMT with plausible numbers."""
        n_pmt = load_detector().n_pmt
        generator = np.random.default_rng(1)
        typical = {
            "qe": (1.0, 0.05, "1"),
            "gain": (1.0, 0.05, "1"),
            "spe_width": (0.4, 0.02, "1"),
            "time_offset": (0.0, 1.0, "ns"),
            "tts": (1.5, 0.1, "ns"),
            "dark_rate": (25_000.0, 2_000.0, "Hz"),
        }
        columns = {}
        for name, (mean, sigma, unit) in typical.items():
            values, errors = generator.normal(mean, sigma, n_pmt), np.full(n_pmt, sigma)
            columns[name] = Column(values, unit, f"{name} of a PMT", errors)
        status = np.where(np.arange(n_pmt) == 17, "dead", "good")
        reason = np.where(status == "dead", "no hit", "")
        columns["status"] = Column(status, "", "good, or what is wrong")
        columns["reason"] = Column(reason, "", "why it is not good")
        columns["partner"] = Column(np.full(n_pmt, -1), "1", "exchanged with, or -1")
        columns["n_hits"] = Column(generator.poisson(4000, n_pmt), "1", "hits of the run")
        return Payload("pmt-response", columns, None, Lineage(code_version="0", seed=1))

    def diagnostics(self) -> Payload:
        """Arrays for the report; override it with those that the section reads."""
        return Payload("calibration-diagnostics", {}, None, Lineage(code_version="0", seed=1))

    def render(self, previous: Payload | None = None) -> str:
        """The section."""
        section = self.component.build()
        return section.render(self.calibration(), self.diagnostics(), load_detector(), previous)

    def test_it_is_a_fragment_of_html_with_every_tag_closed(self) -> None:
        """The report is made of fragments; an open tag would spoil all that follow."""
        checker = _Tags()
        checker.feed(self.render())
        checker.close()
        assert checker.seen, "a section holds at least one element"
        assert not {"html", "head", "body"} & checker.seen, "a section is a fragment"
        assert checker.open == [], f"tags left open: {checker.open}"

    def test_it_is_self_contained(self) -> None:
        """The report must open years from now, without a network."""
        found = OUTSIDE.search(self.render())
        assert found is None, f"a section embeds what it shows, got {found and found.group()!r}"
        checker = _Tags()
        checker.feed(self.render())
        assert "link" not in checker.seen, "styles are embedded, not linked"

    def test_a_previous_calibration_is_welcome(self) -> None:
        """With or without one there is a section."""
        assert self.render(self.calibration()).strip()

    def test_the_same_payloads_give_the_same_section(self) -> None:
        """No clock and no random stream."""
        assert self.render() == self.render()


class _Tags(HTMLParser):
    """Which elements there are, and which stay open."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.seen.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element"


class CommandContract(ComponentContract):
    """Laws of a command of ``kzcal``."""

    record_type = Command
    component: ClassVar[Command]

    def test_help_says_what_the_command_does(self) -> None:
        """``--help`` works, and opens with more than the usage."""
        from click.testing import CliRunner

        command = self.component.build()
        result = CliRunner().invoke(command, ["--help"])
        assert result.exit_code == 0, result.output
        assert (command.help or "").strip(), "a command has a docstring for its help"

    def test_an_unknown_option_is_a_usage_error(self) -> None:
        """Exit code 2, as everywhere."""
        from click.testing import CliRunner

        result = CliRunner().invoke(self.component.build(), ["--no-such-option"])
        assert result.exit_code == 2
