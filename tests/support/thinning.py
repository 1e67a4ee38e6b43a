"""A translator that learns by counting: which share of hits each PMT keeps."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from kzcal.components import Option, Translator
from kzcal.hits import Events
from kzcal.hookspecs import hookimpl
from kzcal.training.distributed import world


@dataclass
class Thinned:
    """Keeps hits with a chance of its own for every PMT."""

    share: torch.Tensor

    def translate(self, events: Events, detector, *, generator: np.random.Generator) -> Events:
        hits = events.hits
        keep = generator.random(len(hits.pmt)) < self.share.numpy()[hits.pmt]
        return replace(events, hits=hits.where(keep))


class Counting:
    """Adds up the hits of a few events in each step."""

    def __init__(self, task, *, batch):
        self.task, self.batch = task, int(batch)
        self.counts = torch.zeros(2, task.detector.n_pmt)
        self.generator = torch.Generator().manual_seed(world().seed(task.seed))

    def step(self):
        rows = torch.randint(len(self.task.source), (self.batch,), generator=self.generator)
        for row, events in enumerate((self.task.source, self.task.target)):
            chosen = events.take(rows.numpy() % len(events)).hits.pmt.astype(np.int64)
            self.counts[row] += torch.bincount(
                torch.from_numpy(chosen), minlength=self.counts.shape[1]
            )
        share = self.weights()["share"]
        return {"mean_share": float(share.mean()), "spread": float(share.std())}

    def state(self):
        return {"counts": self.counts, "random": self.generator.get_state()}

    def restore(self, state):
        self.counts = state["counts"].clone()
        self.generator.set_state(state["random"])

    def weights(self):
        chance = self.counts[1] / self.counts[0].clamp(min=1)
        return {"share": torch.where(self.counts[1] > 0, chance.clamp(max=1.0), 0.0)}

    def translate(self, events, detector, *, generator):
        return Thinned(self.weights()["share"]).translate(events, detector, generator=generator)


THINNING = Translator(
    "thinning",
    "Keeps a share of the hits of each PMT.",
    lambda trained: Thinned(trained.weights["share"]),
    learn=Counting,
    options=(Option("batch", 16, "events", "Events of a step."),),
)


@hookimpl
def kzcal_translators():
    """The translator, for ``--plugin``."""
    return (THINNING,)
