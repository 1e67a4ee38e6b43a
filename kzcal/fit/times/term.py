"""Residuals of hits against what traced light, folded with all delays, expects of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from kzcal.fit.light.sloped import SlopedHistogram
from kzcal.fit.terms import Expectation, Values
from kzcal.fit.times.arrival import FIRST, N_NODES, STEP, ArrivalFold
from kzcal.geometry import LightParameters

FREEDOM = 2.0
"""How far the shifts of samples may be apart, ns: less than the light of a decay lasts."""


def time_edges() -> tuple[float, ...]:
    """Edges of the time bins, ns: fine about the peak and wider where little changes."""
    spans = ((-20, -8, 4), (-8, 24, 0.5), (24, 40, 1), (40, 64, 2), (64, 104, 4), (104, 200, 12))
    edges = [a + i * w for a, b, w in spans for i in range(round((b - a) / w))]
    return (*edges, 200.0)


@dataclass(frozen=True, slots=True, eq=False)
class TimeTerm:
    """Residuals by cell, charge and time.

    The reconstructed emission time of a sample may be off by some tenths of a nanosecond, more or
    less than that of another: every sample but the first has a shift of its own, which is
    profiled by one Gauss-Newton step from a value close by.

    Args:
        hits: counted, by kept cell, charge and time bin.
        light: arriving light, by kept cell and node.
        anchor: parameters that it was traced with.
        fold: from light to hits.
        variance: relative, of the expectation.
        cell: numbers of the kept cells.
        sample: of each kept cell, index into SAMPLES.
        shift: of each sample, about, ns.
    """

    hits: Float[Tensor, "cell charge bin"]
    light: SlopedHistogram
    anchor: LightParameters
    fold: ArrivalFold
    variance: Float[Tensor, "cell charge bin"]
    cell: Int[Tensor, " cell"]
    sample: Int[Tensor, " cell"]
    shift: Float[Tensor, " sample"]

    @property
    def name(self) -> str:
        """What it compares."""
        return "times"

    @property
    def counts(self) -> Float[Tensor, " bin"]:
        """Hits, flat."""
        return self.hits.reshape(-1)

    def expected(self, values: Values) -> Expectation:
        """Hits that the parameters expect where so many were counted."""
        light = self.light.expected(values, self.anchor).reshape(len(self.hits), N_NODES)
        pulses = self.fold.begun(self.fold.photoelectrons(light, values))
        shift = self.shift + self._step(pulses, values)
        hits, dark = self._in_bins(pulses, shift, values)
        return Expectation((hits + dark).reshape(-1), self.variance.reshape(-1))

    def settled(self, values: Values, steps: int = 3) -> TimeTerm:
        """The same with shifts that fit best at these values."""
        light = self.light.expected(values, self.anchor).reshape(len(self.hits), N_NODES)
        pulses = self.fold.begun(self.fold.photoelectrons(light, values))
        term = self
        for _ in range(steps):
            term = replace(term, shift=term.shift + term._step(pulses, values))
        return term

    def with_variance(self, near: Values) -> TimeTerm:
        """The same with the variance that the number of photons leaves, near some values.

        A photon spreads over the bins that it may be reported in, and serves all charges: it
        counts as if it were reported once, and the charges of a cell share what it tells.
        """
        n = len(self.hits)
        total, squares = (h.reshape(n, N_NODES) for h in (self.light.total, self.light.squares))
        share = self.fold.photoelectrons(total, near)
        mean = in_bins(share) * total.sum(1, keepdim=True)
        noise = self.fold.photoelectrons(squares, near) * squares.sum(1, keepdim=True)
        light, dark = self._in_bins(self.fold.begun(share), self.shift, near)
        by_charge = self.hits.sum(-1)
        weight = by_charge.sum(1, keepdim=True) / by_charge.clamp(min=1)
        of_light = (in_bins(noise) / mean**2)[:, None] * weight[..., None]
        return replace(self, variance=of_light * (light / (light + dark)) ** 2)

    def _step(self, pulses: tuple[Tensor, Tensor], values: Values) -> Float[Tensor, " sample"]:
        """Gauss-Newton step of the shift of every sample; that of the first stays."""
        shifted = self.fold.reported(pulses[0], self.shift[self.sample], values)
        light, dark = self._scaled(in_bins(shifted), in_bins(pulses[1]))
        later = (shifted.roll(1, -1) - shifted.roll(-1, -1)) / (2 * STEP)
        slope = in_bins(later) * (light.sum(-1) / in_bins(shifted).sum(-1))[..., None]
        mean = light + dark
        weight = slope / (mean + mean**2 * self.variance)
        zero = torch.zeros_like(self.shift)
        pull = (weight * (self.hits - mean)).sum((1, 2))
        known = (weight * slope).sum((1, 2))
        top, bottom = (zero.index_add(0, self.sample, sums) for sums in (pull, known))
        free = torch.arange(len(zero), device=zero.device) != self.sample.min()
        return torch.where(free, top / (bottom + FREEDOM**-2), 0.0)

    def _in_bins(
        self, pulses: tuple[Tensor, Tensor], shift: Float[Tensor, " sample"], values: Values
    ) -> tuple[Tensor, Tensor]:
        shifted = self.fold.reported(pulses[0], shift[self.sample], values)
        return self._scaled(in_bins(shifted), in_bins(pulses[1]))

    def _scaled(self, light: Tensor, dark: Tensor) -> tuple[Tensor, Tensor]:
        """Hits of light, as many as were counted besides the dark ones, and dark ones."""
        of_light = self.hits.sum(-1, keepdim=True) - dark.sum(-1, keepdim=True)
        return light * (of_light.clamp(min=1.0) / light.sum(-1, keepdim=True)), dark


def in_bins(values: Float[Tensor, "*cell node"]) -> Float[Tensor, "*cell bin"]:
    """Sums over the steps in each time bin."""
    edges = torch.tensor(time_edges(), dtype=torch.float64, device=values.device)
    place = ((edges - FIRST) / STEP).round().long()
    total = torch.nn.functional.pad(values.cumsum(-1), (1, 0))
    return total[..., place[1:]] - total[..., place[:-1]]
