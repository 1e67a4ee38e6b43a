"""What the networks see of a decay: the captures around it as numbers of about one."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor

from kzcal.candidates import Candidates

LAG_S = 0.1
"""By how much the time since a muon and the true lag may differ for the muon to be the parent."""
LAG_SHARE = 1e-6
"""The same as a share of the lag: both are in single precision."""
NEVER_S = 1e6
"""Time since the last muon where there is none."""
SOONEST_S = 1e-3
"""Least time that is told from none."""
FARTHEST_M = 8.0
"""Longest displacement that means anything, m: tracks may be misfitted."""
POSITION = ("dx", "dy", "dz")
TRACK = ("track_x", "track_y", "track_z")
ALWAYS = (*POSITION, "distance", "dt", "muon", "muon_captures")
"""Columns of points that every network sees."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is seen of each capture.

    Args:
        tracks: the displacement from the muon's track.
        dedx: the energy that the muon left near the capture.
        hours: captures after older muons are left out.
    """

    tracks: bool
    dedx: bool
    hours: float

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of points that these inputs are made of."""
        tracks = (*TRACK, "track_distance") if self.tracks else ()
        return ALWAYS + tracks + (("dedx", "muon_charge") if self.dedx else ())


@dataclass(frozen=True, slots=True, eq=False)
class CaptureSets:
    """The captures around decays, newest muon first, and what is known of each muon.

    Args:
        vector: displacements from the decay, and from the track if it is seen, in units of 1 m.
        number: what no rotation changes of each capture, of about one.
        energy: deposited near the capture, of about one; empty if it is not seen.
        muon: number of the muon of each capture, counted over all candidates.
        muon_number: time since each muon, its captures and charge, of about one.
        muon_parent: whether it made the decay: known of simulated ones alone.
        counts: captures of each candidate.
        muon_counts: muons of each candidate.
        since: times since the latest muon with a capture and the latest of all, of about one.
        told: whether it is known which muon, if any of these, made the decay.
    """

    vector: Float[Tensor, "point axis"]
    number: Float[Tensor, "point number"]
    energy: Float[Tensor, "point energy"]
    muon: Int64[Tensor, " point"]
    muon_number: Float[Tensor, "muon known"]
    muon_parent: Bool[Tensor, " muon"]
    counts: Int64[Tensor, " candidate"]
    muon_counts: Int64[Tensor, " candidate"]
    since: Float[Tensor, "candidate 2"]
    told: Bool[Tensor, " candidate"]

    def __len__(self) -> int:
        """Number of candidates."""
        return len(self.counts)

    @property
    def candidate(self) -> Int64[Tensor, " muon"]:
        """Candidate of each muon."""
        return torch.repeat_interleave(self.muon_counts)

    def take(self, rows: Int64[Tensor, " taken"]) -> CaptureSets:
        """The chosen candidates with their captures and muons."""
        point, counts = _ragged(self.counts, rows)
        muon, muon_counts = _ragged(self.muon_counts, rows)
        first = (self.muon_counts.cumsum(0) - self.muon_counts)[rows]
        moved = muon_counts.cumsum(0) - muon_counts - first
        shift = moved.repeat_interleave(counts)
        return CaptureSets(
            self.vector[point],
            self.number[point],
            self.energy[point],
            self.muon[point] + shift,
            self.muon_number[muon],
            self.muon_parent[muon],
            counts,
            muon_counts,
            self.since[rows],
            self.told[rows],
        )

    def turned(self, matrix: Float[Tensor, "candidate 2 2"]) -> CaptureSets:
        """The same with x and y of every displacement multiplied by a matrix of each candidate."""
        each = matrix.repeat_interleave(self.counts, 0)
        apart = self.vector.view(len(self.vector), self.vector.shape[1] // 3, 3)
        across = torch.bmm(apart[:, :, :2], each)
        return replace(self, vector=torch.cat([across, apart[:, :, 2:]], 2).flatten(1))


def capture_sets(candidates: Candidates, inputs: Inputs, device: torch.device) -> CaptureSets:
    """The captures around decays as the networks see them.

    Raises:
        ConfigurationError: candidates lack a column that the inputs are made of.
    """
    table = np.nan_to_num(candidates.point_table(inputs.columns))
    points = dict(zip(inputs.columns, table.T, strict=True))
    owner = np.repeat(np.arange(len(candidates)), candidates.counts)
    seen = np.flatnonzero(points["dt"] <= inputs.hours * 3600.0)
    seen = seen[np.lexsort((points["dt"][seen], points["muon"][seen], owner[seen]))]
    points, owner = {name: column[seen] for name, column in points.items()}, owner[seen]
    new = np.ones(len(owner), bool)
    new[1:] = (np.diff(owner) != 0) | (np.diff(points["muon"]) != 0)
    muon, of_muon = np.cumsum(new) - 1, owner[new]
    size = np.bincount(muon, minlength=len(of_muon))
    lag = np.asarray(candidates.truth.get("lag", np.full(len(candidates), np.nan)), np.float64)
    vector = _columns(points, POSITION + (TRACK if inputs.tracks else ()))
    energy = _columns(points, ("dedx",) if inputs.dedx else ())
    arrays = (
        np.clip(vector, -FARTHEST_M, FARTHEST_M),
        _rotation_free(points, tracks=inputs.tracks),
        (np.log1p(np.maximum(energy, 0.0)) - 4.5).astype(np.float32),
        muon,
        _of_muons({name: column[new] for name, column in points.items()}, size, inputs),
        np.abs(points["dt"][new] - lag[of_muon]) < LAG_S + LAG_SHARE * lag[of_muon],
        np.bincount(owner, minlength=len(candidates)),
        np.bincount(of_muon, minlength=len(candidates)),
        _since(candidates, points["dt"][new], of_muon),
        np.isfinite(lag),
    )
    return CaptureSets(*(torch.from_numpy(a).to(device) for a in arrays))


def _ragged(
    counts: Int64[Tensor, " candidate"], rows: Int64[Tensor, " taken"]
) -> tuple[Int64[Tensor, " element"], Int64[Tensor, " taken"]]:
    """Elements of the chosen candidates, and how many each has."""
    chosen = counts[rows]
    shift = (counts.cumsum(0) - counts)[rows] - (chosen.cumsum(0) - chosen)
    element = torch.arange(int(chosen.sum()), device=rows.device)
    return element + shift.repeat_interleave(chosen), chosen


def _columns(
    points: dict[str, Float32[np.ndarray, " point"]], names: tuple[str, ...]
) -> Float32[np.ndarray, "point name"]:
    empty = np.zeros((len(points["dt"]), 0), np.float32)
    return np.concatenate([empty, *(points[name][:, None] for name in names)], axis=1)


def _rotation_free(
    points: dict[str, Float32[np.ndarray, " point"]], *, tracks: bool
) -> Float32[np.ndarray, "point number"]:
    """Distances between capture, decay and track.

    The displacements of the capture from the decay, d, and from the track, t, and the distance D
    of the decay from the track leave the distance of both along the track: the part of d across
    the track is t - D, and t.D = t.t - d.t.
    """
    apart = points["distance"]
    numbers = [2.0 * apart - 2.0, np.log(apart + 0.1)]
    if tracks:
        d, t = _columns(points, POSITION), _columns(points, TRACK)
        t = np.clip(t, -FARTHEST_M, FARTHEST_M)
        off, whole = np.sum(t * t, axis=1), np.minimum(points["track_distance"], FARTHEST_M)
        across = whole**2 - off + 2.0 * np.sum(d * t, axis=1)
        along = np.sqrt(np.maximum(apart**2 - across, 0.0))
        numbers += [np.log(np.sqrt(off) + 0.1), np.log(whole + 0.1), 2.0 * along - 1.0]
    return np.stack(numbers, axis=1).astype(np.float32)


def _of_muons(
    first: dict[str, Float32[np.ndarray, " muon"]],
    size: Int64[np.ndarray, " muon"],
    inputs: Inputs,
) -> Float32[np.ndarray, "muon known"]:
    """Numbers of each muon, from its first capture and the number of captures around the decay."""
    elapsed = np.log(np.maximum(first["dt"], SOONEST_S))
    numbers = [(elapsed - 9.0) / 2.0, np.log(size), np.log(np.maximum(first["muon_captures"], 1))]
    if inputs.dedx:
        numbers.append(np.log(np.maximum(first["muon_charge"], 1.0)) - 14.0)
    if inputs.tracks:
        numbers.append(np.log(np.minimum(first["track_distance"], FARTHEST_M) + 0.1))
    return np.stack(numbers, axis=1).astype(np.float32)


def _since(
    candidates: Candidates,
    elapsed: Float32[np.ndarray, " muon"],
    of_muon: Int64[np.ndarray, " muon"],
) -> Float32[np.ndarray, "candidate 2"]:
    latest = np.full(len(candidates), math.inf)
    np.minimum.at(latest, of_muon, elapsed)
    both = np.stack([latest, candidates.table(("dt_muon",))[:, 0].astype(np.float64)], axis=1)
    both = np.clip(np.nan_to_num(both, nan=NEVER_S), SOONEST_S, NEVER_S)
    return np.asarray((np.log(both) - 7.0) / 3.0, np.float32)
