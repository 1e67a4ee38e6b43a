"""The two levels of a fit together, until nothing moves any more.

The constants of every PMT need errors of the reconstruction; the parameters that all PMTs share
need efficiencies, offsets and spreads of every PMT, and photons traced near their own values. So
calibration, trace and fit follow each other, each with what the others found last.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float64

from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.driver import RunResult, calibrate_run
from kzcal.errors import CalibrationError
from kzcal.fit.config import FitConfig
from kzcal.fit.gathering import gather, sample_rows
from kzcal.fit.newton import Newton
from kzcal.fit.objective import FitObjective
from kzcal.fit.parameters import ParameterSet
from kzcal.fit.passing import with_passing_error
from kzcal.fit.run import CalibratedRun
from kzcal.fit.spreads import with_fitted_spreads
from kzcal.fit.terms import Expectation, Term, deviance
from kzcal.fit.times.cells import TimeCells
from kzcal.fit.times.scatter import with_event_scatter
from kzcal.fit.times.term import TimeTerm
from kzcal.geometry.adjusted import detector_at
from kzcal.io.source import EventSource
from kzcal.parts import Effort, Minimiser, Minimum, SampleSelection

log = logging.getLogger(__name__)
RESOLUTIONS = ("vertex_resolution", "t0_resolution")
"""Parameters that the calibration of every PMT takes."""
SAME_LOSSES = 1.0
"""After a round that moved no parameter by more standard deviations, the light lost behind hits
is kept: from the next round's photons it would differ by noise that moves parameters again."""


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """One turn of the two levels.

    Args:
        values: of the free parameters at its end.
        moved: the farthest that one of them went, in standard deviations.
        objective: -2 log L.
        seconds: that it took.
    """

    values: Float64[np.ndarray, " parameter"]
    moved: float
    objective: float
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """One term at the best values.

    Args:
        name: what was compared.
        counts: observed, by bin.
        expected: by bin.
        variance: relative, of the expectation.
        deviance: -2 log L against the best possible.
    """

    name: str
    counts: Float64[np.ndarray, " bin"]
    expected: Float64[np.ndarray, " bin"]
    variance: Float64[np.ndarray, " bin"]
    deviance: float

    @classmethod
    def of(cls, term: Term, expected: Expectation) -> Agreement:
        """Data and expectation of a term."""
        total = float(deviance(term.counts, expected).sum())
        counts, mean, variance = (
            column.detach().double().cpu().numpy()
            for column in (term.counts, expected.mean, expected.variance)
        )
        return cls(term.name, counts, mean, variance, total)


@dataclass(frozen=True, slots=True, eq=False)
class GlobalFit:
    """What a global fit found.

    Args:
        parameters: all of them; the free ones start at their best values.
        minimum: best values of the free ones, and their covariance.
        agreement: of every term.
        rounds: turns of the two levels.
        settled: whether the last turn moved nothing.
        result: the last calibration of every PMT, its spreads with the fitted means.
        calibration: settings that it was made with.
    """

    parameters: ParameterSet
    minimum: Minimum
    agreement: tuple[Agreement, ...]
    rounds: tuple[Round, ...]
    settled: bool
    result: RunResult
    calibration: CalibrationConfig


