"""A new plugin to start from: the example of a hook, as a distribution with its contract test."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from string import Template

from kzcal import hookspecs
from kzcal.errors import PluginError
from kzcal.plugins import KINDS, NAME, Plugins

CHOICES: Mapping[str, str] = {kind.removesuffix("s").replace("_", "-"): kind for kind in KINDS}
"""What a user calls each kind of part, and its name in ``KINDS``."""

PYPROJECT = Template("""\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "kzcal-$name"
version = "0.1.0"
description = "$article $choice for kzcal."
requires-python = ">=3.11"
dependencies = ["kzcal>=0.1"]

[project.entry-points.kzcal]
$name = "$package"
""")

README = Template("""\
# kzcal-$name

$article $choice for kzcal, by the name `$name`.

    pip install -e .     # kzcal finds it by itself
    kzcal plugins        # and lists it
    pytest               # the contract of every $choice, and tests of its own

Without installing it: `kzcal --plugin $package/__init__.py plugins`.
""")

MODULE = Template('''\
"""$article $choice for kzcal: what it does, in physics."""

$example''')

TEST = Template('''\
"""kzcal-$name keeps the contract of $article_small $choice, and kzcal finds it."""

from pathlib import Path

import $package

from kzcal import plugins
from kzcal.testing import $contract$more_imports

RECORD = next(iter($package.$hook()))


class TestContract($contract):
    component = RECORD
$extra

def test_kzcal_finds_it():
    found = plugins.load([Path($package.__file__)], installed=False).$kind
    assert found["$name"].summary == RECORD.summary
''')

EXAMPLE_FILE = """
    def example(self, directory: Path) -> Path:
        events = synthetic_run(n_events=20).events
        columns = ("event", "timestamp", "trigger", "vertex", "energy", "t0")
        flat = {name: getattr(events.hits, name) for name in ("offsets", "pmt", "time", "charge")}
        flat |= {name: getattr(events, name) for name in columns}
        np.savez(directory / "run.npz", run=1, **flat)
        return directory / "run.npz"

"""


def write_plugin(name: str, choice: str, directory: Path, offered: Plugins) -> Path:
    """Write the distribution ``kzcal-NAME`` and return its folder.

    Args:
        name: what users will call the part.
        choice: what it is, one of ``CHOICES``.
        directory: where the folder is made.
        offered: what plugins offer already.

    Raises:
        PluginError: the name is not a name or is taken, or the folder exists.
    """
    kind = CHOICES[choice]
    root = directory / f"kzcal-{name}"
    if not NAME.fullmatch(name) or name[0].isdigit() or name.startswith("kzcal-"):
        message = (
            "a plugin's name is lower-case words joined by hyphens, begins with a letter and "
            f"leaves kzcal- away, got {name!r}"
        )
        raise PluginError(message)
    if name in offered.by_kind()[kind]:
        provider = offered.by_kind()[kind][name].provider
        message = f"a name is offered once, got {choice} {name!r}, which {provider} offers"
        raise PluginError(message)
    if root.exists():
        message = f"a new plugin needs a new folder, got {root}, which exists: choose another name"
        raise PluginError(message)
    for path, text in _files(name, choice, kind).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def _files(name: str, choice: str, kind: str) -> dict[str, str]:
    """Text of every file of a new distribution, by its path."""
    package = f"kzcal_{name.replace('-', '_')}"
    article = "An" if choice[0] in "ae" else "A"
    is_format = kind == "event_formats"
    words = {
        "name": name,
        "choice": choice.replace("-", " "),
        "article": article,
        "article_small": article.lower(),
        "package": package,
        "kind": kind,
        "hook": f"kzcal_{kind}",
        "contract": f"{KINDS[kind].__name__}Contract",
        "example": _example(kind, name),
        "more_imports": ", synthetic_run" if is_format else "",
        "extra": EXAMPLE_FILE if is_format else "",
    }
    test = TEST.substitute(words)
    if is_format:
        test = test.replace(f"import {package}\n", f"import {package}\nimport numpy as np\n", 1)
    return {
        "pyproject.toml": PYPROJECT.substitute(words),
        "README.md": README.substitute(words),
        f"{package}/__init__.py": MODULE.substitute(words),
        f"tests/test_{package}.py": test,
    }


def _example(kind: str, name: str) -> str:
    """The example of a hook, offering its part by another name."""
    documentation = inspect.getdoc(getattr(hookspecs, f"kzcal_{kind}")) or ""
    _, _, code = documentation.partition("Example::\n")
    renamed = re.sub(r'(yield \w+\()"[^"]*"', rf'\1"{name}"', textwrap.dedent(code).strip())
    return renamed + "\n"
