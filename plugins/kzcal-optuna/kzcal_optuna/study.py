"""A study of Optuna as a fit sees it: what it is about, which points it has tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import optuna
from jaxtyping import Float64
from optuna import Study
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from kzcal.errors import CalibrationError, ConfigurationError
from kzcal.parts import Effort, Parameter

TRIED = (TrialState.COMPLETE, TrialState.PRUNED)
"""States of a trial that counts."""

RETRY_OF = "retry_of"
"""User attribute of a trial that repeats one that a killed process left behind: its number."""

FIXED = "fixed_params"
"""Where Optuna keeps the values of a trial that waits."""


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """The parameters, as Optuna's distributions.

    Args:
        parameters: of the fit.
    """

    parameters: Sequence[Parameter]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return tuple(p.name for p in self.parameters)

    def distributions(self) -> dict[str, BaseDistribution]:
        """The range of each parameter."""
        return {p.name: FloatDistribution(p.lower, p.upper) for p in self.parameters}

    def ends(
        self,
    ) -> tuple[Float64[np.ndarray, " parameter"], Float64[np.ndarray, " parameter"]]:
        """Smallest and largest values."""
        lower, upper = np.array([(p.lower, p.upper) for p in self.parameters], np.float64).T
        return lower, upper

    def vector(self, values: Mapping[str, float]) -> Float64[np.ndarray, " parameter"]:
        """Values by name as an array."""
        return np.array([values[name] for name in self.names], np.float64)

    def by_name(self, values: Float64[np.ndarray, " parameter"]) -> dict[str, float]:
        """An array as values by name."""
        return dict(zip(self.names, values.tolist(), strict=True))

    def start(self) -> dict[str, float]:
        """Where the fit begins."""
        return {p.name: float(p.start) for p in self.parameters}


def begun(storage: BaseStorage, effort: Effort, space: Space) -> Study:
    """The study of an effort, with what it is about as its attributes.

    Raises:
        ConfigurationError: it exists and is not to be resumed, or is about other parameters.
    """
    try:
        study = optuna.create_study(
            storage=storage, study_name=effort.study, load_if_exists=effort.resume
        )
    except optuna.exceptions.DuplicatedStudyError as error:
        message = (
            f"a new study takes a name that is free, got {effort.study!r} in {effort.storage}: "
            "resume it or choose another name"
        )
        raise ConfigurationError(message) from error
    about = [asdict(p) | {"prior": list(p.prior) if p.prior else None} for p in space.parameters]
    known = study.user_attrs.get("parameters", about)
    if _ranges(known) != _ranges(about):
        before = ", ".join(p["name"] for p in known)
        message = (
            f"a study is resumed with its own parameters, ranges and priors, got others than "
            f"those of {effort.study!r} ({before}): choose another name"
        )
        raise ConfigurationError(message)
    study.set_user_attr("parameters", known)
    for p in space.parameters:
        study.set_user_attr(p.name, _in_words(p))
    if not study.get_trials(deepcopy=False):
        study.enqueue_trial(space.start(), user_attrs={"role": "start"})
    return study


def _ranges(parameters: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """What may not change; a start may, since an earlier fit can have found it."""
    return [tuple(p[key] for key in ("name", "lower", "upper", "prior")) for p in parameters]


def _in_words(p: Parameter) -> str:
    """A parameter for people who look at the study."""
    prior = f", known to be {p.prior[0]:g} ± {p.prior[1]:g}" if p.prior else ""
    source = f" Source: {p.source}" if p.source else ""
    return f"{p.summary} From {p.lower:g} to {p.upper:g} {p.unit}{prior}.{source}".strip()


def take_up(study: Study, space: Space) -> None:
    """Fail the trials that a killed process left running, and put their points in line again.

    A point goes in line before its trial fails, and bears its number, so that it is neither lost
    nor doubled when this is interrupted, too.
    """
    trials = study.get_trials(deepcopy=False)
    repeated = {t.user_attrs.get(RETRY_OF) for t in trials}
    for trial in trials:
        if trial.state != TrialState.RUNNING:
            continue
        values = trial.system_attrs.get(FIXED, {}) | trial.params
        if set(space.names) <= values.keys() and trial.number not in repeated:
            study.enqueue_trial(values, user_attrs=trial.user_attrs | {RETRY_OF: trial.number})
        study.tell(trial.number, state=TrialState.FAIL)


def tried(study: Study) -> list[FrozenTrial]:
    """Trials that count, in their order."""
    return study.get_trials(deepcopy=False, states=TRIED)


def best(study: Study) -> FrozenTrial:
    """The complete trial with the smallest objective.

    Raises:
        CalibrationError: there is none.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not complete:
        message = (
            f"an objective is finite somewhere, got none in {len(tried(study))} trials: start "
            "elsewhere or narrow the ranges"
        )
        raise CalibrationError(message)
    return min(complete, key=lambda trial: trial.value or 0.0)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna from reporting every study on stderr."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
