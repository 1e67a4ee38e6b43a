r"""When hits are reported, folded from when light reaches the photocathodes.

Traced photons say how long light travels. What comes on top is a product of transforms in the
frequency :math:`\omega`: the scintillation, late and early photoelectrons, the transit time of
the PMTs of a type, and after the merging of pulses the errors of the reconstruction and the walk.
Everything is differentiable by the parameters, and nothing is drawn.

Frequencies are complex, :math:`\omega - i a`, which is the same as looking at
:math:`e^{-a t}` times the density: the slowest light of alphas has then died out before the
transform repeats itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from kzcal.fit.terms import Values
from kzcal.light import ALPHA_PROFILE, ELECTRON_PROFILE
from kzcal.response.charge import ChargeShape, passing, single_pe_density
from kzcal.response.timing import (
    angular_frequencies,
    delay,
    even_delay,
    exponential,
    gaussian,
    photoelectrons_ahead,
    reported_parts,
    scintillation,
)

FIRST, LAST, STEP = -30.0, 210.0, 0.5
"""Residuals that are looked at, and the step between the nodes that light is put on, ns."""
N_NODES = round((LAST - FIRST) / STEP)
N_TRANSFORM = 2048
DAMPING = 0.005
"""Per ns: what comes back a transform's length later is down by exp(-5) besides its own decay."""
MOST_PE = 6
"""Most photoelectrons of a pulse."""


def charge_chances(
    edges: tuple[float, ...],
    gain: Float[Tensor, " pmt"],
    width: Float[Tensor, " pmt"],
    shape: ChargeShape,
    *,
    step: float = 1 / 32,
    n_bins: int = 512,
) -> Float[Tensor, "pe charge"]:
    """Chance of a charge between edges for a pulse of 1, 2, ... photoelectrons, mean of the PMTs.

    Args:
        edges: between the classes, p.e.; the first begins at the threshold, the last never ends.
        gain: of the PMTs, p.e.
        width: of their single-p.e. charges over the gain.
        shape: of their charges.
        step: of the charges that are summed over, p.e.
        n_bins: number of them.
    """
    charge = torch.arange(n_bins, dtype=gain.dtype, device=gain.device) * step
    density = single_pe_density(charge, gain, width, shape).value
    density[:, 0] /= 2
    transform = torch.fft.rfft(density / density.sum(1, keepdim=True), n=2 * n_bins)
    member = torch.bucketize(charge, torch.tensor(edges, dtype=gain.dtype, device=gain.device))
    seen, rows = passing(charge, shape), []
    for n in range(1, MOST_PE + 1):
        spectrum = torch.fft.irfft(transform**n, n=2 * n_bins)[:, :n_bins].clamp(min=0) * seen
        rows.append(torch.bincount(member, spectrum.mean(0), len(edges) + 1))
    return torch.stack(rows)


