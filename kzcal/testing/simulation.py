"""Contracts of what simulates or fits: sources, translators and fitters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from kzcal.components import Fitter, Source, Translator
from kzcal.errors import ConfigurationError
from kzcal.hits import Events
from kzcal.particles import ALPHA, ELECTRON, GAMMA, NEUTRON, POSITRON, PROTON, Primaries
from kzcal.parts import HitTranslator, Minimum, Parameter
from kzcal.testing.contract import ComponentContract
from kzcal.testing.runs import empty
from kzcal.testing.synthetic import Run, synthetic_run

ELECTRON_MASS = 0.51099895
"""MeV, CODATA 2018."""


class SourceContract(ComponentContract):
    """Laws of a kind of decay."""

    record_type = Source
    component: ClassVar[Source]

    def draw(self, n: int, seed: int = 1) -> Primaries:
        """So many decays."""
        return self.component.build().sample(n, generator=np.random.default_rng(seed))

    def test_offsets_and_columns_fit_together(self) -> None:
        """One entry per particle in every column."""
        decays = self.draw(50)
        assert len(decays.offsets) == 51, "one offset per decay and one at the end"
        assert decays.offsets[0] == 0
        assert (np.diff(decays.offsets) >= 0).all(), "offsets do not descend"
        n = int(decays.offsets[-1])
        assert decays.direction.shape == (n, 3)
        for column in ("particle", "energy", "time"):
            assert getattr(decays, column).shape == (n,), f"{column} has one entry per particle"

    def test_particles_are_possible(self) -> None:
        """Known particles, none of negative energy, each with a direction."""
        decays = self.draw(50)
        known = (ELECTRON, POSITRON, GAMMA, PROTON, NEUTRON, ALPHA)
        assert np.isin(decays.particle, known).all(), f"PDG codes are among {known}"
        assert (decays.energy >= 0.0).all(), "no energy is negative or unknown"
        length = np.linalg.norm(decays.direction, axis=1)
        np.testing.assert_allclose(length, 1.0, rtol=1e-9, err_msg="directions are unit vectors")

    def test_particles_follow_the_decay_in_order_of_time(self) -> None:
        """Nothing leaves before the decay, and a later row is not an earlier particle."""
        decays = self.draw(50)
        assert np.isfinite(decays.time).all()
        assert (decays.time >= 0.0).all(), "no particle leaves before the decay"
        same = np.diff(decays.decay) == 0
        assert (np.diff(decays.time)[same] >= 0.0).all(), "times ascend within a decay"

    def test_no_decay_gives_more_than_q(self) -> None:
        """Kinetic energies, and what the annihilation of each positron adds."""
        decays = self.draw(200)
        given = decays.energy + np.where(decays.particle == POSITRON, 2.0 * ELECTRON_MASS, 0.0)
        total = np.bincount(decays.decay, given, minlength=200)
        most = np.inf if self.component.q_value is None else self.component.q_value
        assert np.isfinite(total).all()
        assert (total <= most + 1e-6).all(), f"a decay of Q = {most} MeV gives {total.max()} MeV"

    def test_the_same_generator_gives_the_same_decays(self) -> None:
        """Randomness comes from the generator alone."""
        first, second = self.draw(20, seed=3), self.draw(20, seed=3)
        for column in ("offsets", "particle", "energy", "time", "direction"):
            assert np.array_equal(getattr(first, column), getattr(second, column)), column

    def test_no_decay_is_no_error(self) -> None:
        """Zero decays have no particle."""
        none = self.draw(0)
        assert none.offsets.tolist() == [0]
        assert len(none.energy) == 0

    def test_options_have_words_and_a_default_that_means_what_it_says(self) -> None:
        """Naming every default changes nothing, and an unknown option is refused."""
        for option in self.component.options:
            assert option.name.isidentifier(), "an option's name is a keyword of build"
            assert option.unit.strip(), f"{option.name} has a unit"
            assert option.summary.strip(), f"{option.name} has a summary"
        named = self.component.prepare({o.name: o.default for o in self.component.options})
        decays = named.sample(20, generator=np.random.default_rng(3))
        assert np.array_equal(decays.energy, self.draw(20, seed=3).energy)
        with np.testing.assert_raises(ConfigurationError):
            self.component.prepare({"no_such_option": 1.0})


class TranslatorContract(ComponentContract):
    """Laws of a change of hits."""

    record_type = Translator
    component: ClassVar[Translator]

    def run(self) -> Run:
        """The run whose hits are translated."""
        return synthetic_run(n_events=200)

    def translate(self, run: Run, seed: int = 1) -> Events:
        """The translated events."""
        translator: HitTranslator = self.component.build()
        generator = np.random.default_rng(seed)
        return translator.translate(run.events, run.detector, generator=generator)

    def test_events_stay_and_hits_are_possible(self) -> None:
        """Only hits change, and they lie on PMTs of the detector at finite times."""
        run = self.run()
        events = self.translate(run)
        for column in ("event", "timestamp", "trigger"):
            assert np.array_equal(getattr(events, column), getattr(run.events, column)), column
        assert len(events.hits) == len(run.events)
        assert (events.hits.pmt < run.detector.n_pmt).all(), "hits are on PMTs of the detector"
        assert np.isfinite(events.hits.time).all()
        assert np.isfinite(events.hits.charge).all()

    def test_the_same_generator_gives_the_same_hits(self) -> None:
        """Randomness comes from the generator alone."""
        run = self.run()
        first, second = (self.translate(run, seed=3).hits for _ in range(2))
        for column in ("offsets", "pmt", "time", "charge"):
            assert np.array_equal(getattr(first, column), getattr(second, column)), column

    def test_a_run_without_events_is_no_error(self) -> None:
        """Nothing to translate gives nothing."""
        assert len(self.translate(empty(self.run()))) == 0


@dataclass(frozen=True, slots=True, eq=False)
class ChiSquare:
    """An objective whose minimum and curvature are known.

    Args:
        truth: where its minimum is.
        covariance: that its curvature stands for.
        asked: every point that it was asked about in this process.
    """

    truth: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    asked: list[Float64[np.ndarray, " parameter"]] = field(default_factory=list)

    @property
    def noise(self) -> float:
        """It has none."""
        return 0.0

    def __call__(self, values: Float64[np.ndarray, " parameter"]) -> float:
        """The chi-square."""
        self.asked.append(np.array(values))
        off = np.asarray(values) - self.truth
        return float(off @ np.linalg.solve(np.asarray(self.covariance), off))

    def partial(self, values: Float64[np.ndarray, " parameter"]) -> Iterator[float]:
        """A tenth of it, half of it, and all."""
        total = self(values)
        yield from (0.1 * total, 0.5 * total, total)

    def slopes(
        self, values: Float64[np.ndarray, " parameter"]
    ) -> tuple[Float64[np.ndarray, " parameter"], Float64[np.ndarray, "parameter parameter"]]:
        """Exact first and second derivatives."""
        self.asked.append(np.array(values))
        second = 2.0 * np.linalg.inv(np.asarray(self.covariance))
        return second @ (np.asarray(values) - self.truth), second


class FitterContract(ComponentContract):
    """Laws of a fitter, on an objective whose minimum and curvature are known."""

    record_type = Fitter
    component: ClassVar[Fitter]
    tolerance: ClassVar[float] = 0.1
    """Largest distance from the true minimum, in standard deviations."""
    covariance_tolerance: ClassVar[float] = 0.2
    """Largest relative error of a variance."""

    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("light_yield", 1.0, 0.5, 2.0, "1"),
        Parameter("absorption_length", 15.0, 5.0, 40.0, "m"),
    )
    truth: ClassVar[tuple[float, float]] = (1.05, 17.0)
    covariance: ClassVar[tuple[tuple[float, float], ...]] = ((4e-4, 6e-3), (6e-3, 0.25))

    def chi_square(self) -> ChiSquare:
        """A chi-square whose minimum is ``truth`` and whose covariance is ``covariance``."""
        return ChiSquare(self.truth, self.covariance)

    def minimum(self, seed: int = 1) -> Minimum:
        """Where the fitter ends."""
        return self.component.build().minimise(self.chi_square(), self.parameters, seed=seed)

    def test_the_minimum_is_found(self) -> None:
        """Values near the truth, and the objective that belongs to them."""
        found = self.minimum()
        sigma = np.sqrt(np.diag(self.covariance))
        assert (np.abs(found.values - self.truth) < self.tolerance * sigma).all(), found.values
        assert np.isclose(found.objective, self.chi_square()(found.values))
        assert found.n_calls > 0

    def test_the_covariance_is_that_of_the_objective(self) -> None:
        """For a chi-square, twice the inverse of its second derivatives."""
        found = np.diag(self.minimum().covariance)
        np.testing.assert_allclose(found, np.diag(self.covariance), rtol=self.covariance_tolerance)

    def test_the_same_seed_gives_the_same_minimum(self) -> None:
        """Randomness comes from the seed alone."""
        assert np.array_equal(self.minimum(seed=3).values, self.minimum(seed=3).values)

    def test_parameters_stay_in_their_ranges(self) -> None:
        """The objective is never asked about a value outside."""
        objective = self.chi_square()
        self.component.build().minimise(objective, self.parameters, seed=1)
        asked = objective.asked
        assert asked
        low, high = ([getattr(p, end) for p in self.parameters] for end in ("lower", "upper"))
        assert (np.array(asked) >= low).all()
        assert (np.array(asked) <= high).all()
