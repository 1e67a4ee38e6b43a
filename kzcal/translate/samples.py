"""Pictures of a translation: one event three times on the sphere, and what all events have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection

from kzcal.calibrate.report.picture import BAND, DATA, FAINT, MODEL, drawing
from kzcal.calibrate.report.sphere import hammer
from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.io.atomic import replacing
from kzcal.translate.maps import expected

EARLIEST, LATEST = -5.0, 40.0
"""Range of the colours of residuals, ns."""
CHARGES = np.arange(0.0, 4.01, 1 / 16)
RESIDUALS = np.arange(-40.0, 120.1, 2.0)
NHIT_BINS = 40


@dataclass(frozen=True, slots=True, eq=False)
class Triptych:
    """What is drawn side by side.

    Args:
        source: photoelectrons of some events.
        target: data; the same events, twins, or others.
        fake: what the source was translated into.
        detector: of all.
    """

    source: Events
    target: Events
    fake: Events
    detector: Detector

    def write(self, path: Path, title: str) -> None:
        """Draw and write a PNG, whole or not at all."""
        with drawing(12.0, 5.6) as figure, replacing(path) as unfinished:
            figure.suptitle(title, x=0.01, ha="left", fontsize=9)
            maps, histograms = figure.subplots(2, 3)
            for axes, left in zip(maps, (0.01, 0.34, 0.67), strict=True):
                axes.set_axis_off()
                axes.set_position((left, 0.53, 0.32, 0.38))
            self._draw_event(maps)
            self._draw_all(histograms)
            figure.savefig(unfinished, format="png", metadata={"Software": None})

    def _draw_event(self, row: np.ndarray) -> None:
        """The brightest event of the source, and the one of the data that is nearest to it."""
        shown = self._shown()
        parts = (self.source, self.fake, self.target)
        names = ("photoelectrons", "translated", "data")
        for axes, events, name, index in zip(row, parts, names, shown, strict=True):
            axes.set_aspect("equal")
            axes.set_xlim(-1.02, 1.02)
            axes.set_ylim(-0.52, 0.52)
            if index is not None:
                one = events[index : index + 1]
                axes.set_title(f"{name}: {len(one.hits.pmt)} hits", loc="left")
                marks = _draw_hits(axes, one, self.detector)
                if name == names[0]:
                    cax = axes.figure.add_axes((0.905, 0.955, 0.085, 0.014))
                    bar = axes.figure.colorbar(marks, cax=cax, orientation="horizontal")
                    axes.figure.text(0.9, 0.955, "residual, ns", ha="right", fontsize=8)
                    bar.outline.set_visible(False)

    def _shown(self) -> tuple[int | None, int | None, int | None]:
        """Rows of the event that is drawn, in source, translation and data."""
        physics, others = (np.flatnonzero(e.physics) for e in (self.source, self.target))
        if not len(physics):
            return None, None, None
        brightest = int(physics[np.argmax(self.source.hits.counts[physics])])
        away = self.target.vertex[others] - self.source.vertex[brightest]
        distance = np.nan_to_num(np.linalg.norm(away, axis=1), nan=np.inf)
        nearest = int(others[np.argmin(distance)]) if len(others) else None
        return brightest, brightest, nearest

    def _draw_all(self, row: np.ndarray) -> None:
        """Histograms over all physics events, as shares of the hits or events."""
        charge, residual, nhit = row
        data, fake = (_columns(e, self.detector) for e in (self.target, self.fake))
        most = max(float(np.max(c[2], initial=1.0)) for c in (data, fake))
        edges = (CHARGES, RESIDUALS, np.linspace(0.0, 1.02 * most, NHIT_BINS))
        labels = ("charge, p.e.", "residual, ns", "hits of an event")
        for axes, bins, label, mine, theirs in zip(row, edges, labels, fake, data, strict=True):
            axes.stairs(_shares(theirs, bins), bins, color=DATA, label="data", lw=1.3)
            axes.stairs(_shares(mine, bins), bins, color=MODEL, label="translated")
            axes.set_xlabel(label)
        charge.set_ylabel("share of hits")
        nhit.set_ylabel("share of events")
        if len(data[1]) and len(fake[1]):
            residual.set_yscale("log", nonpositive="clip")
        charge.legend(loc="upper right")


def _draw_hits(axes: Axes, event: Events, detector: Detector) -> PathCollection:
    """Hits of one event on Hammer's map; colour is a PMT's first residual, area its charge."""
    x, y = _places(detector)
    axes.plot(*_rim(), color=BAND, lw=0.8)
    axes.scatter(x, y, s=1, color=FAINT, lw=0, alpha=0.5)
    charge, residual, _ = _columns(event, detector)
    order = np.argsort(residual, kind="stable")
    pmt, first = np.unique(event.hits.pmt[order], return_index=True)
    total = np.bincount(event.hits.pmt, charge, minlength=detector.n_pmt)[pmt]
    return axes.scatter(
        x[pmt],
        y[pmt],
        s=5.0 * np.clip(total, 0.2, 15.0),
        c=residual[order][first],
        vmin=EARLIEST,
        vmax=LATEST,
        cmap="viridis_r",
        lw=0,
    )


def _places(detector: Detector) -> tuple[np.ndarray, np.ndarray]:
    x, y, z = detector.directions.T
    points = hammer(np.arctan2(y, x), np.arcsin(np.clip(z, -1.0, 1.0)))
    return points[:, 0], points[:, 1]


def _rim() -> tuple[np.ndarray, np.ndarray]:
    """The edge of the map."""
    angle = np.linspace(0.0, 2 * np.pi, 181)
    return np.cos(angle), 0.5 * np.sin(angle)


def _columns(
    events: Events, detector: Detector
) -> tuple[
    Float64[np.ndarray, " hit"], Float64[np.ndarray, " hit"], Float64[np.ndarray, " event"]
]:
    """Charge and residual of each hit, and number of hits of each event, of physics triggers."""
    physics = events.take(events.physics)
    hits = physics.hits
    event, pmt = (torch.from_numpy(c.astype(np.int64)) for c in (hits.event_index, hits.pmt))
    residual = hits.time - expected(physics, event, pmt, detector).numpy()
    return hits.charge.astype(np.float64), residual, hits.counts.astype(np.float64)


def _shares(
    values: Float64[np.ndarray, " value"], edges: Float64[np.ndarray, " edge"]
) -> Float64[np.ndarray, " bin"]:
    counts, _ = np.histogram(values, edges)
    return np.asarray(counts / max(len(values), 1))
