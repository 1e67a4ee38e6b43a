"""Which events of a run have twins, and where and when these begin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64

from kzcal.errors import CalibrationError
from kzcal.fit.light.points import SAMPLES, Rows, Vertices, rows_of_samples
from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.io.source import EventSource
from kzcal.parts import SampleSelection

MOST_DRAWS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """The events of a run that have twins.

    Args:
        table: all events of the run, without hits.
        kept: rows of those with twins, ascending.
        sample: of each of ``kept``, index into ``names``; -1 for a forced trigger.
        names: of the samples.
        purity: of each sample.
    """

    table: Events
    kept: Rows
    sample: Int64[np.ndarray, " event"]
    names: tuple[str, ...]
    purity: tuple[float, ...]

    @classmethod
    def of(
        cls,
        source: EventSource,
        samples: Mapping[str, SampleSelection],
        detector: Detector,
        radius_m: float | None = None,
    ) -> Population:
        """The forced triggers of a run, and its events of the samples whose decays are known.

        Args:
            source: the open run.
            samples: calibration samples to select, by name.
            detector: of the run.
            radius_m: events farther out get no twin; None for the edge of the scintillator.

        Raises:
            CalibrationError: there is no event of a sample.
        """
        table = source.table()
        selections = {
            name: sample.select(table, source.muons, source.header, detector)
            for name, sample in samples.items()
            if name in SAMPLES
        }
        edge = detector.scintillator_radius
        chosen = usable(table, edge if radius_m is None else min(radius_m, edge))
        rows = rows_of_samples(selections, chosen)
        rows = {name: part for name, part in rows.items() if len(part)}
        if not rows:
            message = (
                f"twins are made of events of {', '.join(SAMPLES)}, got none in run "
                f"{source.header.run}"
            )
            raise CalibrationError(message)
        kept = np.union1d(np.concatenate(list(rows.values())), np.flatnonzero(table.forced))
        number = np.full(len(table), -1)
        for row, part in enumerate(rows.values()):
            number[part] = row
        purity = tuple(selections[name].purity for name in rows)
        return cls(table, kept, number[kept], tuple(rows), purity)

    def repeated(self, copies: int) -> Population:
        """The same with several twins of each event, one after the other."""
        kept, sample = (np.repeat(column, copies) for column in (self.kept, self.sample))
        return replace(self, kept=kept, sample=sample)

    def of_sample(self, number: int) -> Events:
        """The events of a sample, without hits."""
        return self.table.take(self.kept[self.sample == number])


def usable(table: Events, radius_m: float) -> Bool[np.ndarray, " event"]:
    """Physics triggers with all that a reconstruction gives, within a radius [m]."""
    known = np.isfinite(table.vertex).all(axis=1) & np.isfinite(table.t0)
    known &= np.isfinite(table.energy) & (table.energy > 0)
    inside = np.linalg.norm(np.nan_to_num(table.vertex), axis=1) < radius_m
    return np.asarray(table.physics & known & inside)


def true_vertices(
    events: Events,
    resolution: float,
    radius_m: float,
    *,
    generator: np.random.Generator,
) -> Vertices:
    """Where events may have been, m; NaN where nothing was reconstructed.

    Args:
        events: with vertices and energies.
        resolution: standard deviation of vertices at 1 MeV, three axes together, m.
        radius_m: of the volume that they are in; who is outside stays there.
        generator: of the errors.
    """
    found = events.vertex.astype(np.float64)
    true, waiting = found.copy(), np.flatnonzero(np.isfinite(found).all(axis=1))
    for _ in range(MOST_DRAWS):
        spread = resolution / np.sqrt(3 * events.energy[waiting].astype(np.float64))
        moved = found[waiting] + spread[:, None] * generator.standard_normal((len(waiting), 3))
        inside = np.linalg.norm(moved, axis=1) < radius_m
        true[waiting[inside]] = moved[inside]
        waiting = waiting[~inside]
    return true


def true_times(
    events: Events, values: Mapping[str, float], *, generator: np.random.Generator
) -> Float64[np.ndarray, " event"]:
    """When events may have begun in their hit-time bases, ns; NaN as for vertices.

    What a fit calls a shift of all hits is a shift of all events here.

    Args:
        events: with emission times.
        values: ``t0_resolution`` and ``time_shift`` of a global fit, ns.
        generator: of the errors.
    """
    error = values["t0_resolution"] * generator.standard_normal(len(events))
    return np.asarray(events.t0 + values["time_shift"] + error)
