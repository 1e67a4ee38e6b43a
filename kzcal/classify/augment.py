"""Events as they might also have been: with other PMTs dead, or turned within the layout."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64

from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.learning import CorrectedEvents

NEAR = 1e-5
"""Distance of two unit vectors that are the same place; PMTs are at least 0.07 apart."""
FEWEST_IMAGES = 0.95
"""Share of PMTs that a turn must carry onto PMTs of their own diameter."""
GONE = -1
"""Image of a PMT whose place has no PMT after the turn."""


def random_dead(
    events: CorrectedEvents, share: float, *, generator: np.random.Generator
) -> CorrectedEvents:
    """The events with further PMTs dead, others in every event.

    Args:
        events: one row of ``live`` per event comes back.
        share: chance of every PMT in use to die.
        generator: decides which.
    """
    live = events.live[events.run]
    live &= generator.random(live.shape) >= share
    return _seen_by(events, live)


@dataclass(frozen=True, slots=True, eq=False)
class Turns:
    """Rotations that carry the places of PMTs onto places of PMTs of the same diameter.

    A turn is exact for all PMTs but those few whose image is a site without a PMT, such as a
    camera or the chimney: their hits are lost, and PMTs that are nobody's image are not in use.

    Args:
        matrix: of each rotation; the identity first.
        image: PMT onto whose place each PMT is carried, GONE for none.
    """

    matrix: Float64[np.ndarray, "turn 3 3"]
    image: Int64[np.ndarray, "turn pmt"]

    @classmethod
    def of(cls, detector: Detector) -> Turns:
        """The turns of a layout among the 60 rotations of an icosahedron with a vertex on +z.

        KamLAND's panels are the edges of that icosahedron. All 60 carry sites onto sites, but
        only the turns by 72 degrees about the vertical axis keep the pattern of 17-inch and
        20-inch tubes.
        """
        from scipy.spatial import cKDTree

        tree, places = cKDTree(detector.directions), detector.directions
        matrices, images = [], []
        for matrix in icosahedral_rotations():
            distance, nearest = tree.query(places @ matrix.T, distance_upper_bound=NEAR)
            found = np.isfinite(distance)
            nearest = np.where(found, nearest, 0)
            alike = found & (detector.diameter_inch[nearest] == detector.diameter_inch)
            if alike.mean() >= FEWEST_IMAGES:
                matrices.append(matrix)
                images.append(np.where(alike, nearest, GONE))
        return cls(np.stack(matrices), np.stack(images))

    def __len__(self) -> int:
        """Number of turns, the identity included."""
        return len(self.matrix)


def turned(
    events: CorrectedEvents, turns: Turns, *, generator: np.random.Generator
) -> CorrectedEvents:
    """The events, each after a turn of its own that is drawn at random.

    Args:
        events: one row of ``live`` per event comes back.
        turns: of the layout.
        generator: decides which.
    """
    return turned_by(events, turns, generator.integers(0, len(turns), len(events)))


@dataclass(frozen=True, slots=True, eq=False)
class Variation:
    """Makes the events of a batch vary: turned within the layout, and some of their PMTs dead.

    Args:
        dead: chance of every PMT in use to die.
        turns: of the layout; None to turn nothing.

    Raises:
        ConfigurationError: the chance is none.
    """

    dead: float
    turns: Turns | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.dead < 1:
            message = f"dead is a share from 0 to less than 1, got {self.dead:g}"
            raise ConfigurationError(message)

    def __call__(self, events: CorrectedEvents, generator: np.random.Generator) -> CorrectedEvents:
        """The events as they might also have been."""
        if self.turns is not None:
            events = turned(events, self.turns, generator=generator)
        if self.dead:
            events = random_dead(events, self.dead, generator=generator)
        return events


def turned_by(
    events: CorrectedEvents, turns: Turns, which: Int64[np.ndarray, " event"]
) -> CorrectedEvents:
    """The events, each after the turn of that number: hits, vertices and PMTs in use."""
    image, row = turns.image[which], events.hits.event_index
    rows, pmts = np.nonzero((image != GONE) & events.live[events.run])
    live = np.zeros((len(events), events.live.shape[1]), bool)
    live[rows, image[rows, pmts]] = True
    pmt = image[row, events.hits.pmt]
    stayed = pmt != GONE
    hits = replace(events.hits, pmt=np.where(stayed, pmt, 0).astype(np.uint16)).where(stayed)
    vertex = np.einsum("eij,ej->ei", turns.matrix[which], events.vertex).astype(np.float32)
    return CorrectedEvents(hits, vertex, events.energy, np.arange(len(events)), live)


def icosahedral_rotations() -> Float64[np.ndarray, "60 3 3"]:
    """Rotations that keep an icosahedron with a vertex on +z and another at azimuth 0.

    Each carries the edge from the upper pole to that neighbour onto one of the 60 directed edges.
    """
    azimuth = np.deg2rad(72.0 * np.arange(5))
    ring = np.stack([2 * np.cos(azimuth), 2 * np.sin(azimuth), np.ones(5)], axis=1) / np.sqrt(5.0)
    vertices = np.concatenate([[[0.0, 0.0, 1.0]], ring])
    vertices = np.concatenate([vertices, -vertices])
    neighbours = np.abs(vertices @ vertices.T - 1 / np.sqrt(5.0)) < NEAR
    frames = np.stack([_frame(vertices[i], vertices[j]) for i, j in np.argwhere(neighbours)])
    return np.asarray(frames @ frames[0].T)


def _frame(
    first: Float64[np.ndarray, " 3"], second: Float64[np.ndarray, " 3"]
) -> Float64[np.ndarray, "3 3"]:
    """Columns: the first direction, that of the second across it, and their cross product."""
    across = second - first * (first @ second)
    across /= np.linalg.norm(across)
    return np.stack([first, across, np.cross(first, across)], axis=1)


def _seen_by(events: CorrectedEvents, live: Bool[np.ndarray, "event pmt"]) -> CorrectedEvents:
    """The events as these PMTs see them."""
    hits = events.hits
    kept = hits.where(live[hits.event_index, hits.pmt])
    return replace(events, hits=kept, run=np.arange(len(events)), live=live)
