"""The contracts of files, report sections and commands catch those who break them."""

from dataclasses import replace
from pathlib import Path

import click
import pytest
from broken_contracts import (
    CLOCK,
    assert_finds_the_culprit,
    assert_lets_pass,
    name_of,
    never_broken,
)

from kzcal.components import Command, EventFormat, ReportSection
from kzcal.io.source import Hdf5Reader
from kzcal.testing import (
    CommandContract,
    EventFormatContract,
    ReportSectionContract,
    outputs,
    synthetic_run,
)


def rendering(html, **more):
    class Changed:
        def render(self, calibration, diagnostics, detector, previous):
            return html() if previous is None else more.get("later", "<p>Later.</p>")

    return ReportSection("words", "Words.", Changed)


SECTIONS = {
    "test_it_is_a_fragment_of_html_with_every_tag_closed": rendering(lambda: "<div><p>Open."),
    "test_it_is_self_contained": rendering(lambda: '<img src="https://example.org/a.png">'),
    "test_a_previous_calibration_is_welcome": rendering(lambda: "<p>First.</p>", later=""),
    "test_the_same_payloads_give_the_same_section": rendering(lambda: f"<p>{next(CLOCK)}</p>"),
}


WORDLESS = Command("wordless", "No words.", lambda: click.Command("wordless"))
GREEDY = Command(
    "greedy",
    "Takes any option.",
    lambda: click.Command("greedy", context_settings={"ignore_unknown_options": True}),
)
COMMANDS = {
    "test_help_says_what_the_command_does": WORDLESS,
    "test_an_unknown_option_is_a_usage_error": replace(
        GREEDY,
        build=lambda: click.Command(
            "greedy",
            params=[click.Argument(["rest"], nargs=-1, type=click.UNPROCESSED)],
            context_settings={"ignore_unknown_options": True},
        ),
    ),
}

BROKEN = [
    *((ReportSectionContract, law, part) for law, part in SECTIONS.items()),
    *((CommandContract, law, part) for law, part in COMMANDS.items()),
]
WHOLE = [
    (ReportSectionContract, rendering(lambda: "<p>Words.</p>")),
]
FORMAT_LAWS = sorted(law for law in vars(EventFormatContract) if law.startswith("test_"))


@pytest.mark.parametrize(("contract", "law", "component"), BROKEN, ids=name_of)
def test_a_contract_finds_who_breaks_this_law(contract, law, component):
    assert_finds_the_culprit(contract, law, component)


@pytest.mark.parametrize(("contract", "component"), WHOLE, ids=name_of)
def test_a_contract_lets_the_faultless_pass(contract, component):
    assert_lets_pass(contract, component)


def test_every_law_is_broken_above():
    formats = {("EventFormatContract", law) for law in FORMAT_LAWS}
    assert never_broken(outputs, BROKEN) == formats


class Careless(Hdf5Reader):
    """Takes every file, forgets hits and reads what is left of a truncated file."""

    def recognise(self, path: Path) -> bool:
        return True

    def open(self, path, detector):
        intact = path.parent / "intact.h5"
        source = super().open(intact, detector)
        chunks = source.chunks
        source.chunks = lambda hits_per_chunk=9: list(chunks())[: hits_per_chunk - 8]
        return source


@pytest.mark.parametrize("law", FORMAT_LAWS)
def test_the_contract_of_formats_finds_a_careless_reader(law: str, tmp_path: Path):
    def example(_self, directory: Path) -> Path:
        from kzcal.io.events import write_events

        run = synthetic_run(n_events=20)
        write_events(directory / "intact.h5", run.header, [run.events], run.muons)
        path = directory / "events.h5"
        path.write_bytes((directory / "intact.h5").read_bytes())
        return path

    component = EventFormat("careless", "Reads on.", Careless)
    members = {"component": component, "example": example}
    broken = type("TestCareless", (EventFormatContract,), members)()
    with pytest.raises(AssertionError):
        getattr(broken, law)(tmp_path)
