"""Light of energy deposits, those that are close together as one source."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float64, Int64, Shaped

from kzcal.light import PROFILES, LightSites
from kzcal.particles import ALPHA, Deposits
from kzcal.physics.liquids import Liquids
from kzcal.physics.merging import merged

KEPT_APART = 20.0
"""Tracks with more Cherenkov photons than this are not merged with each other."""


def light_sites(deposits: Deposits, liquids: Liquids) -> LightSites:
    """Mean light of deposits.

    The light of a track comes from the mean place of its energy; a merged source shines from the
    mean place and time of its light, with the Cherenkov cone of its brightest track.
    """
    quenched = liquids.column("quenched", deposits)
    cherenkov = liquids.column("cherenkov", deposits)
    forward = liquids.column("forward", deposits)
    place = deposits.position + forward[:, None] * deposits.direction
    sources = np.column_stack([quenched, place, deposits.time])
    alpha = (deposits.particle == ALPHA).astype(np.int64)
    profile = np.where(alpha, PROFILES.index("alpha"), PROFILES.index("electron"))
    into = merged(
        deposits.offsets.astype(np.int64),
        sources,
        len(PROFILES) * deposits.medium.astype(np.int64) + profile,
        (cherenkov > KEPT_APART).astype(np.int64),
    )
    first = np.flatnonzero(into == np.arange(len(into)))
    site = np.searchsorted(first, into)
    weight = _total(site, quenched, len(first))
    mean = sources[first, 1:]
    moved = [_total(site, quenched * d, len(first)) for d in (sources[:, 1:] - mean[site]).T]
    mean = mean + np.stack(moved, axis=1) / np.where(weight > 0, weight, 1)[:, None]
    brightest = _brightest(site, cherenkov, len(first))
    medium = deposits.medium[first].astype(np.int64)
    return LightSites(
        event=torch.from_numpy(deposits.event[first]),
        position=_single(mean[:, :3]),
        time=_single(mean[:, 3]),
        direction=_single(deposits.direction[brightest]),
        scintillation=_single(weight * liquids.photons_per_mev[medium]),
        cherenkov=_single(_total(site, cherenkov, len(first))),
        beta=_single(liquids.column("beta", deposits)[brightest]),
        profile=torch.from_numpy(profile[first]),
        medium=torch.from_numpy(medium),
    )


def _total(
    site: Int64[np.ndarray, " deposit"], values: Float64[np.ndarray, " deposit"], n: int
) -> Float64[np.ndarray, " site"]:
    return np.bincount(site, values, n)


def _brightest(
    site: Int64[np.ndarray, " deposit"], cherenkov: Float64[np.ndarray, " deposit"], n: int
) -> Int64[np.ndarray, " site"]:
    """Row of the deposit with the most Cherenkov light of each site."""
    order = np.lexsort((cherenkov, site))
    return order[np.searchsorted(site[order], np.arange(n), side="right") - 1]


def _single(values: Shaped[np.ndarray, "..."]) -> torch.Tensor:
    """Single precision: times are of one event, short of a microsecond."""
    return torch.from_numpy(values.astype(np.float32))
