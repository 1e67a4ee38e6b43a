r"""How many hits photoelectrons make when some share a pulse and some stay below threshold.

Photoelectrons arrive as a Poisson process of intensity :math:`\mu f(t)`. A pulse begins with the
first of them and takes up all that follow within the merging time T, whether it passes the
threshold or not. As no two pulses begin within T of each other, they begin with the density

.. math:: r(t) = \mu f(t) \left(1 - \int_{t - T}^{t} r(s)\, ds\right),

and a pulse holds one photoelectron more than a Poisson number of mean
:math:`m(t) = \mu \left(F(t + T) - F(t)\right)`. Of n photoelectrons a share :math:`p_n` passes.
A hit counts as :math:`1 + p_1 m(t)`, itself and the light lost behind it, so that the number
counted over :math:`p_1 \mu` would be one, were it not for the threshold:

.. math:: R(\mu) = \frac{1}{p_1 \mu} \int r(t) \left(1 + p_1 m(t)\right)
   \sum_k e^{-m} \frac{m^k}{k!} p_{k+1}\, dt.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from kzcal.calibrate.arrivals import Arrivals
from kzcal.fit.run import CalibratedRun
from kzcal.response.charge import ChargeShape, single_pe_density
from kzcal.response.charge import passing as passes_threshold

MEANS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.5, 6.0, 9.0)
"""Expected photoelectrons above threshold of a PMT at which the share is worked out."""
MOST_PE = 12
N_CHARGE, CHARGE_STEP = 512, 1 / 32
"""Grid of charges that photoelectrons are added up on; p.e."""


@dataclass(frozen=True, slots=True, eq=False)
class Pileup:
    """Hits counted over photoelectrons above threshold, at MEANS of them.

    Args:
        share: by type of PMT, energy and distance class.
    """

    share: Float[Tensor, "type energy distance mean"]

    @classmethod
    def of(
        cls, arrivals: Arrivals, passing: Float[Tensor, "type pe"], merging_time: float
    ) -> Pileup:
        """Shares for light that arrives so.

        Args:
            arrivals: when photoelectrons come.
            passing: share of pulses of 1, 2, ... photoelectrons above threshold, by type.
            merging_time: ns.
        """
        shares = [counted_share(arrivals, row, merging_time) for row in passing.double()]
        return cls(torch.stack(shares).float())

    def at(
        self,
        mean: Float[Tensor, "*shape"],
        kind: Int[Tensor, "*#shape"],
        energy: Int[Tensor, "*#shape"],
        distance: Int[Tensor, "*#shape"],
    ) -> Float[Tensor, "*shape"]:
        """Share at expected photoelectrons above threshold, of light of these classes."""
        n_energy, n_distance = self.share.shape[1:3]
        cell = (kind * n_energy + energy) * n_distance + distance
        return between_means(self.share, mean, cell)


def between_means(
    table: Float[Tensor, "*cell mean"], mean: Float[Tensor, "*shape"], cell: Int[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """Values of a table at MEANS, interpolated.

    Args:
        table: by any classes, of which the last varies fastest, and MEANS.
        mean: expected photoelectrons above threshold.
        cell: flat index of the classes.
    """
    nodes = torch.tensor(MEANS, dtype=mean.dtype, device=mean.device)
    inside = mean.clamp(max=MEANS[-1])
    low = (torch.bucketize(inside, nodes, right=True) - 1).clamp(0, len(MEANS) - 2)
    part = (inside - nodes[low]) / (nodes[low + 1] - nodes[low])
    index = cell * len(MEANS) + low
    flat = table.reshape(-1)
    return torch.lerp(flat[index], flat[index + 1], part.to(flat.dtype))


def counted_share(
    arrivals: Arrivals, passing: Float[Tensor, " pe"], merging_time: float
) -> Float[Tensor, "energy distance mean"]:
    """R of the module's first lines for one type of PMT.

    What has not arrived at the last edge comes alone, much later.
    """
    arrived = arrivals.arrived.double()[:, :, None]
    nodes = torch.tensor(MEANS, dtype=torch.float64, device=arrived.device).clamp(min=1e-4)
    mean = nodes[:, None] / passing[0]
    steps = round(merging_time / arrivals.step)
    later = _shifted(arrived, steps) - arrived
    behind = mean * (later[..., 1:] + later[..., :-1]) / 2
    pulses = begun(mean * arrived.diff(dim=-1), steps) * seen(behind, passing)
    counted = (pulses * (1 + passing[0] * behind)).sum(-1)
    alone = 1 - arrived[..., -1]
    return counted / nodes + alone


def seen(
    behind: Float[Tensor, "*shape bin"], passing: Float[Tensor, " pe"]
) -> Float[Tensor, "*shape bin"]:
    """Share of pulses above threshold.

    Args:
        behind: mean of the further photoelectrons in a pulse.
        passing: share of pulses of 1, 2, ... photoelectrons above threshold.
    """
    share = torch.zeros_like(behind)
    chance = torch.exp(-behind)
    for k, passes in enumerate(passing):
        share = share + chance * passes
        chance = chance * behind / (k + 1)
    return share


def passing_shares(
    gain: Float[Tensor, " pmt"],
    width: Float[Tensor, " pmt"],
    shape: ChargeShape,
    kind: Int[Tensor, " pmt"],
) -> Float[Tensor, "type pe"]:
    """Share of pulses of 1, 2, ... photoelectrons above threshold, mean of each type's PMTs.

    The threshold is taken to be that of the type's first PMT.
    """
    charge = torch.arange(N_CHARGE, dtype=gain.dtype, device=gain.device) * CHARGE_STEP
    density = single_pe_density(charge, gain, width, shape).value
    density[:, 0] /= 2
    one = torch.fft.rfft(density / density.sum(1, keepdim=True), n=2 * N_CHARGE)
    shares = []
    for k in range(int(kind.max()) + 1):
        of_type = one[kind == k]
        first = int(torch.nonzero(kind == k)[0])
        above = passes_threshold(charge, shape)[first]
        power, means = torch.ones_like(of_type), []
        for _ in range(MOST_PE):
            power = power * of_type
            means.append(power.mean(0))
        spectra = torch.fft.irfft(torch.stack(means), n=2 * N_CHARGE)[:, :N_CHARGE]
        shares.append(spectra.clamp(min=0) @ above)
    return torch.stack(shares)


def begun(
    light: Float[Tensor, "*shape bin"],
    steps: int,
    together: Float[Tensor, "*#shape bin"] | None = None,
) -> Float[Tensor, "*shape bin"]:
    """Pulses that begin in each bin of time.

    Args:
        light: photoelectrons in the bin.
        steps: bins that a pulse takes up.
        together: chance that a further photoelectron falls into a pulse that began in the bin,
            over that of independent ones; None for these.
    """
    weight = torch.ones_like(light) if together is None else together.expand(light.shape)
    started = torch.zeros_like(light)
    taken = torch.zeros_like(light)
    total = torch.zeros_like(light[..., 0])
    for now in range(light.shape[-1]):
        if now > steps:
            total = total - taken[..., now - steps - 1]
        edge = taken[..., now - steps] / 2 if now >= steps else 0.0
        here = light[..., now]
        started[..., now] = here * (1 - (total - edge)) / (1 + here / 2)
        taken[..., now] = started[..., now] * weight[..., now]
        total = total + taken[..., now]
    return started


def _shifted(arrived: Float[Tensor, "*shape edge"], steps: int) -> Float[Tensor, "*shape edge"]:
    """What has arrived some steps later; nothing comes after the last edge."""
    last = arrived[..., -1:].expand(*arrived.shape[:-1], steps)
    return torch.cat([arrived[..., steps:], last], dim=-1)


def pileup_of(run: CalibratedRun, arrivals: Arrivals) -> Pileup:
    """Pile-up of the good PMTs of a run, for light that arrives like this."""
    return Pileup.of(arrivals, passing_of(run), run.stream.config.merging_time)


def passing_of(run: CalibratedRun) -> Float[Tensor, "type pe"]:
    """Share of pulses of 1, 2, ... photoelectrons above threshold in a run's good PMTs."""
    charge, kind = run.result.charge, run.stream.detector.kind
    fitted = (run.weight > 0) & torch.isfinite(charge.gain)
    return passing_shares(
        charge.gain[fitted], charge.width[fitted], charge.shape(kind[fitted]), kind[fitted]
    ).double()
