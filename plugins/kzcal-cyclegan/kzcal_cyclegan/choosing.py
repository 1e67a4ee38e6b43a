"""Which of the two CycleGANs a training or a translation is of."""

from __future__ import annotations

from collections.abc import Mapping

from kzcal.learning import LearningTranslator, Trained, TranslatorTask
from kzcal.parts import HitTranslator
from kzcal_cyclegan.image_cycle import ImageCycle, ImageOptions
from kzcal_cyclegan.image_sampling import ImageTranslator
from kzcal_cyclegan.ranges import check
from kzcal_cyclegan.sampling import SparseTranslator
from kzcal_cyclegan.sparse import SparseCycle, SparseOptions


def learner(task: TranslatorTask, options: Mapping[str, float]) -> LearningTranslator:
    """Begin a training.

    Raises:
        ConfigurationError: an option is out of its range, or there is nothing to learn from.
    """
    check(options)
    if options["faithful"]:
        sizes = {n: int(options[n]) for n in ("images", "filters", "blocks", "pool")}
        return ImageCycle(task, ImageOptions(**sizes))
    return SparseCycle(
        task,
        SparseOptions(
            batch=int(options["batch"]),
            rate=options["rate"],
            cycle=options["cycle"],
            identity=options["identity"],
            sphere=options["sphere"],
            warm_start=bool(options["warm_start"]),
        ),
    )


def translator(trained: Trained) -> HitTranslator:
    """What a training left, ready to translate."""
    if trained.options["faithful"]:
        return ImageTranslator(trained.weights, trained.detector, trained.device)
    return SparseTranslator(trained.weights, trained.detector, trained.device)
