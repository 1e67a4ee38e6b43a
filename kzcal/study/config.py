"""What every study is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from kzcal.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class StudyConfig:
    """Settings of a study.

    Args:
        n: events of every kind.
        acceptance: share of the signal that is accepted.
        seed: decides every random number.
    """

    n: int = 1000
    acceptance: float = 0.9
    seed: int = 1

    def __post_init__(self) -> None:
        if self.n < 1 or not 0 < self.acceptance < 1:
            message = (
                "a study has events and accepts a share of the signal between 0 and 1, got "
                f"n={self.n} and acceptance={self.acceptance}"
            )
            raise ConfigurationError(message)
