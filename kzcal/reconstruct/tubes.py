"""Constants of the PMTs as a reconstruction needs them: by place, and above threshold."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from kzcal.response.charge import ChargeShape
from kzcal.response.constants import single_pe_efficiency
from kzcal.response.detector import DetectorResponse
from kzcal.response.timing import even_delay, exponential, gaussian


@dataclass(frozen=True, slots=True, eq=False)
class Tubes:
    """One row per place of a PMT.

    Args:
        efficiency: relative efficiency; 0 for a dead PMT.
        seen: share of single photoelectrons that pass the threshold.
        dark: dark hits, 1/ns.
        offset: ns, positive when the PMT reads late.
        walk: delay of small pulses, ns.
        gain: mean charge of the Gaussian part of the single-p.e. charge.
        kind: index of the type.
        place: of the PMT that each cable reads.
        merging_time: ns.
        saturation: charge q reads q / (1 + q / saturation), p.e.
    """

    efficiency: Float[Tensor, " pmt"]
    seen: Float[Tensor, " pmt"]
    dark: Float[Tensor, " pmt"]
    offset: Float[Tensor, " pmt"]
    walk: Float[Tensor, " pmt"]
    gain: Float[Tensor, " pmt"]
    kind: Int[Tensor, " pmt"]
    place: Int[Tensor, " cable"]
    merging_time: float
    saturation: float

    @classmethod
    def of(cls, response: DetectorResponse, kind: Int[Tensor, " pmt"]) -> Tubes:
        """The constants of a response, whose PMTs have these types by place."""
        n = len(response.gain)
        cable = torch.arange(n, device=kind.device) if response.cable is None else response.cable
        seen = single_pe_efficiency(response)
        alive = response.alive.to(seen.dtype)
        relative = torch.ones_like(seen) if response.qe is None else response.qe
        walk = torch.as_tensor(response.walk, dtype=seen.dtype, device=seen.device)
        return cls(
            efficiency=(relative * alive)[cable],
            seen=seen[cable],
            dark=(response.dark_rate * seen * alive)[cable] * 1e-9,
            offset=response.time_offset[cable],
            walk=walk.broadcast_to(n)[cable],
            gain=response.gain[cable],
            kind=kind,
            place=torch.argsort(cable),
            merging_time=response.merging_time,
            saturation=response.saturation,
        )


def mean_of_types(values: Float[Tensor, " pmt"], tubes: Tubes) -> Float[Tensor, " type"]:
    """Mean over the PMTs of each type that are alive."""
    kinds = range(int(tubes.kind.max()) + 1)
    alive = tubes.efficiency > 0
    return torch.stack([values[alive & (tubes.kind == k)].mean() for k in kinds])


def mean_charge(
    response: DetectorResponse, tubes: Tubes
) -> tuple[Float[Tensor, " type"], ChargeShape]:
    """Single-p.e. width and shape of the mean PMT of each type."""
    cable = torch.argsort(tubes.place)
    fields = (getattr(response.shape, name) for name in ChargeShape.__slots__)
    shape = ChargeShape(*(mean_of_types(field[cable], tubes) for field in fields))
    return mean_of_types(response.spe_width[cable], tubes), shape


def transit_transform(
    response: DetectorResponse, tubes: Tubes, omega: Float[Tensor, " frequency"]
) -> Tensor:
    """Transform of the transit time of each type, strays included; PMTs of a type averaged."""
    cable = torch.argsort(tubes.place)
    variance = mean_of_types(response.tts[cable] ** 2, tubes).double()
    transform = gaussian(omega, variance)
    transform = transform * (
        1 + response.late_share * (exponential(omega, response.late_delay) - 1)
    )
    strays = torch.ones_like(transform)
    for stray in response.moved:
        share, first, last = (
            mean_of_types(part[cable], tubes).double()
            for part in (stray.share, stray.first, stray.last)
        )
        shifted = even_delay(omega, torch.stack([first, last], dim=1))
        strays = strays + share[:, None] * (shifted - 1)
    return transform * strays
