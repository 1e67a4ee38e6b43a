"""The mended GAN while it learns: likelihood of pairs, and a discriminator's word."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.learning import TranslatorTask
from kzcal.training.distributed import average, world
from kzcal.training.ensemble import Ensemble, of_module
from kzcal.translate.maps import HitMaps
from kzcal_graph_unet_gan.dark import dark_rates, reporting
from kzcal_graph_unet_gan.discriminator import Discriminator
from kzcal_graph_unet_gan.generator import Generator
from kzcal_graph_unet_gan.light import Light
from kzcal_graph_unet_gan.likelihood import Reported, log_likelihood
from kzcal_graph_unet_gan.pairs import Pairs
from kzcal_graph_unet_gan.sampling import Drawn, draw
from kzcal_graph_unet_gan.settings import Settings
from kzcal_graph_unet_gan.start import start_from_means
from kzcal_graph_unet_gan.translation import GraphTranslator, large_of, levels_of

OWN_RATE = 3.0
"""How much faster the numbers of each PMT are learned: each sees few hits of a batch."""
AVERAGED = 0.995
"""Weights of a translation are those of the last 200 steps, averaged."""
LEAST_DARK = 1e-9
"""Dark rate that a PMT is given at least when its hits are explained, per ns."""


class GraphLearning:
    """Training of the generator and of the discriminator.

    Args:
        task: pairs of the same events.
        settings: the options.
    """

    def __init__(self, task: TranslatorTask, settings: Settings) -> None:
        self._settings, self._device = settings, task.device
        self._detector = task.detector
        self._alive = reporting(task.target, task.detector)
        rate = dark_rates(task.target, task.detector, self._alive)
        self._rate = torch.from_numpy(rate).float().to(task.device)
        levels = levels_of(task.detector, self._alive, settings)
        self._stream = torch.Generator(task.device)
        self._stream.manual_seed(world().seed(task.seed))
        self._pairs = Pairs.of(task, self._stream)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(task.seed)
            large = large_of(task.detector)
            self._network = Generator(large, levels, settings.channels)
            self._averaged = Generator(large, levels, settings.channels)
            self._critic = Discriminator(levels).to(task.device)
        self._network.to(task.device)
        start_from_means(self._network, self._pairs, task.detector)
        self._averaged.load_state_dict(self._network.state_dict())
        self._averaged.to(task.device).requires_grad_(requires_grad=False)
        self._optimisers = self._new_optimisers()
        self._steps = torch.zeros((), dtype=torch.int64)
        networks = {
            "generator": self._network,
            "averaged": self._averaged,
            "critic": self._critic,
        }
        optimisers = dict(zip(("generator", "critic"), self._optimisers, strict=True))
        self._all = Ensemble(networks, optimisers, self._stream, {"steps": self._steps})

    def _new_optimisers(self) -> tuple[torch.optim.Adam, torch.optim.Adam]:
        shared: list[Tensor] = []
        own: list[Tensor] = []
        for name, weight in self._network.named_parameters():
            (shared if name.startswith(("unet", "head", "tell")) else own).append(weight)
        groups = [{"params": shared}, {"params": own}]
        critic = torch.optim.Adam(self._critic.parameters(), lr=2e-4, betas=(0.5, 0.99))
        return torch.optim.Adam(groups, lr=self._settings.learning_rate), critic

    def step(self) -> Mapping[str, float]:
        """One step of generator and discriminator on some pairs; losses by name."""
        light, maps = self._batch()
        densities = self._network(light, generator=self._stream)
        log_dark = torch.log(self._rate.clamp(min=LEAST_DARK))
        loss = -log_likelihood(self._network, light, densities, maps, log_dark)
        losses = {"likelihood": float(loss.detach())}
        drawn = None
        if self._settings.adversarial > 0:
            drawn = self._with_dark(light, draw(densities, generator=self._stream))
            fooled = _bce(self._judged(light, drawn), real=True)
            loss = loss + self._settings.adversarial * fooled
            losses["generator"] = float(fooled.detach())
        self._descend(loss)
        if drawn is not None:
            losses["discriminator"] = self._train_critic(light, drawn, maps)
        return losses

    def _batch(self) -> tuple[Light, HitMaps]:
        """Light and reported hits of events chosen at random."""
        source, target = self._pairs.batch(self._settings.batch)
        light = Light.of(source, self._detector, self._device)
        maps = HitMaps.of(target, self._detector, 2, device=self._device)
        return light, maps

    def _descend(self, loss: Float[Tensor, ""]) -> None:
        """One step of the generator, and the average of its weights."""
        optimiser = self._optimisers[0]
        rate = self._settings.learning_rate / (1 + int(self._steps) / self._settings.halving)
        for group, factor in zip(optimiser.param_groups, (1.0, OWN_RATE), strict=True):
            group["lr"] = factor * rate
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        average(self._network.parameters())
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), 10.0)
        optimiser.step()
        self._steps += 1
        weight = max(1 - AVERAGED, 10 / (10 + int(self._steps)))
        with torch.no_grad():
            pairs = zip(self._averaged.parameters(), self._network.parameters(), strict=True)
            for mean, now in pairs:
                mean.lerp_(now, weight)

    def _with_dark(self, light: Light, drawn: Drawn) -> Drawn:
        """The pulses, with a dark one here and there where light has left none.

        They come over 500 ns; what is before or after the light looks alike to the discriminator.
        """
        chance = (self._rate * 500.0)[light.pmt]
        uniform = torch.rand((2, len(chance)), generator=self._stream, device=self._device)
        dark = (uniform[0] < chance) & (drawn.present[:, 0] < 0.5)
        density = self._network.dark_charge(light.pmt)
        scaled = density.sample(generator=self._stream).detach()
        charge = (
            functional.softplus(scaled) * torch.exp(self._network.log_gain.detach())[light.pmt]
        )
        place = torch.zeros_like(drawn.present, dtype=torch.bool)
        place[:, 0] = dark
        return Drawn(
            torch.where(place, torch.ones(()), drawn.present),
            torch.where(place, charge[:, None], drawn.charge),
            torch.where(place, (500.0 * uniform[1] - 200.0)[:, None], drawn.time),
        )

    def _judged(self, light: Light, hits: Drawn | Reported) -> Float[Tensor, " event"]:
        log_odds: Tensor = self._critic(
            light, self._detector.n_pmt, hits.present, hits.charge, hits.time
        )
        return log_odds

    def _train_critic(self, light: Light, drawn: Drawn, maps: HitMaps) -> float:
        made_up = Drawn(drawn.present.detach(), drawn.charge.detach(), drawn.time.detach())
        loss = _bce(self._judged(light, Reported.of(maps, light)), real=True)
        loss = loss + _bce(self._judged(light, made_up), real=False)
        self._optimisers[1].zero_grad()
        torch.autograd.backward(loss)
        average(self._critic.parameters())
        self._optimisers[1].step()
        return float(loss.detach()) / 2

    def state(self) -> Mapping[str, Tensor]:
        """Networks, optimisers, number of steps and the random stream."""
        return self._all.state()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on exactly where ``state`` was taken."""
        self._all.restore(state)

    def weights(self) -> Mapping[str, Tensor]:
        """The averaged generator, the dark rates and which PMTs report anything."""
        return {
            **of_module("generator", self._averaged),
            "dark_rate": self._rate.clone(),
            "alive": torch.from_numpy(self._alive),
        }

    def translate(
        self, events: Events, detector: Detector, *, generator: np.random.Generator
    ) -> Events:
        """Translate with what is learned so far."""
        alive = torch.from_numpy(self._alive).to(self._device)
        translator = GraphTranslator(self._averaged, self._rate, alive)
        return translator.translate(events, detector, generator=generator)


def _bce(log_odds: Float[Tensor, " event"], *, real: bool) -> Float[Tensor, ""]:
    """Binary cross entropy of what should be called real or made up."""
    return functional.softplus(-log_odds if real else log_odds).mean()
