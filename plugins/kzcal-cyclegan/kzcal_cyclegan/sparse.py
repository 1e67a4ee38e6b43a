"""The CycleGAN on sparse hits while it learns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.learning import TranslatorTask
from kzcal.training.distributed import average, world
from kzcal.training.ensemble import Ensemble
from kzcal.translate.refusals import refuse_other_windows
from kzcal_cyclegan import cycles, guards
from kzcal_cyclegan.backward import Backward, Guess
from kzcal_cyclegan.critics import HitCritic, SphereCritic
from kzcal_cyclegan.forward import Drawn, Forward
from kzcal_cyclegan.runs import Batch, RunTensors, Tubes
from kzcal_cyclegan.sampling import SparseTranslator, steps_of
from kzcal_cyclegan.warm_start import alive_in, begin_at_counts

NANOSECONDS = 5.0
"""Numbers in ns move so much faster than logarithms."""

NETWORKS = 0.2
"""Weights of networks move so much more slowly than constants."""

COUNTED = 0.2
"""So do efficiencies and dark rates that counting has found already."""

CALM = 400.0
"""Steps after which the cycle has its full weight and the optimisers' steps are shorter."""

BACKWARD_SHARE = 4
"""The backward generator learns from one event of so many; no translation needs it."""

MEMORY = 0.995
"""Weight of the past in the average of the generator that translates."""


@dataclass(frozen=True, slots=True)
class SparseOptions:
    """What a user may choose; see kzcal_cyclegan.CYCLEGAN."""

    batch: int
    rate: float
    cycle: float
    identity: float
    sphere: float
    warm_start: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Back:
    """The few events of a step that the backward generator learns from."""

    light: Batch
    hits: Batch
    drawn: Drawn


