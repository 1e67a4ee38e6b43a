"""A table of counts that kzcal's own objective compares, picklable for worker processes."""

from dataclasses import dataclass

import torch

from kzcal.fit.objective import FitObjective
from kzcal.fit.terms import Expectation
from kzcal.parts import Parameter

PARAMETERS = (
    Parameter("height", 390.0, 30.0, 3000.0, "1"),
    Parameter("life", 1.5, 0.1, 9.0, "ns", (1.0, 0.5)),
    Parameter("flat", 26.0, 2.0, 200.0, "1"),
)


@dataclass(frozen=True, eq=False)
class Decays:
    """Counts of a decaying source over a flat background, from a simulation of finite size."""

    counts: torch.Tensor
    name: str = "decays"

    def expected(self, values):
        time = torch.linspace(0.0, 5.0, 40, dtype=torch.float64)
        mean = values["height"] * torch.exp(-time / values["life"]) + values["flat"]
        return Expectation(mean, torch.full_like(mean, 1e-3))


def decays(seed: int) -> FitObjective:
    """The objective of counts drawn at a height of 300, a life of 1.2 ns and 20 flat."""
    truth = {"height": 300.0, "life": 1.2, "flat": 20.0}
    exact = {name: torch.tensor(value, dtype=torch.float64) for name, value in truth.items()}
    mean = Decays(torch.zeros(40)).expected(exact).mean
    counts = torch.poisson(mean, generator=torch.Generator().manual_seed(seed))
    return FitObjective([Decays(counts), Decays(counts * 0 + mean)], PARAMETERS)
