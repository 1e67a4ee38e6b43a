"""Gathers what plugins offer: the built-in parts, installed distributions and single files."""

from __future__ import annotations

import hashlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib.machinery import SourceFileLoader
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, Generic, TypeVar

import pluggy

from kzcal import __version__, builtin, components, hookspecs
from kzcal.errors import PluginError

GROUP = "kzcal"

# What a module does when it is imported, or a hook when it is called, and the author has erred.
FAILURES = (
    ImportError,
    SyntaxError,
    NameError,
    AttributeError,
    TypeError,
    ValueError,
    LookupError,
    OSError,
    ArithmeticError,
    RuntimeError,
)
KINDS: Mapping[str, type[components.Component]] = {
    "event_formats": components.EventFormat,
    "sources": components.Source,
    "samples": components.Sample,
    "estimators": components.Estimator,
    "translators": components.Translator,
    "classifiers": components.Classifier,
    "fitters": components.Fitter,
    "report_sections": components.ReportSection,
    "commands": components.Command,
}
"""Record of each kind; the hook of a kind is ``kzcal_`` and its name."""

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
Record = TypeVar("Record", bound=components.Component)


class Choices(Mapping[str, Record], Generic[Record]):
    """The parts of one kind by name, in alphabetical order."""

    def __init__(self, kind: str, records: Mapping[str, Record]) -> None:
        self.kind = kind
        self._records = MappingProxyType(dict(sorted(records.items())))

    def __getitem__(self, name: str) -> Record:
        return self._records[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def choose(self, name: str) -> Record:
        """The part of that name.

        Raises:
            PluginError: no plugin offers it; names the choices.
        """
        if name in self._records:
            return self._records[name]
        message = f"there is no {self.kind} named {name!r}{suggest(name, self)}"
        raise PluginError(message)


@dataclass(frozen=True, slots=True, eq=False)
class Plugins:
    """Everything that plugins offer, by kind and name.

    Args:
        versions: version of each distribution, or hash of each file, that offers something.
    """

    event_formats: Choices[components.EventFormat]
    sources: Choices[components.Source]
    samples: Choices[components.Sample]
    estimators: Choices[components.Estimator]
    translators: Choices[components.Translator]
    classifiers: Choices[components.Classifier]
    fitters: Choices[components.Fitter]
    report_sections: Choices[components.ReportSection]
    commands: Choices[components.Command]
    versions: Mapping[str, str]

    def by_kind(self) -> dict[str, Choices[Any]]:
        """The choices of every kind, as ``KINDS`` names them."""
        return {kind: getattr(self, kind) for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Provider:
    """A module that implements hooks, and whom its parts are credited to."""

    name: str
    version: str
    module: ModuleType


def load(files: Sequence[Path] = (), *, installed: bool = True) -> Plugins:
    """Gather the built-in parts, the installed plugins and those in single files.

    Args:
        files: Python files that are plugins of their own.
        installed: whether to look for installed distributions (entry points of group ``kzcal``).

    Raises:
        PluginError: a plugin fails to import, misspells a hook, yields something else than the
            hook's records, or offers a name that another one offers too.
    """
    providers = [Provider("kzcal", __version__, builtin)]
    if installed:
        points = sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))
        providers += [_from_entry_point(point) for point in points]
    providers += [_from_file(file) for file in dict.fromkeys(Path(f).resolve() for f in files)]
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    for provider in providers:
        _register(manager, provider)
    names = {provider.module: provider.name for provider in providers}
    return Plugins(
        **{kind: _gather(manager, kind, names) for kind in KINDS},
        versions=MappingProxyType({provider.name: provider.version for provider in providers}),
    )


def _from_entry_point(point: EntryPoint) -> Provider:
    """An installed distribution."""
    name = point.dist.name if point.dist else point.name
    try:
        module = point.load()
    except FAILURES as error:
        raise PluginError(_failed(name, f"importing {point.value}", error)) from error
    return Provider(name, point.dist.version if point.dist else "unknown", module)


