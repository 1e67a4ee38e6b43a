"""What is to be simulated: one kind of decay, or the mix of a whole run, read from TOML."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from kzcal.errors import ConfigurationError
from kzcal.io.toml import read_toml
from kzcal.simulate.energy_window import EnergyWindow
from kzcal.simulate.muons import MuonRates
from kzcal.simulate.smearing import FITTED, Smearing

LIGHTS = ("map", "full")
FORCED, CAPTURE = "forced", "neutron-capture"
"""What the truth calls forced triggers, and captures after muons."""
RESERVED = (FORCED, "muons")
AMOUNTS = ("number", "rate_per_day", "becquerel_per_m3")
Options = tuple[tuple[str, Any], ...]
Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Ingredient:
    """One kind of decay.

    Args:
        source: name of the source.
        volume: where, as kzcal.simulate.volumes reads it.
        name: what the truth calls its events, and what its random numbers depend on; "" takes
            the source's.
        options: of the source, by name.
        number: of decays.
        rate_per_day: mean number of decays per day.
        becquerel_per_m3: activity of the volume.
    """

    source: str
    volume: str
    name: str = ""
    options: Options = ()
    number: int | None = None
    rate_per_day: float | None = None
    becquerel_per_m3: float | None = None

    def __post_init__(self) -> None:
        given = [name for name in AMOUNTS if getattr(self, name) is not None]
        if len(given) != 1:
            message = (
                f"{self.label} has exactly one of {', '.join(AMOUNTS)}, got {given or 'none'}"
            )
            raise ConfigurationError(message)
        _not_negative(self, given, self.label)

    @property
    def label(self) -> str:
        """What the truth calls its events."""
        return self.name or self.source


@dataclass(frozen=True, slots=True)
class ForcedTriggers:
    """Windows that are recorded without a reason: dark hits only.

    Args:
        rate_hz: mean number per second.
        number: exact number, instead of a rate.
    """

    rate_hz: float = 0.0
    number: int | None = None

    def __post_init__(self) -> None:
        _not_negative(self, ("rate_hz", "number"), "[forced]")


@dataclass(frozen=True, slots=True)
class Cocktail:
    """A simulation as a user asks for it.

    Args:
        run: run number, which decides the constants of the PMTs.
        components: kinds of decays.
        seed: decides everything together with run and constants.
        duration_s: of the run; None for a sample, whose decays follow one a second.
        detector: name or TOML file.
        optics: CSV file of optical tables that replace those of detector_db; "" for none.
        response: TOML file in place of detector_db/response.toml; "" for none.
        light: "map" for the light map, "full" for the full tracer.
        period: name of the data period, "" for none.
        least_hits: physics triggers with fewer hits are left out.
        quenched: of the components' events those with this much quenched energy are left, as
            many of each energy, "LOWER:UPPER" in MeV; "" for all.
        vertex: "fitted" for vertices, energies and times found from the hits, "smeared" for the
            true ones with the errors of the global fit, "smeared:M:NS" with these.
        muons: muons with the neutron captures after them, or None.
        forced: forced triggers, or None.
    """

    run: int
    components: tuple[Ingredient, ...]
    seed: int = 1
    duration_s: float | None = None
    detector: str = "kamland-zen-800"
    optics: str = ""
    response: str = ""
    light: str = "map"
    period: str = ""
    least_hits: int = 0
    quenched: str = ""
    vertex: str = FITTED
    muons: MuonRates | None = None
    forced: ForcedTriggers | None = None

    def __post_init__(self) -> None:
        _not_negative(self, ("run", "seed", "least_hits"), "a simulation")
        if self.light not in LIGHTS:
            message = f"light is one of {', '.join(LIGHTS)}, got {self.light!r}"
            raise ConfigurationError(message)
        if self.quenched:
            EnergyWindow.parse(self.quenched)
        Smearing.parse(self.vertex, {})
        if self.duration_s is not None and not 0 < self.duration_s < math.inf:
            message = f"duration_s must be positive, got {self.duration_s}"
            raise ConfigurationError(message)
        labels = [component.label for component in self.components]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            message = f"components have names that differ, got {twice[0]!r} twice: give it a name"
            raise ConfigurationError(message)
        taken = RESERVED if self.muons is None else (*RESERVED, CAPTURE)
        if reserved := [label for label in labels if label in taken]:
            message = (
                f"a component may not be called what the run itself makes, got {reserved[0]!r}: "
                "give it a name"
            )
            raise ConfigurationError(message)

    @property
    def window(self) -> EnergyWindow | None:
        """Of quenched energy; None for all energies."""
        return EnergyWindow.parse(self.quenched) if self.quenched else None

    def as_dict(self) -> dict[str, Any]:
        """Plain values by name, for the lineage; files by their name alone."""
        files = {name: Path(getattr(self, name)).name for name in ("optics", "response")}
        return asdict(self) | files


def read_cocktail(path: Path, given: Mapping[str, Any]) -> Cocktail:
    """A TOML file as a simulation.

    Args:
        path: the file.
        given: keys that take the place of the file's, such as run and seed.

    Raises:
        ConfigurationError: the file cannot be read, a key is unknown or missing, or a value is
            wrong; an unknown key's message lists those that there are.
    """
    table = read_toml(path)
    rows = table.pop("component", [])
    muons, forced = table.pop("muons", None), table.pop("forced", None)
    if not isinstance(rows, list):
        message = f"{path}: components are tables [[component]], got {rows!r}"
        raise ConfigurationError(message)
    hidden = ("components", "muons", "forced")
    top = _checked(Cocktail, {**table, **given}, str(path), hidden, "component")
    for key in ("run", "duration_s"):
        if key not in top:
            message = f"{path}: {key} must be given, got none"
            raise ConfigurationError(message)
    return Cocktail(
        components=tuple(_ingredient(row, f"{path} [[component]]") for row in rows),
        muons=_record(MuonRates, muons, f"{path} [muons]"),
        forced=_record(ForcedTriggers, forced, f"{path} [forced]"),
        **top,
    )


def _ingredient(row: object, where: str) -> Ingredient:
    found = _checked(Ingredient, row, where)
    for key in ("source", "volume"):
        if key not in found:
            message = f"{where}: {key} must be given, got none"
            raise ConfigurationError(message)
    return Ingredient(options=frozen_options(found.pop("options", {})), **found)


def frozen_options(options: Mapping[str, Any]) -> Options:
    """Options of a source by name, as a record holds them."""
    plain = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
    return tuple(sorted(plain.items()))


def _record(record: type[Record], table: object, where: str) -> Record | None:
    """A table as a record; None without a table."""
    return None if table is None else record(**_checked(record, table, where))


def _checked(
    record: type, table: object, where: str, hidden: Sequence[str] = (), beside: str = ""
) -> dict[str, Any]:
    """A table whose keys are fields of a record and whose values are of their types."""
    kinds = {field.name: str(field.type) for field in fields(record) if field.name not in hidden}
    if not isinstance(table, Mapping):
        message = f"{where}: a table is needed, got {table!r}"
        raise ConfigurationError(message)
    for key, value in table.items():
        if key not in kinds:
            valid = [*kinds, *([beside, *hidden[1:]] if beside else [])]
            message = f"{where}: unknown key {key!r}: valid are {', '.join(valid)}"
            raise ConfigurationError(message)
        if not isinstance(value, _types(kinds[key])) or isinstance(value, bool):
            message = f"{where}: {key} must be of type {kinds[key]}, got {value!r}"
            raise ConfigurationError(message)
    return dict(table)


def _types(annotation: str) -> tuple[type, ...]:
    """What TOML may give for a field of this type."""
    kind = annotation.removesuffix(" | None")
    return {"int": (int,), "float": (int, float), "str": (str,), "Options": (dict,)}[kind]


def _not_negative(record: object, names: Sequence[str], where: str) -> None:
    for name in names:
        value = getattr(record, name)
        if value is not None and not 0 <= value < math.inf:
            message = f"{name} of {where} must not be negative, got {value}"
            raise ConfigurationError(message)
