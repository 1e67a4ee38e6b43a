"""All that a fitted response knows: constants of each PMT, shapes of each type, the readout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from kzcal.geometry import Detector
from kzcal.response.nominal import TYPES, read_nominal
from kzcal.response.translator import FORCED_WINDOW, PHYSICS_WINDOW, nominal_response
from kzcal_fitted_response.grids import (
    DELAY_EDGES,
    N_DELAY,
    NO_DELAY,
    SIGHT_NODES,
    WALK_NODES,
    normal_density,
)


@dataclass(frozen=True, slots=True, eq=False)
class Tubes:
    """Constants of every PMT, by cable.

    Args:
        qe: efficiency in the units of the light's ceiling.
        gain: mean of the main part of the single-p.e. charge, nominal gains.
        spe_width: its standard deviation over its mean.
        time_offset: ns, positive when the PMT reads late.
        tts: standard deviation of the transit time, ns.
        dark_rate: dark pulses before threshold, Hz.
        alive: PMTs that report anything.
        cable: that reads the PMT at each place.
    """

    qe: Float[Tensor, " pmt"]
    gain: Float[Tensor, " pmt"]
    spe_width: Float[Tensor, " pmt"]
    time_offset: Float[Tensor, " pmt"]
    tts: Float[Tensor, " pmt"]
    dark_rate: Float[Tensor, " pmt"]
    alive: Bool[Tensor, " pmt"]
    cable: Int[Tensor, " pmt"]


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """What the PMTs of a type have in common.

    Args:
        low_share: share of photoelectrons in the exponential of low charges.
        low_scale: its mean over the gain of the PMT.
        threshold: charge at which half of the pulses pass, p.e.
        threshold_width: standard deviation of the threshold's step, p.e.
        charge: standardised density of the main part of the single-p.e. charge.
        transit: standardised density of the transit time.
        delay: chance of each bin of a further delay.
        walk: delay of pulses by charge, ns.
        sight: factor on the efficiency by distance.
    """

    low_share: Float[Tensor, " type"]
    low_scale: Float[Tensor, " type"]
    threshold: Float[Tensor, " type"]
    threshold_width: Float[Tensor, " type"]
    charge: Float[Tensor, "type core"]
    transit: Float[Tensor, "type core"]
    delay: Float[Tensor, "type delay"]
    walk: Float[Tensor, "type charge_node"]
    sight: Float[Tensor, "type sight_node"]


@dataclass(frozen=True, slots=True, eq=False)
class Readout:
    """The electronics, one number each or two.

    Args:
        merging_time: pulses of a PMT closer than this are one hit, ns.
        saturation: charge q reads q / (1 + q / saturation), p.e.
        ceiling: relative efficiency that photoelectrons are drawn for.
        time_step: times are multiples of it, ns; 0 for any time.
        charge_step: charges are multiples of it, p.e.; 0 for any charge.
        physics_window: recording of a physics trigger, ns.
        forced_window: recording of a forced trigger, ns.
    """

    merging_time: Float[Tensor, ""]
    saturation: Float[Tensor, ""]
    ceiling: Float[Tensor, ""]
    time_step: Float[Tensor, ""]
    charge_step: Float[Tensor, ""]
    physics_window: Float[Tensor, " edge"]
    forced_window: Float[Tensor, " edge"]


@dataclass(frozen=True, slots=True, eq=False)
class Constants:
    """The whole response.

    Args:
        tubes: of each PMT.
        shapes: of each type.
        readout: of all.
    """

    tubes: Tubes
    shapes: Shapes
    readout: Readout

    def tensors(self) -> dict[str, Tensor]:
        """Every number by name."""
        return {
            f"{part}.{field.name}": getattr(getattr(self, part), field.name)
            for part in ("tubes", "shapes", "readout")
            for field in fields(getattr(self, part))
        }

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], device: torch.device) -> Constants:
        """The inverse of ``tensors``; other names are left aside."""

        def part(name: str, kind: type) -> dict[str, Tensor]:
            return {f.name: tensors[f"{name}.{f.name}"].to(device) for f in fields(kind)}

        return cls(
            Tubes(**part("tubes", Tubes)),
            Shapes(**part("shapes", Shapes)),
            Readout(**part("readout", Readout)),
        )

    @classmethod
    def nominal(
        cls, detector: Detector, ceiling: float, merging_time: float, device: torch.device
    ) -> Constants:
        """Where learning begins: the nominal response of each PMT's type.

        Args:
            detector: with the type of each PMT.
            ceiling: relative efficiency that photoelectrons are drawn for.
            merging_time: ns.
            device: where to calculate.
        """
        start, text = nominal_response(detector), read_nominal()
        tubes = Tubes(
            qe=torch.full((detector.n_pmt,), 1.0),
            gain=start.gain,
            spe_width=start.spe_width,
            time_offset=start.time_offset,
            tts=start.tts,
            dark_rate=start.dark_rate,
            alive=torch.ones(detector.n_pmt, dtype=torch.bool),
            cable=torch.arange(detector.n_pmt),
        )
        readout = Readout(
            merging_time=torch.tensor(merging_time),
            saturation=torch.tensor(text.saturation_pe),
            ceiling=torch.tensor(ceiling),
            time_step=torch.tensor(0.0),
            charge_step=torch.tensor(0.0),
            physics_window=torch.tensor(PHYSICS_WINDOW),
            forced_window=torch.tensor(FORCED_WINDOW),
        )
        numbers = [text.types[size].numbers for size in TYPES]
        return cls.of(cls(tubes, _shapes(numbers), readout).tensors(), device)


def _shapes(numbers: list[Mapping[str, float]]) -> Shapes:
    """Nominal shapes of each type: normal cores and a few late pulses."""

    def column(name: str) -> Tensor:
        return torch.tensor([row[name] for row in numbers])

    n, charge = len(numbers), torch.tensor(WALK_NODES)
    delay = _few_delays().expand(n, -1).contiguous()
    return Shapes(
        low_share=column("exponential_fraction"),
        low_scale=column("exponential_scale"),
        threshold=column("threshold_pe"),
        threshold_width=column("threshold_width_pe"),
        charge=normal_density(n),
        transit=normal_density(n),
        delay=delay,
        walk=column("time_walk_ns")[:, None] * (charge**-0.5 - 1),
        sight=torch.ones(n, len(SIGHT_NODES)),
    )


def _few_delays() -> Float[Tensor, " delay"]:
    """Where further delays begin: 3 % late by 25 ns on average, and hardly any early."""
    edges = torch.tensor(DELAY_EDGES)
    late = (-edges[:-1].clamp(min=0) / 25.0).exp() - (-edges[1:].clamp(min=0) / 25.0).exp()
    delay = 0.03 * late + 0.002 / N_DELAY
    delay[NO_DELAY] = 0.0
    delay[NO_DELAY] = 1 - delay.sum()
    return delay


def kind_of(detector: Detector, cable: Int[Tensor, " pmt"]) -> Int[Tensor, " pmt"]:
    """Type of the PMT that each cable reads, as a row of the shapes.

    Args:
        detector: with the type of the PMT at each place.
        cable: that reads the PMT at each place.
    """
    rows = np.searchsorted(np.array(TYPES), detector.diameter_inch)
    return torch.from_numpy(rows.astype(np.int64)).to(cable.device)[torch.argsort(cable)]
