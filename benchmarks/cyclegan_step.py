"""Time of a step: the CycleGAN on sparse hits beside that of arXiv:1703.10593 on images.

    python benchmarks/cyclegan_step.py

The reference has the structure of resnet_6blocks: two generators of 6 residual blocks and 64
filters, two critics of patches, images of 2 channels and 64 x 64 pixels, least squares, cycles,
identities and a pool of 50 fakes. Both take the same events of a made-up run, as many hits each
as in period A of the challenge, and take turns in one process of one thread. Writes the figures
into docs/translator_cyclegan.md.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from kzcal_cyclegan import CYCLEGAN
from pages import table, write_part

from kzcal.geometry import Detector, load_detector
from kzcal.hits import Events, Hits
from kzcal.learning import LearningTranslator, TranslatorTask

PAGE = Path(__file__).parents[1] / "docs" / "translator_cyclegan.md"
PHOTOELECTRONS = 500
HITS = 320
ROUNDS = 2
BATCH = 8


def made_up(detector: Detector, n_event: int, per_event: int, seed: int) -> Events:
    """Events anywhere within 5 m with so many hits each."""
    generator = np.random.default_rng(seed)
    vertex = generator.uniform(-2.8, 2.8, (n_event, 3)).astype(np.float32)
    event = np.repeat(np.arange(n_event), per_event)
    pmt = generator.integers(0, detector.n_pmt, len(event))
    flight = np.linalg.norm(detector.positions[pmt] - vertex[event], axis=1) / 0.196
    arrival = (flight + generator.exponential(8.0, len(event))).astype(np.float32)
    order = np.lexsort((arrival, event))
    charge = generator.gamma(6.0, 1 / 6.0, len(event)).astype(np.float32)
    counts = np.full(n_event, per_event)
    return Events(
        np.arange(n_event),
        np.arange(n_event),
        np.zeros(n_event, np.uint8),
        vertex,
        np.ones(n_event, np.float32),
        np.zeros(n_event, np.float32),
        Hits.from_counts(counts, pmt[order].astype(np.uint16), arrival[order], charge),
    )


def training(task: TranslatorTask, **options: float) -> LearningTranslator:
    """A training of the plugin's translator."""
    chosen = {option.name: option.default for option in CYCLEGAN.options}
    learner: LearningTranslator = CYCLEGAN.learn(task, **{**chosen, **options})
    return learner


def main() -> None:
    """Measure, and write the page."""
    torch.set_num_threads(1)
    detector = load_detector()
    task = TranslatorTask(
        source=made_up(detector, 200, PHOTOELECTRONS, 1),
        target=made_up(detector, 200, HITS, 2),
        ceiling=1.3,
        paired=False,
        detector=detector,
        device=torch.device("cpu"),
        seed=1,
    )
    trainings = {
        f"images, 64 filters, 6 blocks, {BATCH} events": training(
            task, faithful=1.0, images=BATCH
        ),
        f"sparse hits, {BATCH} events": training(task, batch=BATCH),
        "sparse hits, 64 events": training(task, batch=64),
    }
    seconds: dict[str, list[float]] = {name: [] for name in trainings}
    for _ in range(ROUNDS + 1):
        for name, learner in trainings.items():
            begin = time.process_time()
            learner.step()
            seconds[name].append(time.process_time() - begin)
    mean = {name: float(np.mean(times[1:])) for name, times in seconds.items()}
    reference = next(iter(mean.values()))
    rows = [(name, value, reference / value) for name, value in mean.items()]
    text = table(["step", "s", "times as fast"], rows)
    text += f"\n\nMeans of {ROUNDS} steps each, processor time of one thread; "
    text += "`python benchmarks/cyclegan_step.py`."
    write_part(PAGE, "steps", text)


if __name__ == "__main__":
    main()
