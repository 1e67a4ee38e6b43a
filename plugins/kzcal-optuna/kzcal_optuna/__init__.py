"""Optuna's samplers as fitters: CMA-ES, Gaussian processes, TPE and damped Newton steps."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from kzcal.components import Fitter
from kzcal.hookspecs import hookimpl
from kzcal.parts import Minimiser


def _fitter(kind: str) -> Minimiser:
    from kzcal_optuna.fitter import OptunaFitter

    return OptunaFitter(kind)


CMAES, GP, TPE, GRADIENT = (
    Fitter(
        f"optuna-{kind}",
        summary,
        partial(_fitter, kind),
        keeps_trials=True,
        takes_slopes=kind == "gradient",
    )
    for kind, summary in (
        ("cmaes", "Optuna: evolution of a normal distribution, CMA-ES."),
        ("gp", "Optuna: expected improvement of a Gaussian process."),
        ("tpe", "Optuna: tree-structured Parzen estimators."),
        ("gradient", "Optuna: damped Newton steps by the objective's derivatives."),
    )
)


@hookimpl
def kzcal_fitters() -> Iterable[Fitter]:
    """One fitter for each way to propose values."""
    return (CMAES, GP, TPE, GRADIENT)
