"""What samplers of kzcal have in common: they propose all parameters together."""

from __future__ import annotations

import abc
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from kzcal_optuna.study import Space


class Jointly(BaseSampler):
    """Proposes all parameters of a fit together.

    Args:
        space: the parameters.
    """

    def __init__(self, space: Space) -> None:
        self._space = space

    @abc.abstractmethod
    def propose(self, study: Study) -> dict[str, float]:
        """The next point by the trials so far."""

    def infer_relative_search_space(
        self,
        study: Study,  # noqa: ARG002  the same for every study
        trial: FrozenTrial,  # noqa: ARG002  and trial
    ) -> dict[str, BaseDistribution]:
        """All parameters."""
        return self._space.distributions()

    def sample_relative(
        self,
        study: Study,
        trial: FrozenTrial,  # noqa: ARG002  its number is in the seed
        search_space: dict[str, BaseDistribution],  # noqa: ARG002  all parameters
    ) -> dict[str, Any]:
        """The next point."""
        return self.propose(study)

    def sample_independent(
        self,
        study: Study,  # noqa: ARG002  none is proposed alone
        trial: FrozenTrial,  # noqa: ARG002
        param_name: str,
        param_distribution: BaseDistribution,  # noqa: ARG002
    ) -> float:
        """A parameter on its own: where the fit begins."""
        return self._space.start()[param_name]
