"""The kzcal command itself: options, errors, lazy commands, and how fast it answers."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from kzcal import __version__
from kzcal.cli.main import COMMANDS, main

HEAVY = ("torch", "matplotlib", "sqlalchemy", "uproot", "h5py", "scipy", "rich")

GREETING = """
import click
from kzcal.components import Command
from kzcal.errors import CalibrationError
from kzcal.hookspecs import hookimpl

@click.command()
@click.option("--fail", is_flag=True)
def greet(fail):
    if fail:
        raise CalibrationError("a run needs hits, got none in run 7: record some")
    click.echo("Hello from Kamioka.")

@hookimpl
def kzcal_commands():
    yield Command("greet", "Say hello.", build=lambda: greet)
"""


@pytest.fixture
def greeting(tmp_path: Path) -> str:
    path = tmp_path / "greeting.py"
    path.write_text(GREETING)
    return str(path)


def test_help_imports_nothing_heavy():
    code = (
        "import sys, click.testing, kzcal.cli.main as m\n"
        "r = click.testing.CliRunner().invoke(m.main, ['--help'])\n"
        "assert r.exit_code == 0, r.output\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_takes_less_than_half_a_second():
    """Of processor time, which other work on the machine does not change."""
    code = "from kzcal.cli.main import main; main()"
    seconds = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code, "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    assert min(seconds) < 0.5


def test_help_lists_every_command_with_its_summary():
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    for name, command in COMMANDS.items():
        assert f"{name} " in result.stdout
        assert command.summary in " ".join(result.stdout.split())


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_loads_and_says_what_the_list_says(name: str):
    command = COMMANDS[name].build()
    assert isinstance(command, click.Command)
    assert " ".join((command.help or "").split()).startswith(COMMANDS[name].summary)


def test_version():
    assert __version__ in CliRunner().invoke(main, ["--version"]).stdout


def test_unknown_command_is_a_usage_error():
    result = CliRunner().invoke(main, ["calibrat"])
    assert result.exit_code == 2
    assert "calibrat" in result.stderr


def test_a_plugin_file_adds_a_command(greeting: str):
    result = CliRunner().invoke(main, ["--plugin", greeting, "greet"])
    assert (result.exit_code, result.stdout) == (0, "Hello from Kamioka.\n")


def test_a_plugin_from_the_environment_is_in_the_help(greeting: str):
    result = CliRunner().invoke(main, ["--help"], env={"KZCAL_PLUGINS": greeting})
    assert "Say hello." in result.stdout
    assert "Say hello." not in CliRunner().invoke(main, ["--help"]).stdout


def test_what_the_user_can_mend_is_one_sentence_and_exit_code_one(greeting: str):
    result = CliRunner().invoke(main, ["--plugin", greeting, "greet", "--fail"])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == "error: a run needs hits, got none in run 7: record some\n"


def test_a_broken_plugin_leaves_the_help_and_fails_the_lookup(tmp_path: Path):
    broken = tmp_path / "broken.py"
    broken.write_text("import a_module_that_is_not_there\n")
    runner = CliRunner()
    result = runner.invoke(main, ["--plugin", str(broken), "--help"])
    assert result.exit_code == 0
    assert "broken.py" in result.stderr
    result = runner.invoke(main, ["--plugin", str(broken), "greet"])
    assert result.exit_code == 1
    assert result.stderr.startswith("error: plugin broken.py failed while importing")


def test_json_of_the_plugins_command_survives_the_options(greeting: str):
    result = CliRunner().invoke(main, ["--quiet", "--plugin", greeting, "plugins", "--json"])
    assert "greet" in [row["name"] for row in json.loads(result.stdout)["commands"]]
