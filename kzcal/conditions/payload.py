"""A payload: what one calibration says about the detector, with errors, units and lineage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float64, Shaped

from kzcal.conditions import validation
from kzcal.conditions.canonical import canonical_json, sha256


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One quantity, usually with a row per PMT.

    Args:
        values: numbers, booleans or text of any shape; the first axis of a per-PMT column is the
            cable number. NaN stands for what could not be measured.
        unit: unit of values and errors; "1" for a pure number, "" only for text.
        doc: what the quantity is.
        errors: one standard deviation of each value, or None where errors make no sense.
    """

    values: Shaped[np.ndarray, "..."]
    unit: str
    doc: str
    errors: Shaped[np.ndarray, "..."] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class GlobalBlock:
    """Parameters of the whole detector with their full covariance.

    Args:
        names: one per parameter.
        values: best estimates, each in its unit.
        units: one per parameter; "1" for a pure number.
        covariance: in the product of the units; symmetric, positive semi-definite.
        docs: what each parameter is.
    """

    names: tuple[str, ...]
    values: Float64[np.ndarray, " parameter"]
    units: tuple[str, ...]
    covariance: Float64[np.ndarray, "parameter parameter"]
    docs: tuple[str, ...]

    @property
    def errors(self) -> Float64[np.ndarray, " parameter"]:
        """One standard deviation of each parameter."""
        return np.asarray(np.sqrt(np.clip(np.diag(self.covariance), 0.0, None)))

    @property
    def named(self) -> dict[str, float]:
        """Values by name."""
        return dict(zip(self.names, self.values.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that went into a payload.

    Args:
        name: file name, without the directory of the machine it lay on.
        sha256: hash of its bytes.
    """

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """Everything that made a payload; the same lineage makes the same payload again.

    Args:
        inputs: files that were read.
        code_version: version of kzcal.
        plugins: version of each plugin that took part, by name.
        configuration: what JSON can hold.
        seed: of every random stream.
    """

    inputs: tuple[InputFile, ...] = ()
    code_version: str = ""
    plugins: Mapping[str, str] = field(default_factory=dict)
    configuration: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Plain mappings and lists, for JSON."""
        return {
            "inputs": [asdict(file) for file in self.inputs],
            "code_version": self.code_version,
            "plugins": dict(self.plugins),
            "configuration": dict(self.configuration),
            "seed": self.seed,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Lineage:
        """The inverse of as_dict."""
        inputs = tuple(InputFile(**file) for file in record["inputs"])
        return cls(**{**record, "inputs": inputs})

    def digest(self) -> str:
        """One hash for inputs, code, plugins, configuration and seed.

        Raises:
            DatabaseError: JSON cannot hold the configuration.
        """
        return sha256(canonical_json(self.as_dict(), "a lineage"))


@dataclass(frozen=True, slots=True, eq=False)
class Payload:
    """Columns and global parameters of one kind from one lineage; checked when it is made.

    Args:
        kind: what is described, such as "pmt-response".
        columns: by name.
        globals: parameters of the whole detector, or None.
        lineage: what made it.

    Raises:
        DatabaseError: a name, shape, unit, error or covariance breaks its rule.
    """

    kind: str
    columns: Mapping[str, Column]
    globals: GlobalBlock | None
    lineage: Lineage

    def __post_init__(self) -> None:
        validation.check_name("kind", self.kind)
        for name, column in self.columns.items():
            validation.check_name("column", name)
            validation.check_values(name, column.values, column.unit)
            if column.errors is not None:
                validation.check_errors(name, column.values, column.errors)
        if self.globals is not None:
            block = self.globals
            validation.check_block(block.names, block.values, block.units, block.docs)
            validation.check_covariance(block.covariance, len(block.names))
