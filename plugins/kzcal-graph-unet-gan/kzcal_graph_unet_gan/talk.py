"""The GAN as it was tried first: dense maps of time and charge, L1 and binary cross entropy.

Source: H. Song, KamLAND-Zen's New ML Tricks, part "Detector Calibration with GANs": a generator
that is a graph network in a U-Net, a discriminator that is a graph network, loss of the generator
sum(|T - T'| + |Q - Q'|) / 2n plus binary cross entropy, two binary cross entropies for the
discriminator. It is kept to show what becomes of it; docs/translator_graph_unet_gan.md tells why.

Assumption: where the talk is silent, graph and U-Net of the mended version, so that what is
found is due to maps and losses alone; times in units of 20 ns after the time of flight, zero where
there is no hit; both losses with weight one; Adam. Its code would settle it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.learning import Trained, TranslatorTask
from kzcal.training.distributed import average, world
from kzcal.training.ensemble import Ensemble, of_module, part
from kzcal.translate.maps import HitMaps, events_of
from kzcal.translate.refusals import refuse_other
from kzcal_graph_unet_gan.dark import reporting
from kzcal_graph_unet_gan.dense import dense_of, maps_of
from kzcal_graph_unet_gan.pairs import Pairs
from kzcal_graph_unet_gan.settings import Settings
from kzcal_graph_unet_gan.sphere import Level
from kzcal_graph_unet_gan.translation import levels_of
from kzcal_graph_unet_gan.unet import GraphLayer, GraphUNet

EVENTS_AT_ONCE = 16


class DenseGenerator(nn.Module):
    """Time and charge of every PMT from time and charge of every PMT, without noise.

    Args:
        levels: graphs from fine to coarse.
        channels: width of the U-Net.
    """

    def __init__(self, levels: Sequence[Level], channels: int) -> None:
        super().__init__()
        self.unet = GraphUNet((2, channels, 2), levels)

    def forward(self, maps: Float[Tensor, "pmt event 2"]) -> Float[Tensor, "pmt event 2"]:
        """Maps of reported hits."""
        return torch.as_tensor(self.unet(maps))


class DenseDiscriminator(nn.Module):
    """Log odds that maps are reported ones.

    Args:
        levels: graphs from fine to coarse, of which the first is used.
        channels: width of the layers.
    """

    def __init__(self, levels: Sequence[Level], channels: int) -> None:
        super().__init__()
        self.first = GraphLayer((2, channels), levels[0])
        self.second = GraphLayer((channels, channels), levels[0])
        self.last = nn.Linear(channels, 1)

    def forward(self, maps: Float[Tensor, "pmt event 2"]) -> Float[Tensor, " event"]:
        """One number per event."""
        found = functional.relu(self.second(functional.relu(self.first(maps))))
        return torch.as_tensor(self.last(found.mean(dim=0))[:, 0])


class DenseLearning:
    """Training of generator and discriminator.

    Args:
        task: pairs of the same events.
        settings: the options.
    """

    def __init__(self, task: TranslatorTask, settings: Settings) -> None:
        self._settings, self._device, self._detector = settings, task.device, task.detector
        self._stream = torch.Generator(task.device)
        self._stream.manual_seed(world().seed(task.seed))
        self._pairs = Pairs.of(task, self._stream)
        self._alive = reporting(task.target, task.detector)
        levels = levels_of(task.detector, np.ones(task.detector.n_pmt, bool), settings)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(task.seed)
            networks = {
                "generator": DenseGenerator(levels, settings.channels),
                "critic": DenseDiscriminator(levels, settings.channels),
            }
        self._networks = nn.ModuleDict(networks)
        self._networks.to(task.device)
        self._optimisers = {
            name: torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
            for name, network in self._networks.items()
        }
        self._all = Ensemble(dict(self._networks.items()), self._optimisers, self._stream)

    def step(self) -> Mapping[str, float]:
        """One step of both on some pairs."""
        source, target = self._pairs.batch(self._settings.batch)
        given, real = (
            dense_of(events, self._detector, self._device) for events in (source, target)
        )
        made_up = self._networks["generator"](given)
        off = (made_up - real).abs().mean()
        fooled = functional.softplus(-self._networks["critic"](made_up)).mean()
        self._descend("generator", off + fooled)
        seen = functional.softplus(-self._networks["critic"](real)).mean()
        caught = functional.softplus(self._networks["critic"](made_up.detach())).mean()
        self._descend("critic", seen + caught)
        losses = {"l1": off, "generator": fooled, "discriminator": (seen + caught) / 2}
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def _descend(self, name: str, loss: Float[Tensor, ""]) -> None:
        self._optimisers[name].zero_grad()
        torch.autograd.backward(loss)
        average(self._networks[name].parameters())
        self._optimisers[name].step()

    def state(self) -> Mapping[str, Tensor]:
        """Networks, optimisers and the random stream."""
        return self._all.state()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on exactly where ``state`` was taken."""
        self._all.restore(state)

    def weights(self) -> Mapping[str, Tensor]:
        """The generator, and which PMTs report anything."""
        generator = of_module("generator", self._networks["generator"])
        return {**generator, "alive": torch.from_numpy(self._alive)}

    def translate(
        self, events: Events, detector: Detector, *, generator: np.random.Generator
    ) -> Events:
        """Translate with what is learned so far."""
        network = self._networks["generator"]
        alive = torch.from_numpy(self._alive)
        translator = DenseTranslator(network, alive, self._device)
        return translator.translate(events, detector, generator=generator)


@dataclass(frozen=True, slots=True, eq=False)
class DenseTranslator:
    """Takes what the generator says: a hit where the charge passes the threshold.

    Args:
        network: the generator.
        alive: PMTs that report anything; the others are left out at the end.
        device: where to calculate.
    """

    network: nn.Module
    alive: Bool[Tensor, " pmt"]
    device: torch.device

    @classmethod
    def of(cls, trained: Trained, settings: Settings) -> DenseTranslator:
        """From the weights of a training."""
        every = np.ones(trained.detector.n_pmt, bool)
        levels = levels_of(trained.detector, every, settings)
        network = DenseGenerator(levels, settings.channels)
        network.load_state_dict(part(trained.weights, "generator"))
        network.to(trained.device).eval()
        return cls(network, trained.weights["alive"].cpu(), trained.device)

    def translate(
        self,
        events: Events,
        detector: Detector,
        *,
        generator: np.random.Generator,  # noqa: ARG002  there is no noise to draw
    ) -> Events:
        """The same events with reported hits, always the same ones.

        Raises:
            ConfigurationError: the detector has not as many PMTs as that of the training.
        """
        refuse_other(detector, len(self.alive))
        parts = [HitMaps.none(0, detector.n_pmt, 1)]
        for start in range(0, len(events), EVENTS_AT_ONCE):
            some = events[start : start + EVENTS_AT_ONCE]
            with torch.no_grad():
                found = self.network(dense_of(some, detector, self.device))
            parts.append(maps_of(found))
        present, charge, time = (
            torch.cat([getattr(part, name) for part in parts])
            for name in ("present", "charge", "time")
        )
        maps = HitMaps(present & self.alive[:, None], charge, time)
        return events_of(maps, events, detector)
