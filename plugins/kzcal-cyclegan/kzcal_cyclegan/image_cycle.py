"""The CycleGAN of the paper on dense images, while it learns: KamLAND's first CycleGAN.

Source: Zhu et al. (2017), arXiv:1703.10593, section 3 and appendix 7.1: least-squares losses,
cycle of weight 10, identity of half of it, Adam with 0.0002 and 0.5, a pool of 50 fakes.
"""

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
from kzcal.training.ensemble import Ensemble, part
from kzcal.translate.refusals import refuse_other_windows
from kzcal_cyclegan import guards
from kzcal_cyclegan.image_sampling import ImageTranslator
from kzcal_cyclegan.images import Panel
from kzcal_cyclegan.networks import image_generator, patch_critic
from kzcal_cyclegan.pool import ImagePool
from kzcal_cyclegan.runs import RunTensors, Tubes
from kzcal_cyclegan.warm_start import alive_in

RATE = 2e-4
CYCLE = 10.0
IDENTITY = 5.0


@dataclass(frozen=True, slots=True)
class ImageOptions:
    """What a user may choose; see kzcal_cyclegan.CYCLEGAN."""

    images: int
    filters: int
    blocks: int
    pool: int


class ImageCycle:
    """Two generators and two critics of images, one step at a time.

    Args:
        task: what to learn from; pairs are not made use of.
        options: the user's choice.

    Raises:
        ConfigurationError: there is no event with a vertex on one of the sides, or the target
            was recorded for longer than translations are.
    """

    def __init__(self, task: TranslatorTask, options: ImageOptions) -> None:
        refuse_other_windows(task.target)
        self._options = options
        self._tubes = tubes = Tubes.of(task.detector, task.device)
        self._source = RunTensors.learnable("source", task.source, tubes)
        self._target = RunTensors.learnable("target", task.target, tubes)
        self._panel = Panel.of(tubes, alive_in(self._target, len(tubes)))
        seed = world().seed(task.seed)
        self._generator = torch.Generator(task.device).manual_seed(seed)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(task.seed)
            networks = {
                "forward": image_generator(options.filters, options.blocks),
                "backward": image_generator(options.filters, options.blocks),
                "dtq": patch_critic(options.filters),
                "gtq": patch_critic(options.filters),
            }
        self._networks = {k: network.to(task.device) for k, network in networks.items()}
        self._pools = {name: ImagePool(options.pool, task.device) for name in ("dtq", "gtq")}
        self._optimisers: dict[str, torch.optim.Optimizer] = {
            name: torch.optim.Adam(
                [p for n in names for p in self._networks[n].parameters()],
                lr=RATE,
                betas=(0.5, 0.999),
            )
            for name, names in (
                ("generators", ("forward", "backward")),
                ("critics", ("dtq", "gtq")),
            )
        }
        counters = {f"{n}.images": pool.images for n, pool in self._pools.items()}
        counters |= {f"{n}.filled": pool.filled for n, pool in self._pools.items()}
        self._all = Ensemble(self._networks, self._optimisers, self._generator, counters)

    def step(self) -> Mapping[str, float]:
        """Generators first, then critics, as in the paper."""
        n, generator = self._options.images, self._generator
        gtq, dtq = (
            self._panel.images(run.draw(n, generator=generator))
            for run in (self._source, self._target)
        )
        forward, backward = self._networks["forward"], self._networks["backward"]
        fake_dtq, fake_gtq = forward(gtq), backward(dtq)
        losses = {
            "forward": _verdict(self._networks["dtq"](fake_dtq), 1.0),
            "backward": _verdict(self._networks["gtq"](fake_gtq), 1.0),
            "cycle_gtq": CYCLE * nn.functional.l1_loss(backward(fake_dtq), gtq),
            "cycle_dtq": CYCLE * nn.functional.l1_loss(forward(fake_gtq), dtq),
            "identity": IDENTITY * nn.functional.l1_loss(forward(dtq), dtq)
            + IDENTITY * nn.functional.l1_loss(backward(gtq), gtq),
        }
        self._descend("generators", losses)
        judged = {
            "critic_dtq": self._judge("dtq", dtq, fake_dtq.detach()),
            "critic_gtq": self._judge("gtq", gtq, fake_gtq.detach()),
        }
        self._descend("critics", judged)
        numbers = {k: float(v.detach()) for k, v in {**losses, **judged}.items()}
        return numbers | guards.of_images(self._panel, gtq, fake_dtq.detach())

    def state(self) -> Mapping[str, Tensor]:
        """Everything that decides what comes next, the pools of fakes included."""
        return self._all.state()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on where the state was taken."""
        self._all.restore(state)

    def weights(self) -> Mapping[str, Tensor]:
        """The forward generator, where PMTs are in an image and which are alive."""
        network = part(self._all.state(), "network.forward")
        sizes = torch.tensor([self._options.filters, self._options.blocks])
        panel = {"alive": self._panel.alive.clone(), "pixel": self._panel.pixel.clone()}
        return {**network, **panel, "sizes": sizes}

    def translate(
        self, events: Events, detector: Detector, *, generator: np.random.Generator
    ) -> Events:
        """Translate with what is learned so far; there is no randomness in it."""
        translator = ImageTranslator(self.weights(), detector, self._tubes.kind.device)
        return translator.translate(events, detector, generator=generator)

    def _judge(
        self, side: str, true: Float[Tensor, "n 2 64 64"], fake: Float[Tensor, "n 2 64 64"]
    ) -> Float[Tensor, ""]:
        """Loss of a critic, halved to slow it down."""
        old = self._pools[side].exchange(fake, generator=self._generator)
        critic = self._networks[side]
        return 0.5 * (_verdict(critic(true), 1.0) + _verdict(critic(old), 0.0))

    def _descend(self, name: str, losses: Mapping[str, Tensor]) -> None:
        """One step of an optimiser; parameters of others are left alone."""
        optimiser = self._optimisers[name]
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        slopes = torch.autograd.grad(torch.stack(list(losses.values())).sum(), parameters)
        for parameter, slope in zip(parameters, slopes, strict=True):
            parameter.grad = slope
        average(parameters)
        optimiser.step()


def _verdict(said: Float[Tensor, "n 1 h w"], wanted: float) -> Float[Tensor, ""]:
    return ((said - wanted) ** 2).mean()
