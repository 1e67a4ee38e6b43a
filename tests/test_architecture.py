"""What docs/architecture.md and README.md promise about the tree and the commands."""

import re
import shlex
from pathlib import Path

import click
import pytest

from kzcal.cli.main import main

ROOT = Path(__file__).parents[1]
TOP_LEVEL = {
    "benchmarks",
    "CHANGELOG.md",
    "detector_db",
    "docs",
    "kzcal",
    "LICENSE",
    "Makefile",
    "notebooks",
    "plugins",
    "pyproject.toml",
    "README.md",
    "tests",
}
DOCUMENTS = ("README.md", "docs/plugins.md")


def ignored() -> set[str]:
    lines = (ROOT / ".gitignore").read_text().split()
    return {line.strip("/") for line in lines}


def commands(document: str) -> list[str]:
    """Lines of indented code that call kzcal."""
    lines = (ROOT / document).read_text().splitlines()
    return [line.strip() for line in lines if line.startswith("    kzcal ")]


def test_the_top_level_holds_what_was_agreed_and_nothing_else():
    here = {p.name for p in ROOT.iterdir() if not p.name.startswith(".")} - ignored()
    here = {name for name in here if not name.endswith(".egg-info")}
    assert here - TOP_LEVEL == set()
    assert {"kzcal", "README.md", "pyproject.toml"} <= here


def test_every_part_of_the_package_is_in_the_architecture():
    text = (ROOT / "docs" / "architecture.md").read_text()
    tree = text.partition("## The tree")[2].partition("## Layers")[0]
    parts = {
        f"{p.name}/" if p.is_dir() else p.name
        for p in (ROOT / "kzcal").iterdir()
        if not p.name.startswith("_")
    }
    assert {part for part in parts if f"      {part} " not in tree} == set()


def test_the_layers_of_the_architecture_are_those_that_are_checked():
    text = (ROOT / "docs" / "architecture.md").read_text()
    written = text.partition("## Layers")[2].partition("* ")[0]
    named = re.findall(r"^    (.+)$", written, re.MULTILINE)
    project = (ROOT / "pyproject.toml").read_text().partition("layers = [")[2].partition("]")[0]
    checked = [re.sub(r" \| \(\w+\)", "", layer) for layer in re.findall(r'"(.+)"', project)]
    assert named == checked


def test_every_plugin_has_its_parts():
    for plugin in (p for p in (ROOT / "plugins").iterdir() if p.is_dir()):
        package = plugin.name.replace("-", "_")
        assert plugin.name.startswith("kzcal-")
        for part in ("pyproject.toml", "README.md", f"{package}/__init__.py", "tests"):
            assert (plugin / part).exists(), f"{plugin.name} lacks {part}"


@pytest.mark.parametrize(
    "line", [line for document in DOCUMENTS for line in commands(document)], ids=str
)
def test_commands_of_the_documents_exist_with_their_options(line: str):
    words = shlex.split(line, comments=True)[1:]
    context = click.Context(main, info_name="kzcal")
    command: click.Command = main
    while words and isinstance(command, click.Group):
        known = {option for p in command.params for option in p.opts}
        if words[0] in known:
            words = words[2:]
            continue
        found = command.get_command(context, words[0])
        assert found is not None, f"kzcal has no command {words[0]!r}"
        command, words = found, words[1:]
    options = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert options <= {option for p in command.params for option in p.opts}


def test_the_documents_show_commands():
    assert len(commands("README.md")) >= 6
    assert len(commands("docs/plugins.md")) >= 2


def test_the_example_of_the_plugin_guide_keeps_its_contract(tmp_path: Path):
    from kzcal import plugins
    from kzcal.testing import SampleContract

    text = (ROOT / "docs" / "plugins.md").read_text()
    path = tmp_path / "b12.py"
    path.write_text(text.partition("```python\n")[2].partition("```")[0])
    record = plugins.load([path], installed=False).samples["b12"]
    subject = type("TestB12", (SampleContract,), {"component": record})()
    laws = [name for name in dir(subject) if name.startswith("test_")]
    assert len(laws) > 5
    for law in laws:
        getattr(subject, law)()
