"""Which PMT covers a direction: a table over the faces of a cube, so that the answer is O(1)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int16
from scipy.spatial import cKDTree

from kzcal.geometry import Detector

CELLS = 64
"""Cells along the edge of a face."""


def half_angles(detector: Detector) -> Float64[np.ndarray, " pmt"]:
    """Angle that the radius of each disc spans at the centre, rim on the sphere, rad."""
    angles: Float64[np.ndarray, " pmt"] = np.arcsin(detector.aperture_radius / detector.pmt_radius)
    return angles


def cube_directions() -> Float64[np.ndarray, "cell 3"]:
    """Unit vectors to the cells' centres; face 2 i + s is across axis i, s = 1 if negative."""
    centre = (np.arange(CELLS) + 0.5) * 2 / CELLS - 1
    u, v = (grid.ravel() for grid in np.meshgrid(centre, centre, indexing="ij"))
    faces = []
    for axis in range(3):
        for sign in (1.0, -1.0):
            face = np.empty((CELLS**2, 3))
            face[:, axis] = sign
            face[:, (axis + 1) % 3] = u
            face[:, (axis + 2) % 3] = v
            faces.append(face)
    cells = np.concatenate(faces)
    unit: Float64[np.ndarray, "cell 3"] = cells / np.linalg.norm(cells, axis=1, keepdims=True)
    return unit


def pmt_cells(detector: Detector) -> Int16[np.ndarray, "cell candidate"]:
    """PMTs that may cover a part of each cell of the cube, and -1 after the last one."""
    # A cell is at most as wide as at a face's centre: half its diagonal, sqrt(2) / CELLS.
    reach = half_angles(detector).max() + np.sqrt(2) / CELLS
    tree = cKDTree(detector.directions)
    found = tree.query_ball_point(cube_directions(), 2 * np.sin(reach / 2))
    width = max(len(pmts) for pmts in found) + 1
    cells = np.full((len(found), width), -1, np.int16)
    for cell, pmts in zip(cells, found, strict=True):
        cell[: len(pmts)] = pmts
    return cells
