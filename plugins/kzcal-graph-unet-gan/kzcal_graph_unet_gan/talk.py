"""The GAN as it was tried first: dense maps of time and charge, L1 and binary cross entropy.

Source: H. Song, KamLAND-Zen's New ML Tricks, part "Detector Calibration with GANs": a generator
that is a graph network in a U-Net, a discriminator that is a graph network, loss of the generator
sum(|T - T'| + |Q - Q'|) / 2n plus binary cross entropy, two binary cross entropies for the
discriminator. It is kept to show what becomes of it; docs/translator_graph_unet_gan.md tells why.

Assumption: where the talk is silent, torch-geometric's GraphUNet (Gao and Ji 2019, halving the
nodes of every level) on the graph of nearest PMTs; times in units of 20 ns after the time of
flight, zero where there is no hit; both losses with weight one; Adam. Its code would settle it.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn import GCNConv, GraphUNet, global_mean_pool

from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.learning import Trained, TranslatorTask
from kzcal.translate.distributed import average, world
from kzcal.translate.maps import HitMaps, events_of
from kzcal_graph_unet_gan.dark import reporting
from kzcal_graph_unet_gan.dense import dense_of, maps_of
from kzcal_graph_unet_gan.pairs import Pairs
from kzcal_graph_unet_gan.settings import Settings
from kzcal_graph_unet_gan.state import (
    of_module,
    of_optimiser,
    part,
    restore_module,
    restore_optimiser,
)

EVENTS_AT_ONCE = 16


def edges(
    directions: Float[np.ndarray, "pmt 3"], neighbours: int, n_events: int
) -> Int[Tensor, "2 edge"]:
    """From each PMT's nearest ones to it, in each event."""
    _, near = cKDTree(directions).query(directions, k=neighbours + 1)
    to = np.repeat(np.arange(len(directions)), neighbours)
    one = torch.from_numpy(np.stack([near[:, 1:].ravel(), to]))
    begin = len(directions) * torch.arange(n_events)
    return (one[:, None] + begin[None, :, None]).flatten(1)


class DenseGenerator(nn.Module):
    """Time and charge of every PMT from time and charge of every PMT, without noise."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.unet = GraphUNet(2, settings.channels, 2, settings.depth)

    def forward(
        self, maps: Float[Tensor, "event pmt 2"], edge: Int[Tensor, "2 edge"]
    ) -> Float[Tensor, "event pmt 2"]:
        """Maps of reported hits."""
        with warnings.catch_warnings():
            # torch-geometric squares sparse matrices of a kind that torch calls new.
            warnings.filterwarnings("ignore", "Sparse", UserWarning)
            found: Tensor = self.unet(maps.flatten(0, 1), edge, _owner(maps))
        return found.reshape(maps.shape)


class DenseDiscriminator(nn.Module):
    """Log odds that maps are reported ones."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.first = GCNConv(2, settings.channels)
        self.second = GCNConv(settings.channels, settings.channels)
        self.last = nn.Linear(settings.channels, 1)

    def forward(
        self, maps: Float[Tensor, "event pmt 2"], edge: Int[Tensor, "2 edge"]
    ) -> Float[Tensor, " event"]:
        """One number per event."""
        found = functional.relu(self.first(maps.flatten(0, 1), edge))
        found = functional.relu(self.second(found, edge))
        return torch.as_tensor(self.last(global_mean_pool(found, _owner(maps)))[:, 0])


def _owner(maps: Float[Tensor, "event pmt 2"]) -> Int[Tensor, " node"]:
    """Event of each node."""
    return torch.arange(len(maps), device=maps.device).repeat_interleave(maps.shape[1])


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
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(task.seed)
            self._networks = nn.ModuleDict(
                {"generator": DenseGenerator(settings), "critic": DenseDiscriminator(settings)}
            )
        self._networks.to(task.device)
        self._optimisers = {
            name: torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
            for name, network in self._networks.items()
        }
        batch = edges(task.detector.directions, settings.neighbours, settings.batch)
        self._edge = batch.to(task.device)

    def step(self) -> Mapping[str, float]:
        """One step of both on some pairs."""
        source, target = self._pairs.batch(self._settings.batch)
        given, real = (
            dense_of(events, self._detector, self._device) for events in (source, target)
        )
        made_up = self._networks["generator"](given, self._edge)
        off = (made_up - real).abs().mean()
        fooled = functional.softplus(-self._networks["critic"](made_up, self._edge)).mean()
        self._descend("generator", off + fooled)
        seen = functional.softplus(-self._networks["critic"](real, self._edge)).mean()
        caught = functional.softplus(self._networks["critic"](made_up.detach(), self._edge)).mean()
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
        state = of_module("networks", self._networks)
        for name, optimiser in self._optimisers.items():
            state |= of_optimiser(f"descent-{name}", optimiser)
        return state | {"stream": self._stream.get_state()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on exactly where ``state`` was taken."""
        restore_module(self._networks, state, "networks")
        for name, optimiser in self._optimisers.items():
            restore_optimiser(optimiser, state, f"descent-{name}")
        self._stream.set_state(state["stream"].cpu())

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
        translator = DenseTranslator(network, alive, self._settings.neighbours, self._device)
        return translator.translate(events, detector, generator=generator)


@dataclass(frozen=True, slots=True, eq=False)
class DenseTranslator:
    """Takes what the generator says: a hit where the charge passes the threshold.

    Args:
        network: the generator.
        alive: PMTs that report anything; the others are left out at the end.
        neighbours: nearest PMTs of each PMT.
        device: where to calculate.
    """

    network: nn.Module
    alive: Bool[Tensor, " pmt"]
    neighbours: int
    device: torch.device

    @classmethod
    def of(cls, trained: Trained, settings: Settings) -> DenseTranslator:
        """From the weights of a training."""
        network = DenseGenerator(settings)
        network.load_state_dict(part(trained.weights, "generator"))
        network.to(trained.device).eval()
        return cls(network, trained.weights["alive"].cpu(), settings.neighbours, trained.device)

    def translate(
        self,
        events: Events,
        detector: Detector,
        *,
        generator: np.random.Generator,  # noqa: ARG002  there is no noise to draw
    ) -> Events:
        """The same events with reported hits, always the same ones."""
        parts = [HitMaps.none(0, detector.n_pmt, 1)]
        for start in range(0, len(events), EVENTS_AT_ONCE):
            some = events[start : start + EVENTS_AT_ONCE]
            edge = edges(detector.directions, self.neighbours, len(some)).to(self.device)
            with torch.no_grad():
                found = self.network(dense_of(some, detector, self.device), edge)
            parts.append(maps_of(found))
        present, charge, time = (
            torch.cat([getattr(part, name) for part in parts])
            for name in ("present", "charge", "time")
        )
        maps = HitMaps(present & self.alive[:, None], charge, time)
        return events_of(maps, events, detector)
