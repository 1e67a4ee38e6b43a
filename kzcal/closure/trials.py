"""Trials that are done, kept line by line, so that an interrupted closure goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kzcal.closure.experiment import Fitted
from kzcal.errors import ConfigurationError


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One truth and the fit of its data.

    Args:
        number: of the trial.
        seed: that it had.
        fitted: what was found; None if there is no fit.
        failure: why not; "" if there is one.
        seconds: that it took.
    """

    number: int
    seed: int
    fitted: Fitted | None
    failure: str
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON; what is not known is null."""
        record = {n: getattr(self, n) for n in ("number", "seed", "failure", "seconds")}
        if self.fitted is None:
            return {**record, "fitted": None}
        fitted = self.fitted
        parts = {"truth": fitted.truth, "values": fitted.values, "errors": fitted.errors}
        covariance = None if fitted.covariance is None else fitted.covariance.tolist()
        told = {key: _lists(part) for key, part in parts.items()}
        return {**record, "fitted": {**told, "covariance": covariance}}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Trial:
        """The inverse of as_dict."""
        told = record["fitted"]
        fitted = None
        if told is not None:
            covariance = told["covariance"]
            truth, values, errors = (_arrays(told[k]) for k in ("truth", "values", "errors"))
            matrix = None if covariance is None else np.array(covariance)
            fitted = Fitted(truth, values, errors, matrix)
        return cls(**{**record, "fitted": fitted})


def _lists(columns: Mapping[str, np.ndarray]) -> dict[str, list[float | None]]:
    return {
        name: [v if np.isfinite(v) else None for v in column.tolist()]
        for name, column in columns.items()
    }


def _arrays(columns: Mapping[str, list[float | None]]) -> dict[str, np.ndarray]:
    return {name: np.array(column, np.float64) for name, column in columns.items()}


@dataclass(frozen=True, slots=True)
class TrialFile:
    """A file with a trial per line below a line that says what closure they are of.

    Args:
        path: of the file.
        digest: of the closure.
    """

    path: Path
    digest: str

    def read(self) -> dict[int, Trial]:
        """The trials by number; the torn last line of a killed process is taken away.

        Raises:
            ConfigurationError: the file is of another closure, or cannot be read or written.
        """
        try:
            lines = self.path.read_text().splitlines(keepends=True)
        except FileNotFoundError:
            self._begin()
            return {}
        except (OSError, UnicodeDecodeError) as error:
            message = f"trials must be readable, got {self.path}: {error}"
            raise ConfigurationError(message) from error
        whole = [line for line in lines if line.endswith("\n")]
        if not whole:
            self._begin()
            return {}
        self._check_head(whole[0])
        if len(whole) < len(lines):
            os.truncate(self.path, sum(len(line.encode()) for line in whole))
        trials = [Trial.from_dict(json.loads(line)) for line in whole[1:]]
        return {trial.number: trial for trial in trials}

    def append(self, trial: Trial) -> None:
        """Add a trial; it is on disk when this returns."""
        self._write("a", json.dumps(trial.as_dict(), allow_nan=False))

    def _begin(self) -> None:
        self._write("w", json.dumps({"closure": self.digest}))

    def _write(self, mode: str, line: str) -> None:
        try:
            with self.path.open(mode) as stream:
                stream.write(f"{line}\n")
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            message = f"trials must be kept, got {self.path}: {error.strerror}"
            raise ConfigurationError(message) from error

    def _check_head(self, line: str) -> None:
        try:
            found = json.loads(line).get("closure")
        except (json.JSONDecodeError, AttributeError):
            found = None
        if found != self.digest:
            message = (
                f"trials of one directory are of one closure, got {self.path} of another "
                f"experiment, seed, options or version: choose another --out"
            )
            raise ConfigurationError(message)
