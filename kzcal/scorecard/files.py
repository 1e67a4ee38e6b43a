"""Two open files of events, cut to what may be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64

from kzcal.calibrate.config import CalibrationConfig
from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.io.source import EventSource
from kzcal.parts import EventClassifier
from kzcal.scorecard.blocks import plans
from kzcal.scorecard.populations import Rows, matched
from kzcal.scorecard.sphere import SphereTables
from kzcal.scorecard.tally import Plan, Tally, gather
from kzcal.simulate.order import joined


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two files and which of their events are compared.

    Args:
        fake: what is judged.
        data: what it should be like.
        plans: blocks of the events of either.
        paired: whether the events are the same ones.
        detector: of both.
        config: which events take part, and the speed of light.
        device: where to calculate.
    """

    fake: EventSource
    data: EventSource
    plans: tuple[Plan, Plan]
    paired: bool
    detector: Detector
    config: CalibrationConfig
    device: torch.device

    @classmethod
    def of(
        cls,
        fake: EventSource,
        data: EventSource,
        detector: Detector,
        config: CalibrationConfig,
        n_blocks: int,
        device: torch.device,
    ) -> Pair:
        """Match the events and deal them to blocks.

        Raises:
            ConfigurationError: there is no kind of event that both have.
            CalibrationError: there are too few events.
        """
        tables = (fake.table(), data.table())
        rows = matched(*tables, same_run=fake.header.run == data.header.run)
        first, second, same = plans(tables, rows, config, n_blocks)
        return cls(fake, data, (first, second), same, detector, config, device)

    def tallies(self) -> tuple[Tally, Tally]:
        """Read each file once."""
        tables = SphereTables.of(self.detector.directions, self.device)
        fake, data = (
            gather(source, plan, self.detector, self.config, device=self.device, tables=tables)
            for source, plan in zip((self.fake, self.data), self.plans, strict=True)
        )
        return fake, data

    def sample(self, which: int, rows: Rows) -> Events:
        """Events of a file, of the first if ``which`` is 0, in the order of the rows."""
        source = (self.fake, self.data)[which]
        order = np.argsort(rows, kind="stable")
        wanted, start, parts = rows[order], 0, []
        for chunk in source.chunks(self.config.hits_per_chunk):
            inside = (wanted >= start) & (wanted < start + len(chunk))
            if inside.any():
                parts.append(chunk.take(wanted[inside] - start))
            start += len(chunk)
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return joined(parts).take(back)

    def scores(
        self, models: Mapping[str, EventClassifier]
    ) -> dict[str, tuple[Float64[np.ndarray, " event"], Float64[np.ndarray, " other"]]]:
        """What classifiers say of every event of both files; each sees a chunk at a time."""
        found: list[dict[str, list[np.ndarray]]] = [{name: [] for name in models} for _ in "ab"]
        for kept, source in zip(found, (self.fake, self.data), strict=True):
            for chunk in source.chunks(self.config.hits_per_chunk) if models else ():
                for name, model in models.items():
                    kept[name].append(model.score(chunk, source.muons, self.detector))
        fake, data = found
        return {name: (np.concatenate(fake[name]), np.concatenate(data[name])) for name in models}
