"""Objectives of the tests, picklable for worker processes."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kzcal.parts import Parameter


@dataclass(frozen=True)
class Valley:
    """A chi-square of correlated parameters, in three parts that add up, with noise on request.

    The noise of a point follows from its coordinates, so that asking again does not help.
    """

    truth: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    noise: float = 0.0

    def __call__(self, values):
        return list(self.partial(values))[-1]

    def partial(self, values):
        off = np.asarray(values) - self.truth
        total = float(off @ np.linalg.solve(np.asarray(self.covariance), off))
        bits = np.asarray(values, np.float64).tobytes()
        scatter = np.random.default_rng(list(bits)).normal() * self.noise if self.noise else 0.0
        yield from (0.2 * total, 0.7 * total, total + scatter)

    def slopes(self, values):
        second = 2.0 * np.linalg.inv(np.asarray(self.covariance))
        return second @ (np.asarray(values) - self.truth), second


@dataclass(frozen=True)
class Banana:
    """Two residuals of unit error, one along a parabola; its minimum is at (1, 1)."""

    noise: float = 0.0

    def residuals(self, values):
        x, y = values
        return np.array([30.0 * (y - x**2), 1.0 - x])

    def __call__(self, values):
        return float((self.residuals(values) ** 2).sum())

    def partial(self, values):
        yield from np.cumsum(self.residuals(values) ** 2)

    def slopes(self, values):
        jacobian = np.array([[-60.0 * values[0], 30.0], [-1.0, 0.0]])
        return 2.0 * self.residuals(values) @ jacobian, 2.0 * jacobian.T @ jacobian


@dataclass(frozen=True)
class Deadly(Valley):
    """Kills its process, as the kernel does, when it is asked for the n-th time.

    Calls are counted in a file, over all processes.
    """

    calls: str = ""
    deadly: int = 0

    def partial(self, values):
        with Path(self.calls).open("a") as file:
            file.write(f"{os.getpid()}\n")
        if len(Path(self.calls).read_text().splitlines()) == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        yield from Valley.partial(self, values)


@dataclass(frozen=True)
class Slow(Valley):
    """Takes long, and says in a file that it has begun."""

    begun: str = ""

    def partial(self, values):
        Path(self.begun, str(os.getpid())).touch()
        time.sleep(60.0)
        yield from Valley.partial(self, values)


TWO = Valley((1.05, 17.0), ((4e-4, 6e-3), (6e-3, 0.25)))
TWO_PARAMETERS = (
    Parameter("light_yield", 1.0, 0.5, 2.0, "1", (1.0, 0.3), "Photons over nominal.", "A paper"),
    Parameter("absorption_length", 15.0, 5.0, 40.0, "m"),
)


def six(noise: float = 0.0):
    """Six parameters of very different sizes, strongly correlated."""
    generator = np.random.default_rng(5)
    mixing = generator.normal(size=(6, 6))
    correlation = mixing @ mixing.T + 0.3 * np.eye(6)
    sigma = 10.0 ** np.linspace(-3, 2, 6) / np.sqrt(np.diag(correlation))
    truth = 20.0 * 10.0 ** np.linspace(-3, 2, 6)
    covariance = correlation * np.outer(sigma, sigma)
    parameters = [Parameter(f"p{i}", t * 1.2, 0.0, 3 * t, "1") for i, t in enumerate(truth)]
    return Valley(tuple(truth), tuple(map(tuple, covariance)), noise), parameters, covariance