def _from_file(path: Path) -> Provider:
    """A single file; its version is the hash of its text."""
    if not path.is_file() or path.suffix != ".py":
        message = f"a plugin is a Python file (.py), got {path}"
        raise PluginError(message)
    name = path.parent.name if path.name == "__init__.py" else path.name
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    loader = SourceFileLoader(f"kzcal_plugin_{path.stem}_{digest}", str(path))
    module = ModuleType(loader.name)
    module.__file__ = str(path)
    sys.modules[loader.name] = module
    try:
        loader.exec_module(module)
    except FAILURES as error:
        raise PluginError(_failed(name, f"importing {path}", error)) from error
    return Provider(name, f"sha256:{digest}", module)


def _register(manager: pluggy.PluginManager, provider: Provider) -> None:
    """Register one plugin; a function that looks like a hook but cannot be one is refused."""
    hooks = [f"kzcal_{kind}" for kind in KINDS]
    marked = [n for n in dir(provider.module) if manager.parse_hookimpl_opts(provider.module, n)]
    for name in marked:
        if name not in hooks:
            message = f"{provider.name} implements an unknown hook {name!r}{suggest(name, hooks)}"
            raise PluginError(message)
    for name, function in inspect.getmembers(provider.module, inspect.isfunction):
        own = function.__module__ == provider.module.__name__
        if own and name.startswith("kzcal_") and name not in marked:
            message = f"a hook is marked with @hookimpl, got {name}() of {provider.name} without"
            raise PluginError(message)
    if not marked:
        message = f"a plugin implements a hook, got none in {provider.name}{suggest('', hooks)}"
        raise PluginError(message)
    try:
        manager.register(provider.module)
    except (pluggy.PluginValidationError, ValueError) as error:
        raise PluginError(_failed(provider.name, "registering it", error)) from error


def _gather(
    manager: pluggy.PluginManager, kind: str, names: Mapping[ModuleType, str]
) -> Choices[Any]:
    """The records of one kind, credited to their providers."""
    records: dict[str, components.Component] = {}
    for implementation in getattr(manager.hook, f"kzcal_{kind}").get_hookimpls():
        provider = names[implementation.plugin]
        for record in _yielded(implementation.function, kind, provider):
            if record.name in records:
                message = (
                    f"a name is offered once, got {_noun(kind)} {record.name!r} from both "
                    f"{records[record.name].provider} and {provider}: remove or rename one"
                )
                raise PluginError(message)
            records[record.name] = replace(record, provider=provider)
    return Choices(_noun(kind), records)


def _yielded(
    hook: Callable[[], Iterable[Any]], kind: str, provider: str
) -> list[components.Component]:
    """What one hook of one plugin yields, checked."""
    try:
        records = list(hook())
    except FAILURES as error:
        raise PluginError(_failed(provider, f"calling kzcal_{kind}", error)) from error
    expected = KINDS[kind]
    for record in records:
        if not isinstance(record, expected):
            message = f"kzcal_{kind} yields {expected.__name__} records, got {record!r}"
        elif not isinstance(record.name, str) or not NAME.fullmatch(record.name):
            message = f"a name is lower-case words joined by hyphens, got {record.name!r}"
        elif not record.summary or not callable(record.build):
            message = f"a record has a summary and a callable build, got {record!r}"
        else:
            continue
        message = f"{message} from {provider}"
        raise PluginError(message)
    return records


def suggest(name: str, choices: Iterable[str]) -> str:
    """The end of an error message: the choices, and the likely one first."""
    near = get_close_matches(name, list(choices), n=1)
    likely = f": did you mean {near[0]!r}?" if near else ""
    return f"{likely} (choices: {', '.join(sorted(choices)) or 'none'})"


def _noun(kind: str) -> str:
    """The kind as a word: ``report_sections`` is a report section."""
    return kind.removesuffix("s").replace("_", " ")


def _failed(name: str, doing: str, error: Exception) -> str:
    """What went wrong in somebody else's plugin."""
    return f"plugin {name} failed while {doing}: {type(error).__name__}: {error}"