class SparseCycle:
    """Two generators and three critics, one step at a time.

    Args:
        task: what to learn from; pairs are not made use of.
        options: the user's choice.

    Raises:
        ConfigurationError: there is no event with a vertex on one of the sides, or the target
            was recorded for longer than translations are.
    """

    def __init__(self, task: TranslatorTask, options: SparseOptions) -> None:
        refuse_other_windows(task.target)
        self._options = options
        self._tubes = tubes = Tubes.of(task.detector, task.device)
        self._source = RunTensors.learnable("source", task.source, tubes)
        self._target = RunTensors.learnable("target", task.target, tubes)
        seed = world().seed(task.seed)
        self._generator = torch.Generator(task.device).manual_seed(seed)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(task.seed)
            self._forward = Forward(tubes, alive_in(self._target, len(tubes)))
            self._backward = Backward(tubes)
            self._hits, self._light = HitCritic(tubes), HitCritic(tubes)
            self._sphere = SphereCritic(tubes)
        if options.warm_start:
            begin_at_counts(self._forward, self._source, self._target, tubes)
        self._count = torch.zeros((), dtype=torch.int64)
        self._average = {k: v.detach().clone() for k, v in self._forward.state_dict().items()}
        self._fixed = {**steps_of(task.target), "ceiling": torch.tensor(task.ceiling)}
        self._set_scale()
        self._optimisers = self._make_optimisers()
        self._all = Ensemble(
            {
                "forward": self._forward,
                "backward": self._backward,
                "hits": self._hits,
                "light": self._light,
                "sphere": self._sphere,
            },
            self._optimisers,
            self._generator,
            {"step": self._count, **{f"average.{k}": v for k, v in self._average.items()}},
        )

    def step(self) -> Mapping[str, float]:
        """Critics first, then generators."""
        self._slow_down()
        n = self._options.batch
        light = self._source.draw(n, generator=self._generator)
        hits = self._target.draw(n, generator=self._generator)
        drawn = self._forward.draw(light, self._tubes, self._generator)
        few = max(n // BACKWARD_SHARE, 1)
        back = _Back(light.first(few), hits.first(few), drawn.first(few))
        guess = self._backward.guess(back.hits, self._generator)
        numbers = self._critics(hits, drawn, back, guess)
        numbers |= self._generators(hits, drawn, back, guess)
        self._count += 1
        self._remember()
        return numbers | guards.of_drawn(drawn)

    def state(self) -> Mapping[str, Tensor]:
        """Everything that decides what comes next."""
        return self._all.state()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on where the state was taken."""
        self._all.restore(state)

    def weights(self) -> Mapping[str, Tensor]:
        """The forward generator, averaged over the last few hundred steps."""
        return {k: v.clone() for k, v in {**self._average, **self._fixed}.items()}

    def translate(
        self, events: Events, detector: Detector, *, generator: np.random.Generator
    ) -> Events:
        """Translate with the averaged generator."""
        translator = SparseTranslator(self.weights(), detector, self._tubes.kind.device)
        return translator.translate(events, detector, generator=generator)

    def _critics(self, hits: Batch, drawn: Drawn, back: _Back, guess: Guess) -> dict[str, float]:
        """One step of the three critics."""
        fake, real = drawn.hits.fixed(), drawn.passing.detach()
        guessed = guess.light.fixed()
        true = self._sphere(self._sphere.see(hits, torch.ones_like(hits.time)))
        false = self._sphere(self._sphere.see(fake, real))
        losses = {
            "critic_hits": _least_squares(self._hits(hits), self._hits(fake), real),
            "critic_light": _least_squares(
                self._light(back.light), self._light(guessed), guess.weight.detach()
            ),
            "critic_sphere": _least_squares(true, false, torch.ones_like(false)),
        }
        _descend(self._optimisers["critics"], torch.stack(list(losses.values())).sum())
        return {name: float(value.detach()) for name, value in losses.items()}

    def _generators(
        self, hits: Batch, drawn: Drawn, back: _Back, guess: Guess
    ) -> dict[str, float]:
        """One step of the two generators."""
        options, sphere = self._options, self._sphere
        weight = drawn.weight * drawn.passing
        cycle = options.cycle * min(1.0, float(self._count) / CALM)
        judged = -(weight * self._hits(drawn.hits)).sum()
        guessed = -(guess.weight * self._light(guess.light)).sum()
        losses = {
            "forward": judged / max(len(hits.pmt), 1),
            "sphere": -options.sphere * sphere(sphere.see(drawn.hits, weight)).mean(),
            "backward": guessed / max(len(back.hits.pmt), 1),
            "cycle_dtq": cycle * cycles.dtq_cycle(self._forward, back.hits, guess),
            "cycle_gtq": cycles.gtq_cycle(self._backward, back.drawn),
            "identity": options.identity * cycles.identity(self._forward),
        }
        _descend(self._optimisers["generators"], torch.stack(list(losses.values())).sum())
        return {name: float(value.detach()) for name, value in losses.items()}

    def _make_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        rate = self._options.rate
        counted = COUNTED if self._options.warm_start else 1.0
        factors = dict.fromkeys(("offset", "walk", "times.mean"), NANOSECONDS)
        factors |= dict.fromkeys(("keep", "dark"), counted)
        generators = [
            (p, rate * (NETWORKS if name.startswith("network") else factors.get(name, 1.0)))
            for network in (self._forward, self._backward)
            for name, p in network.named_parameters()
        ]
        critics = [
            (p, rate * (1.0 if name == "own" else NETWORKS))
            for network in (self._hits, self._light, self._sphere)
            for name, p in network.named_parameters()
        ]
        return {"generators": _adam(generators), "critics": _adam(critics)}

    def _slow_down(self) -> None:
        """Smaller steps as training goes on, so that the game comes to rest."""
        factor = (1.0 + float(self._count) / CALM) ** -0.5
        for optimiser in self._optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = group["initial_lr"] * factor

    def _remember(self) -> None:
        """Take the generator of now into the average."""
        memory = min(MEMORY, float(self._count) / (float(self._count) + 10.0))
        for name, value in self._forward.state_dict().items():
            if value.is_floating_point():
                self._average[name].lerp_(value, 1.0 - memory)

    def _set_scale(self) -> None:
        """What an event's patches hold on average."""
        hits = self._target.take(self._target.physics[:256])
        mean = self._sphere.see(hits, torch.ones_like(hits.time)).mean((0, 1))
        self._sphere.scale.copy_(mean.clamp(min=1e-3))


def _least_squares(
    true: Float[Tensor, " true"], false: Float[Tensor, " false"], weight: Float[Tensor, " false"]
) -> Float[Tensor, ""]:
    """Least-squares loss of a critic that shall say 1 for data and -1 for fakes."""
    total = ((true - 1.0) ** 2).sum() + (weight * (false + 1.0) ** 2).sum()
    return total / (len(true) + weight.sum())


def _adam(rates: list[tuple[nn.Parameter, float]]) -> torch.optim.Adam:
    """An optimiser with a rate for each parameter, which it remembers as the first one."""
    groups = [{"params": [p], "lr": rate, "initial_lr": rate} for p, rate in rates]
    return torch.optim.Adam(groups, betas=(0.5, 0.9))


def _descend(optimiser: torch.optim.Optimizer, loss: Float[Tensor, ""]) -> None:
    """One step of an optimiser; parameters of others are left alone."""
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    slopes = torch.autograd.grad(loss, parameters)
    for parameter, slope in zip(parameters, slopes, strict=True):
        parameter.grad = slope
    average(parameters)
    optimiser.step()
