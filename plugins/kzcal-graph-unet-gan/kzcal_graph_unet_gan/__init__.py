"""A graph U-Net GAN from photoelectrons to reported hits, and the version that it mends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from kzcal.components import Option, Translator
from kzcal.hookspecs import hookimpl
from kzcal.learning import LearningTranslator, Trained, TranslatorTask
from kzcal.parts import HitTranslator

if TYPE_CHECKING:
    from kzcal_graph_unet_gan.settings import Settings

OPTIONS = (
    Option("faithful", 0.0, "1", "1 for the version that was tried first: no noise, L1 and BCE."),
    Option("channels", 32.0, "1", "Width of the graph U-Net."),
    Option("depth", 4.0, "1", "How often the graph is made coarser."),
    Option("neighbours", 8.0, "1", "Nearest PMTs that a PMT hears of."),
    Option("batch", 8.0, "events", "Events of one step."),
    Option("learning_rate", 2e-3, "1", "Of the generator's network at the start."),
    Option("halving", 400.0, "steps", "After so many steps the learning rate is half."),
    Option("adversarial", 0.05, "1", "Weight of the discriminator's word beside the likelihood."),
)


def _settings(chosen: Mapping[str, float]) -> Settings:
    from kzcal_graph_unet_gan.settings import Settings

    return Settings.of({option.name: option.default for option in OPTIONS} | dict(chosen))


def _build(trained: Trained) -> HitTranslator:
    """The translator of a training."""
    settings = _settings(trained.options)
    if settings.faithful:
        from kzcal_graph_unet_gan.talk import DenseTranslator

        return DenseTranslator.of(trained, settings)
    from kzcal_graph_unet_gan.translation import GraphTranslator

    return GraphTranslator.of(trained, settings)


def _learn(task: TranslatorTask, **options: float) -> LearningTranslator:
    """Begin a training."""
    settings = _settings(MappingProxyType(options))
    if settings.faithful:
        from kzcal_graph_unet_gan.talk import DenseLearning

        return DenseLearning(task, settings)
    from kzcal_graph_unet_gan.learning import GraphLearning

    return GraphLearning(task, settings)


GRAPH_UNET_GAN = Translator(
    "graph-unet-gan",
    "Graph U-Net GAN over the PMTs, learned from pairs of simulated events.",
    _build,
    learn=_learn,
    options=OPTIONS,
)


@hookimpl
def kzcal_translators() -> Iterable[Translator]:
    """The one translator."""
    return (GRAPH_UNET_GAN,)