def fit_run(
    source: EventSource,
    config: FitConfig,
    *,
    samples: Mapping[str, SampleSelection],
    fitter: Minimiser | None = None,
    effort: Effort | None = None,
    device: torch.device,
    result: RunResult | None = None,
    advance: Callable[[str, float], None] = lambda _step, _share: None,
) -> GlobalFit:
    """Fit the parameters that all PMTs of a run share.

    Args:
        source: the open run.
        config: the settings.
        samples: calibration samples to select, by name.
        fitter: of the last fit; Newton steps if None.
        effort: how far the fitter goes.
        device: where the heavy work is done.
        result: a calibration of the run to begin with; None makes one.
        advance: called with the name of a step and the share of it that is done.

    Raises:
        CalibrationError: the run holds too little, or the fit does not end.
        ConfigurationError: a setting cannot be.
    """
    turns = _Turns(source, config, samples, device, advance)
    state = turns.settle(result)
    minimum = state.minimum
    if fitter is not None:
        free = state.parameters.free
        minimum = fitter.minimise(
            state.objective, free, seed=config.seed, effort=effort or Effort()
        )
    minimum = _with_shared_errors(minimum, state, config)
    best = {p.name: float(v) for p, v in zip(state.parameters.free, minimum.values, strict=True)}
    named = state.objective.named(state.objective.vector(minimum.values))
    return GlobalFit(
        parameters=state.parameters.starting_at(best),
        minimum=minimum,
        agreement=tuple(Agreement.of(t, t.expected(named)) for t in state.objective.terms),
        rounds=state.rounds,
        settled=state.rounds[-1].moved <= config.settled,
        result=with_fitted_spreads(minimum, state.parameters, state.run),
        calibration=state.calibration,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    parameters: ParameterSet
    run: CalibratedRun
    calibration: CalibrationConfig
    objective: FitObjective
    minimum: Minimum
    rounds: tuple[Round, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Turns:
    """Calibration, trace and fit of one run, in turn."""

    source: EventSource
    config: FitConfig
    samples: Mapping[str, SampleSelection]
    device: torch.device
    advance: Callable[[str, float], None]

    def settle(self, result: RunResult | None) -> _State:
        """Turn until nothing moves."""
        nominal, materials = self.config.open_detector()
        first = parameters = self.config.parameter_set(nominal)
        calibration = self._with_resolutions(parameters)
        if result is None:
            result = self._calibrated(calibration)
        rounds: list[Round] = []
        lost = None
        while True:
            began = time.perf_counter()
            at = detector_at(nominal, parameters.values)
            run = CalibratedRun.of(
                self.source, result, at, materials, calibration, device=self.device
            )
            gathered = gather(
                run,
                nominal,
                self.config,
                values=parameters.values,
                lost=lost,
                advance=self.advance,
            )
            objective = FitObjective(
                gathered.terms, parameters.free, parameters.fixed, str(self.device)
            )
            minimum = lowest(objective, parameters, first, seed=self.config.seed)
            moved = _moved(parameters, minimum)
            seconds = time.perf_counter() - began
            rounds.append(Round(minimum.values, moved, minimum.objective, seconds))
            log.info("round %d moved by %.2f sigma, %.0f s", len(rounds), moved, seconds)
            found = dict(
                zip((p.name for p in parameters.free), minimum.values.tolist(), strict=True)
            )
            parameters = parameters.starting_at(found)
            if moved <= self.config.settled or len(rounds) >= self.config.rounds:
                turns = tuple(rounds)
                return _State(parameters, run, calibration, objective, minimum, turns)
            lost = gathered.lost if moved <= SAME_LOSSES else None
            wanted = self._with_resolutions(parameters)
            if self._differ(calibration, wanted, parameters, minimum):
                calibration, result, lost = wanted, self._calibrated(wanted), None

    def _with_resolutions(self, parameters: ParameterSet) -> CalibrationConfig:
        values = parameters.values
        return replace(
            self.config.calibration_config(),
            vertex_resolution=values["vertex_resolution"],
            t0_resolution=values["t0_resolution"],
        )

    def _differ(
        self,
        before: CalibrationConfig,
        wanted: CalibrationConfig,
        parameters: ParameterSet,
        minimum: Minimum,
    ) -> bool:
        """Whether a resolution moved by what counts as a move."""
        sigma = np.sqrt(np.diag(minimum.covariance))
        return any(
            abs(getattr(wanted, p.name) - getattr(before, p.name)) > self.config.settled * s
            for p, s in zip(parameters.free, sigma, strict=True)
            if p.name in RESOLUTIONS
        )

    def _calibrated(self, calibration: CalibrationConfig) -> RunResult:
        nominal, _ = self.config.open_detector()
        n_hits = max(self.source.n_hits, 1)
        return calibrate_run(
            self.source,
            nominal,
            calibration,
            samples=self.samples,
            device=self.device,
            advance=lambda hits: self.advance("calibrate", hits / n_hits),
        )


def _with_shared_errors(minimum: Minimum, state: _State, config: FitConfig) -> Minimum:
    """The minimum with errors that hits of an event or PMTs of a type share."""
    if any(isinstance(term, TimeTerm) for term in state.objective.terms):
        cells = TimeCells.of(state.run, sample_rows(state.run, config))
        batches = state.run.stream.batches()
        minimum = with_event_scatter(minimum, state.objective, cells, batches)
    return with_passing_error(minimum, state.parameters, state.run)


def lowest(
    objective: FitObjective, parameters: ParameterSet, first: ParameterSet, *, seed: int
) -> Minimum:
    """The lower one of the minima below where the last turn ended and where the fit began.

    A little late light of long delay and more of a short one can both be minima, so that a turn
    that went astray far from the truth must not decide for those after it.

    Args:
        objective: of this turn.
        parameters: starting where the last turn ended.
        first: starting where the fit began.
        seed: of the fit.

    Raises:
        CalibrationError: neither start leads to a minimum.
    """
    found, failure = [], None
    for start in (parameters, first) if parameters != first else (first,):
        try:
            found.append(Newton().minimise(objective, start.free, seed=seed))
        except CalibrationError as error:
            failure = error
    if failure is not None and not found:
        raise failure
    return min(found, key=lambda minimum: minimum.objective)


def _moved(parameters: ParameterSet, minimum: Minimum) -> float:
    """The farthest that a parameter went, in standard deviations; ends of ranges do not count."""
    sigma = np.sqrt(np.diag(minimum.covariance))
    start = np.array([p.start for p in parameters.free])
    step = np.abs(minimum.values - start) / np.where(sigma > 0, sigma, np.inf)
    return float(step.max(initial=0.0))
