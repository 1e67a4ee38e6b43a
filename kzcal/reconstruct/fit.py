"""Vertex, energy and time of events by maximum likelihood, a batch of events at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from kzcal.hits import Events
from kzcal.optics.light_map import LightMap
from kzcal.reconstruct.charge_table import ChargeTable
from kzcal.reconstruct.likelihood import Expansion, HitTable, Likelihood
from kzcal.reconstruct.seeds import in_light, seeds
from kzcal.reconstruct.time_table import TimeTable, frequencies
from kzcal.reconstruct.tubes import Tubes, mean_charge, transit_transform
from kzcal.response.detector import DetectorResponse
from kzcal.response.merging import by_group_then_time
from kzcal.response.timing import ELECTRON_PROFILE

BATCH = 256
MOST_STEPS = 15
CLOSE = 0.02
"""A fit ends with the step that promises to raise twice the log-likelihood by less than this: a
seventh of the error."""
MOST_DAMPING = 1e6
LONGEST = (0.8, 0.8, 0.8, 0.4, 8.0)
"""Longest step of each parameter: m, m, m, ratio of energies, ns."""
FEWEST_HITS = 20
MOST_RADIUS = 1.2
"""Farthest vertex over the radius of the scintillator, beyond which a fit is given up."""


@dataclass(frozen=True, slots=True, eq=False)
class Reconstructed:
    """Fitted events; NaN where there are too few hits or no light.

    Args:
        vertex: m.
        energy: visible energy, MeV.
        t0: emission time in the event's hit-time base, ns.
        covariance: of x, y, z [m], energy [MeV] and t0 [ns].
        quality: minus the log-likelihood for each hit that took part less the five parameters.
    """

    vertex: Float32[np.ndarray, "event 3"]
    energy: Float32[np.ndarray, " event"]
    t0: Float32[np.ndarray, " event"]
    covariance: Float32[np.ndarray, "event 5 5"]
    quality: Float32[np.ndarray, " event"]


class Reconstruction:
    """Fits events with a light map and the constants of every PMT.

    Args:
        light_map: collections and delays; the fit runs where it lies.
        response: constants of every PMT, on the same device.
        photons_per_mev: scintillation photons per MeV of visible energy; see
            kzcal.reconstruct.scale.
        batch: events that are fitted at once.
    """

    def __init__(
        self,
        light_map: LightMap,
        response: DetectorResponse,
        *,
        photons_per_mev: float,
        batch: int = BATCH,
    ) -> None:
        device = light_map.radius.device
        tubes = Tubes.of(response, light_map.kind)
        times = TimeTable.build(
            light_map,
            transit_transform(response, tubes, frequencies(device)),
            ELECTRON_PROFILE,
            decay_scale=light_map.light.decay_scale,
            rise_time=light_map.light.rise_time,
            merging_time=response.merging_time,
        )
        charges = ChargeTable.build(*mean_charge(response, tubes), device)
        self.likelihood = Likelihood(light_map, tubes, times, charges, photons_per_mev)
        self.largest_radius = MOST_RADIUS * float(light_map.radius[-1])
        self.batch = batch

    def fit(self, events: Events) -> Reconstructed:
        """Fit every event that is a physics trigger with enough hits.

        Each event is fitted on its own: how events are batched changes nothing.
        """
        usable = np.flatnonzero(events.physics & (events.hits.counts >= FEWEST_HITS))
        result = _unknown(len(events))
        cuts = [usable[k : k + self.batch] for k in range(0, len(usable), self.batch)]
        for rows, found in zip(cuts, self._at_once(events, cuts), strict=True):
            for name in Reconstructed.__slots__:
                getattr(result, name)[rows] = getattr(found, name)
        return result

    def _at_once(self, events: Events, cuts: Sequence[np.ndarray]) -> Iterator[Reconstructed]:
        """Results of the batches in order; on a CPU each thread fits a batch of its own."""

        def fit(rows: np.ndarray) -> Reconstructed:
            return self._fit(self.hits_of(events, rows), len(rows))

        threads = min(torch.get_num_threads(), len(cuts))
        if threads < 2 or self.likelihood.tubes.gain.is_cuda:
            yield from map(fit, cuts)
            return
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield from pool.map(fit, cuts)

    def hits_of(self, events: Events, rows: np.ndarray) -> HitTable:
        """Hits by place, with offset and walk taken off and charges in units of the gain."""
        tubes, hits = self.likelihood.tubes, events.hits.take(rows)
        columns = hits.to_torch(str(tubes.gain.device))
        event = torch.from_numpy(hits.event_index).to(tubes.gain.device)
        pmt = tubes.place[columns["pmt"]]
        read = columns["charge"].clamp(max=0.9 * tubes.saturation)
        charge = read / (1 - read / tubes.saturation)
        walk = tubes.walk[pmt] * (charge.clamp(min=0.05) ** -0.5 - 1)
        time = columns["time"] - tubes.offset[pmt] - walk
        lonely = _lonely(event * len(tubes.gain) + pmt, time, 2 * tubes.merging_time)
        known = torch.nonzero(tubes.efficiency[pmt] > 0)[:, 0]
        return HitTable(event, pmt, time, charge / tubes.gain[pmt], lonely).take(known)

    def _fit(self, hits: HitTable, n_events: int) -> Reconstructed:
        """Fit events that all have hits."""
        light_map = self.likelihood.light_map
        place = light_map.pmt_radius * light_map.direction
        speed = light_map.speed
        vertex, t0 = seeds(
            hits, place, n_events, speed=speed, largest_radius=0.8 * self.largest_radius
        )
        hits = in_light(hits, vertex, t0, place, speed)
        parameters = torch.cat(
            [vertex, torch.log(self._energy(vertex, hits))[:, None], t0[:, None]], 1
        )
        parameters, scored = self._climb(parameters, hits)
        return self._result(parameters, scored, hits)

    def _energy(self, vertex: Float[Tensor, "event 3"], hits: HitTable) -> Float[Tensor, " event"]:
        """Energy from the total charge."""
        tubes = self.likelihood.tubes
        light = (self.likelihood.light_map.collection(vertex) * tubes.efficiency * tubes.seen).sum(
            1
        )
        charge = torch.zeros_like(light).index_add(0, hits.event, hits.charge)
        return (charge / (light * self.likelihood.photons_per_mev)).clamp(min=0.05)

    def _climb(
        self, parameters: Float[Tensor, "event 5"], hits: HitTable
    ) -> tuple[Float[Tensor, "event 5"], Expansion]:
        """Steps by the information matrix, shortened where the likelihood does not rise."""
        n = len(parameters)
        best = self.likelihood.score(parameters, hits)
        parameters = parameters.clone()
        damping = torch.full((n,), 1e-3, device=parameters.device)
        active = torch.arange(n, device=parameters.device)
        for _ in range(MOST_STEPS):
            step, gain = _step(best, active, damping)
            trial = self._inside(parameters[active] + step)
            there = gain < CLOSE
            parameters[active[there]] = trial[there]
            active, trial = active[~there], trial[~there]
            if not len(active):
                break
            scored = self.likelihood.score(trial, hits.of(active, n))
            better = scored.value > best.value[active] - CLOSE
            chosen = active[better]
            parameters[chosen] = trial[better]
            for name in Expansion.__slots__:
                getattr(best, name)[chosen] = getattr(scored, name)[better]
            damping[active] = torch.where(better, damping[active] / 10, damping[active] * 10)
            damping.clamp_(min=1e-6)
            active = active[damping[active] < MOST_DAMPING]
        return parameters, best

    def _inside(self, parameters: Float[Tensor, "event 5"]) -> Float[Tensor, "event 5"]:
        """The same with vertices that lie too far out drawn in."""
        radius = parameters[:, :3].norm(dim=1, keepdim=True)
        factor = self.largest_radius / radius.clamp(min=self.largest_radius)
        return torch.cat([parameters[:, :3] * factor, parameters[:, 3:]], 1)

    def _result(self, parameters: Tensor, scored: Expansion, hits: HitTable) -> Reconstructed:
        energy = parameters[:, 3].exp()
        whole = scored.information.isfinite().all(2).all(1)
        information = torch.where(whole[:, None, None], scored.information.double(), 0.0)
        covariance = torch.linalg.pinv(information, hermitian=True)
        scale = torch.ones_like(parameters).double()
        scale[:, 3] = energy.double()
        covariance = covariance * scale[:, :, None] * scale[:, None]
        n_hits = torch.bincount(hits.event, minlength=len(parameters))
        quality = -scored.value / (n_hits - parameters.shape[1]).clamp(min=1)

        def column(values: Tensor) -> np.ndarray:
            return values.float().cpu().numpy()

        outside = parameters[:, :3].norm(dim=1) > 0.999 * self.largest_radius
        failed = outside | ~parameters.isfinite().all(1) | ~whole
        return Reconstructed(
            column(parameters[:, :3].masked_fill(failed[:, None], math.nan)),
            column(energy.masked_fill(failed, math.nan)),
            column(parameters[:, 4].masked_fill(failed, math.nan)),
            column(covariance.masked_fill(failed[:, None, None], math.nan)),
            column(quality.masked_fill(failed, math.nan)),
        )


def _step(
    scored: Expansion, active: Int[Tensor, " active"], damping: Float[Tensor, " event"]
) -> tuple[Float[Tensor, "active 5"], Float[Tensor, " active"]]:
    """Damped steps, none too long, and the rise of twice the log-likelihood they promise."""
    slope, information = scored.slope[active].double(), scored.information[active].double()
    diagonal = information.diagonal(dim1=1, dim2=2)
    damped = information + torch.diag_embed(damping[active, None] * diagonal + 1e-9)
    step = torch.linalg.solve(damped, slope)
    gain = (step * slope).sum(1) * (1 + damping[active])
    longest = torch.tensor(LONGEST, device=step.device, dtype=step.dtype)
    shorten = (step.abs() / longest).max(1).values.clamp(min=1)
    return (step / shorten[:, None]).float(), gain.float()


def _lonely(
    group: Int[Tensor, " hit"], time: Float[Tensor, " hit"], span: float
) -> Float[Tensor, " hit"]:
    """1 where no hit of the same group lies within a time span before, else 0."""
    order = by_group_then_time(group, time)
    near = (group[order].diff() == 0) & (time[order].diff() < span)
    lonely = torch.ones_like(time)
    lonely[order[1:][near]] = 0.0
    return lonely


def _unknown(n: int) -> Reconstructed:
    """Results of events that are not fitted."""

    def nan(*shape: int) -> np.ndarray:
        return np.full((n, *shape), math.nan, np.float32)

    return Reconstructed(nan(3), nan(), nan(), nan(5, 5), nan())
