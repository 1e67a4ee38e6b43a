r"""Likelihood of an event's hits given vertex, energy and time, with slopes and information.

PMT i expects :math:`\mu_i = E\,Y c_i(x)\,q_i` photoelectrons of density p over the residuals
:math:`r = t - t_0 - d_i / v`. What it reports is a Poisson process with the intensity
:math:`\lambda_i = \varepsilon_i \mu_i p(r) + D_i` while it is live:

.. math:: \ln L_i = -\varepsilon_i \mu_i + \sum_k \left[\ln\lambda_i(r_k)
   + \mu_i (\varepsilon_i A - (1 - \varepsilon_i) B)(r_k) + \ln C(q_k | \mu_i A(r_k))\right]

over its hits k. A is the share of photoelectrons in the merging time after a hit, for which the
PMT is blind, and C the density of the charge. B is the share in the merging time before it: had
there been one of those, even below threshold, the hit would have begun with it. All of it depends
on the event through :math:`\ln\mu_i` and the residuals, so two slopes for each PMT,
:math:`a = \partial \ln L_i / \partial\ln\mu_i` and :math:`b = \partial \ln L_i / \partial r`, give
every other.

Assumption: two photoelectrons in one pulse always pass the threshold, which 99 % do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from kzcal.optics.light_map import LightMap
from kzcal.reconstruct.charge_table import ChargeTable
from kzcal.reconstruct.time_table import TimeTable
from kzcal.reconstruct.tubes import Tubes

N_PARAMETERS = 5
"""x, y, z [m], logarithm of the energy [MeV], t0 [ns]."""


@dataclass(frozen=True, slots=True, eq=False)
class HitTable:
    """Hits of a batch of events that take part in the fit.

    Args:
        event: row of the event in the batch.
        pmt: place of the PMT.
        time: less offset and time walk, ns.
        charge: over the gain of the PMT, p.e.
        lonely: 1 where the PMT has no hit shortly before, else 0.
    """

    event: Int[Tensor, " hit"]
    pmt: Int[Tensor, " hit"]
    time: Float[Tensor, " hit"]
    charge: Float[Tensor, " hit"]
    lonely: Float[Tensor, " hit"]

    def take(self, rows: Int[Tensor, " taken"]) -> HitTable:
        """Some of the hits."""
        return HitTable(*(getattr(self, name).index_select(0, rows) for name in self.__slots__))

    def of(self, events: Int[Tensor, " chosen"], n_events: int) -> HitTable:
        """Hits of some of the events, in ascending order, which are numbered anew."""
        number = torch.full((n_events,), -1, device=events.device)
        number[events] = torch.arange(len(events), device=events.device)
        kept = self.take(torch.nonzero(number[self.event] >= 0)[:, 0])
        return replace(kept, event=number[kept.event])


@dataclass(frozen=True, slots=True, eq=False)
class Expansion:
    """The likelihood at some point, its slopes, and their sum of squares over the PMTs.

    Args:
        value: logarithm of the likelihood.
        slope: by the five parameters.
        information: sum over the PMTs of the products of their slopes; its expectation is
            Fisher's information.
    """

    value: Float[Tensor, " event"]
    slope: Float[Tensor, "event 5"]
    information: Float[Tensor, "event 5 5"]


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood:
    """All that does not change from event to event.

    Args:
        light_map: photoelectrons per photon and their delays.
        tubes: constants of the PMTs.
        times: when light is reported.
        charges: what charges say.
        photons_per_mev: scintillation photons per MeV of visible energy.
    """

    light_map: LightMap
    tubes: Tubes
    times: TimeTable
    charges: ChargeTable
    photons_per_mev: float

    def score(self, parameters: Float[Tensor, "event 5"], hits: HitTable) -> Expansion:
        """Evaluate at these parameters."""
        vertex, tubes = parameters[:, :3], self.tubes
        collection, by_vertex = self.light_map.collection_and_gradient(vertex)
        collection = collection.clamp(min=1e-9)
        scale = (parameters[:, 3].exp() * self.photons_per_mev)[:, None]
        mean = scale * collection * tubes.efficiency
        along = by_vertex / collection[..., None]
        flight = self._flight(vertex)
        cell = hits.event * mean.shape[1] + hits.pmt
        value, by_mean, by_time = self._hits(parameters[:, 4], vertex, mean, flight, hits, cell)
        lost = mean * tubes.seen
        total = (-lost.sum(1)).index_add(0, hits.event, value)
        a = (-lost).reshape(-1).index_add(0, cell, by_mean).reshape(mean.shape)
        b = torch.zeros_like(a).reshape(-1).index_add(0, cell, by_time).reshape(mean.shape)
        slopes = torch.cat(
            [
                a[..., None] * along - b[..., None] * flight.slope,
                torch.stack([a, -b], -1),
            ],
            -1,
        )
        return Expansion(total, slopes.sum(1), slopes.transpose(1, 2) @ slopes)

    def _flight(self, vertex: Float[Tensor, "event 3"]) -> Flight:
        place = self.light_map.pmt_radius * self.light_map.direction
        away = vertex[:, None] - place
        distance = self.light_map.distance(vertex)
        speed = self.light_map.speed
        return Flight(distance / speed, away / (speed * distance)[..., None])

    def _hits(
        self,
        t0: Tensor,
        vertex: Tensor,
        mean: Tensor,
        flight: Flight,
        hits: HitTable,
        cell: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What each hit adds to the log-likelihood and to its slopes by ln mean and residual."""
        tubes, pmt, event = self.tubes, hits.pmt, hits.event
        node = self.light_map.node_shares(vertex)
        kind, mu = tubes.kind.index_select(0, pmt), mean.view(-1).index_select(0, cell)
        arrival = self.times.of(
            hits.time - t0.index_select(0, event) - flight.time.view(-1).index_select(0, cell),
            kind,
            (node.radius_index.index_select(0, event), node.radius_share.index_select(0, event)),
            (
                node.cosine_index.view(-1).index_select(0, cell),
                node.cosine_share.view(-1).index_select(0, cell),
            ),
        )
        passing = tubes.seen.index_select(0, pmt)
        intensity = (mu * passing * arrival.density + tubes.dark.index_select(0, pmt)).clamp(
            min=1e-12
        )
        before = (1 - passing) * hits.lonely
        blind = mu * (passing * arrival.ahead - before * arrival.behind)
        blind_slope = mu * (passing * arrival.ahead_slope - before * arrival.behind_slope)
        charge, by_more = self.charges.of(hits.charge, kind, mu * arrival.ahead)
        relative = mu * passing / intensity
        value = torch.log(intensity) + blind + charge
        by_mean = relative * arrival.density + blind + mu * arrival.ahead * by_more
        by_time = (
            relative * arrival.density_slope + blind_slope + mu * arrival.ahead_slope * by_more
        )
        return value, by_mean, by_time


@dataclass(frozen=True, slots=True, eq=False)
class Flight:
    """Straight flight from a vertex to every PMT.

    Args:
        time: ns.
        slope: by the vertex, ns/m.
    """

    time: Float[Tensor, "event pmt"]
    slope: Float[Tensor, "event pmt 3"]
