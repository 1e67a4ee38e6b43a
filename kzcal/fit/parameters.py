"""Parameters of the global fit as data: reviewed text, and what a user changes in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kzcal.baseline import baseline_directory
from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.geometry.adjusted import values_of
from kzcal.io.toml import read_toml
from kzcal.parts import Parameter

KEYS = ("start", "lower", "upper", "unit", "prior", "fixed", "summary", "source")
NUMBERS = ("start", "lower", "upper")


@dataclass(frozen=True, slots=True)
class ParameterSet:
    """All parameters of a fit.

    Args:
        free: those that are fitted.
        fixed: values of the others.
        units: of all of them.
    """

    free: tuple[Parameter, ...]
    fixed: Mapping[str, float]
    units: Mapping[str, str]

    @property
    def values(self) -> dict[str, float]:
        """Where the fit starts, and the values of the others."""
        return {p.name: p.start for p in self.free} | dict(self.fixed)

    def starting_at(self, values: Mapping[str, float]) -> ParameterSet:
        """The same with other starts; ``values`` may name more."""
        free = tuple(replace(p, start=values.get(p.name, p.start)) for p in self.free)
        return replace(self, free=free)


def read_parameters(
    changes: Mapping[str, Any], chosen: object, detector: Detector, where: str
) -> ParameterSet:
    """The parameters of detector_db with changes.

    Args:
        changes: keys that differ, by parameter.
        chosen: names of the free ones; None for all that are not fixed.
        detector: where those start that have no start of their own.
        where: names the file of the changes in an error.

    Raises:
        ConfigurationError: an unknown name or key, or a value that cannot be.
    """
    known = read_toml(baseline_directory() / "fit.toml")["parameters"]
    _check_tables(changes, known, where)
    merged = {name: {**table, **changes.get(name, {})} for name, table in known.items()}
    free = _free(merged, chosen, where)
    from_detector = values_of(detector)
    parameters = {
        name: _parameter(name, {"start": from_detector.get(name), **table}, where)
        for name, table in merged.items()
    }
    return ParameterSet(
        tuple(parameters[name] for name in merged if name in free),
        {name: p.start for name, p in parameters.items() if name not in free},
        {name: p.unit for name, p in parameters.items()},
    )


def _check_tables(changes: Mapping[str, Any], known: Mapping[str, Any], where: str) -> None:
    for name, table in changes.items():
        if name not in known:
            message = f"{where}: unknown parameter {name!r}: choose from {', '.join(known)}"
            raise ConfigurationError(message)
        if not isinstance(table, dict):
            message = f"{where}: parameters.{name} must be a table, got {table!r}"
            raise ConfigurationError(message)
        for key in table:
            if key not in KEYS:
                choices = ", ".join(KEYS)
                message = f"{where}: unknown key {key!r} of {name}: choose from {choices}"
                raise ConfigurationError(message)


def _free(merged: Mapping[str, Any], chosen: object, where: str) -> set[str]:
    if chosen is None:
        return {name for name, table in merged.items() if not table.get("fixed", False)}
    if not isinstance(chosen, list) or not chosen:
        message = f"{where}: fit must be a list of parameters, got {chosen!r}"
        raise ConfigurationError(message)
    for name in chosen:
        if name not in merged:
            message = f"{where}: fit names {name!r}: choose from {', '.join(merged)}"
            raise ConfigurationError(message)
    return set(chosen)


def _parameter(name: str, table: Mapping[str, Any], where: str) -> Parameter:
    start, lower, upper = (_number(table[key], f"{name}.{key}", where) for key in NUMBERS)
    if not lower <= start <= upper:
        message = (
            f"{where}: {name} must start within its range, got start={start} and "
            f"{lower} to {upper}"
        )
        raise ConfigurationError(message)
    prior = table.get("prior")
    return Parameter(
        name=name,
        start=start,
        lower=lower,
        upper=upper,
        unit=str(table["unit"]),
        prior=None if not prior else _prior(prior, name, where),
        summary=str(table["summary"]),
        source=str(table["source"]),
    )


def _prior(value: object, name: str, where: str) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        message = f"{where}: {name}.prior must be [mean, standard deviation], got {value!r}"
        raise ConfigurationError(message)
    mean, sigma = (_number(part, f"{name}.prior", where) for part in value)
    if not sigma > 0:
        message = f"{where}: a prior's standard deviation must be positive, got {sigma} of {name}"
        raise ConfigurationError(message)
    return mean, sigma


def _number(value: object, name: str, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        message = f"{where}: {name} must be a number, got {value!r}"
        raise ConfigurationError(message)
    return float(value)