@dataclass(frozen=True, slots=True, eq=False)
class ArrivalFold:
    """What turns arriving light of some cells of hits into reported hits.

    Args:
        kind: type of the PMTs of each cell.
        spread: transit-time spreads of PMTs of each type over their root mean square, at equal
            shares of the hits.
        alpha: share of alphas in the light of each cell.
        rise_time: of the scintillation, ns.
        early: least and largest delay of early pulses of each type's PMTs, ns.
        mean: photoelectrons of the pairs of event and PMT, averaged over their photoelectrons.
        dark: dark pulses in a step before threshold, in all of a cell's pairs together.
        chance: of each class of charge for 1, 2, ... photoelectrons, by type.
        lever: mean of q^-1/2 - 1 over the hits of each class of charge.
        lever_variance: of the same.
        inverse_energy: mean of 1 MeV over the energies of the hits' events.
        light_speed: that residuals were made with, m/ns.
        merging_time: ns.
    """

    kind: Tensor
    spread: Float[Tensor, "type share"]
    alpha: Float[Tensor, " cell"]
    rise_time: float
    early: Float[Tensor, "type 2"]
    mean: Float[Tensor, " cell"]
    dark: Float[Tensor, " cell"]
    chance: Float[Tensor, "type pe charge"]
    lever: Float[Tensor, "cell charge"]
    lever_variance: Float[Tensor, "cell charge"]
    inverse_energy: Float[Tensor, " cell"]
    light_speed: float
    merging_time: float

    def photoelectrons(
        self, light: Float[Tensor, "cell node"], values: Values
    ) -> Float[Tensor, "cell node"]:
        """Share of the photoelectrons in the step after each node, from light at the nodes.

        Light between two nodes was put on both in proportion, which is a triangle about either;
        its transform is taken off again.
        """
        node = STEP * torch.arange(N_NODES, dtype=torch.float64, device=light.device)
        real = angular_frequencies(N_TRANSFORM, STEP, light.device)
        omega = real - 1j * DAMPING
        known = light / light.sum(-1, keepdim=True).clamp(min=1e-300)
        arriving = torch.fft.rfft(known * torch.exp(-DAMPING * node), n=N_TRANSFORM)
        step = torch.exp(0.5j * STEP * real) / torch.sinc(STEP * real / (2 * math.pi))
        folded = arriving * step * self._delays(omega, values)
        share = torch.fft.irfft(folded, n=N_TRANSFORM)[:, :N_NODES]
        undamped: Tensor = share * torch.exp(DAMPING * (node + STEP / 2))
        return undamped.clamp(min=1e-14)

    def begun(
        self, share: Float[Tensor, "cell node"]
    ) -> tuple[Float[Tensor, "cell charge node"], Float[Tensor, "cell charge node"]]:
        """Pulses that light begins in the step after each node, and dark ones, that are seen.

        The first are of one pair of mean light, the others of all pairs of the cell.
        """
        n_merging = round(self.merging_time / STEP)
        mean = self.mean[:, None]
        light, live = reported_parts(share, mean, n_merging)
        further = mean * photoelectrons_ahead(share, n_merging)
        by_charge = torch.einsum("cpn,cpq->cqn", _poisson(further), self.chance[self.kind])
        dark = (self.dark[:, None] * live)[:, None] * by_charge
        return light[:, None] * by_charge, dark

    def reported(
        self,
        pulses: Float[Tensor, "cell charge node"],
        shift: Float[Tensor, " cell"],
        values: Values,
    ) -> Float[Tensor, "cell charge node"]:
        """Pulses after walk, shifts [ns] and errors of the reconstruction; the ends join."""
        omega = angular_frequencies(N_NODES, STEP, pulses.device)
        along = (values["vertex_resolution"] / self.light_speed) ** 2 / 3
        event = values["t0_resolution"] ** 2 + along * self.inverse_energy
        walk = values["time_walk"]
        variance = event[:, None] + walk**2 * self.lever_variance
        moved = (values["time_shift"] + shift)[:, None] + walk * self.lever
        kernel = gaussian(omega, variance) * delay(omega, moved)
        reported: Tensor = torch.fft.irfft(torch.fft.rfft(pulses) * kernel, n=N_NODES)
        return reported.clamp(min=1e-14)

    def _delays(
        self, omega: Complex[Tensor, " frequency"], values: Values
    ) -> Complex[Tensor, "cell frequency"]:
        """Transform of everything between the light's arrival and a PMT's pulse."""
        scale, fraction = values["decay_scale"], values["late_fraction"]
        electron = scintillation(omega, ELECTRON_PROFILE, scale)
        alpha = scintillation(omega, ALPHA_PROFILE, scale)
        profile = electron + self.alpha[:, None] * (alpha - electron)
        late = 1 - fraction + fraction * exponential(omega, values["late_delay"])
        rms = torch.stack([values["tts_mean_17"], values["tts_mean_20"]])
        transit = gaussian(omega, (rms[:, None] * self.spread) ** 2).mean(1)[self.kind]
        early = 1 + values["early_fraction"] * (even_delay(omega, self.early) - 1)[self.kind]
        return profile * transit * early * late * exponential(omega, self.rise_time)


def _poisson(mean: Float[Tensor, "cell node"]) -> Float[Tensor, "cell pe node"]:
    """Chances of 0, 1, ... further photoelectrons."""
    terms = [torch.exp(-mean)]
    for n in range(1, MOST_PE):
        terms.append(terms[-1] * mean / n)
    return torch.stack(terms, dim=1)
