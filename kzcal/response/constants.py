"""The response that a calibration has found: constants of the database become one object.

What a calibration states is taken from its payload "pmt-response", whatever it leaves open from
the nominal response of the PMT's type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from kzcal.conditions.payload import Payload
from kzcal.conditions.quantities import check_kind
from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.response.charge import ChargeShape, detection_efficiency
from kzcal.response.detector import DetectorResponse
from kzcal.response.nominal import NominalResponse
from kzcal.response.strays import Stray

DEAD = "dead"
EXCHANGED = "swapped"


def response_from(
    payload: Payload,
    detector: Detector,
    nominal: NominalResponse,
    *,
    device: torch.device | str = "cpu",
) -> DetectorResponse:
    """The response with the constants of a payload.

    The payload's dark rates are of pulses above threshold; those of the response are before it.
    A PMT that is not good and whose constant is unknown gets the median of its type.

    Args:
        payload: of kind "pmt-response".
        detector: whose PMTs it describes.
        nominal: what the payload does not say.
        device: where to calculate.

    Raises:
        ConfigurationError: the payload describes another number of PMTs.
        DatabaseError: it lacks a column, or a good PMT's constant is wrong.
    """
    check_kind(payload, "detector response")
    status = payload.columns["status"].values
    if len(status) != detector.n_pmt:
        message = f"constants hold for {detector.n_pmt} PMTs of the detector, got {len(status)}"
        raise ConfigurationError(message)
    size = detector.diameter_inch.astype(np.int64)
    names = ("qe", "gain", "spe_width", "time_offset", "tts", "dark_rate")
    values = {name: _known(payload.columns[name].values, size) for name in names}
    types = _with_fitted(payload, nominal)

    def column(numbers: Float64[np.ndarray, " pmt"]) -> Tensor:
        return torch.from_numpy(np.asarray(numbers, np.float32)).to(device)

    def of_type(name: str) -> Tensor:
        return column(np.vectorize(lambda inch: types[inch][name])(size))

    shape = ChargeShape(
        of_type("exponential_fraction"),
        of_type("exponential_scale"),
        of_type("threshold_pe"),
        of_type("threshold_width_pe"),
    )
    response = DetectorResponse(
        gain=column(values["gain"]),
        spe_width=column(values["spe_width"]),
        time_offset=column(values["time_offset"]),
        tts=column(values["tts"]),
        dark_rate=column(values["dark_rate"]),
        alive=torch.from_numpy(np.asarray(status != DEAD)).to(device),
        shape=shape,
        walk=of_type("time_walk_ns"),
        late_share=0.0,
        qe=column(values["qe"]),
        saturation=nominal.saturation_pe,
        moved=_strays("moved", nominal, size, device),
        added=_strays("added", nominal, size, device),
        cable=torch.from_numpy(cable_of_place(payload)).to(device),
    )
    return replace(response, dark_rate=response.dark_rate / single_pe_efficiency(response))


def single_pe_efficiency(response: DetectorResponse) -> Tensor:
    """Share of each PMT's single photoelectrons that pass the threshold."""
    return detection_efficiency(response.gain, response.spe_width, response.shape)[0]


def cable_of_place(payload: Payload) -> Int64[np.ndarray, " place"]:
    """Cable that reads the PMT at each place: its own number unless two are exchanged."""
    cable = np.arange(len(payload.columns["status"].values), dtype=np.int64)
    if "partner" not in payload.columns:
        return cable
    exchanged = np.flatnonzero(payload.columns["status"].values == EXCHANGED)
    cable[payload.columns["partner"].values[exchanged].astype(np.int64)] = exchanged
    return cable


def _known(
    values: Float64[np.ndarray, " pmt"], size: Int64[np.ndarray, " pmt"]
) -> Float64[np.ndarray, " pmt"]:
    """The values, unknown ones replaced by the median of the type."""
    filled = np.array(values, np.float64)
    for inch in np.unique(size):
        rows = size == inch
        filled[rows & np.isnan(filled)] = np.nanmedian(filled[rows])
    return filled


def _with_fitted(payload: Payload, nominal: NominalResponse) -> dict[int, Mapping[str, float]]:
    """Numbers of each type: those that the calibration fitted, else the nominal ones."""
    block = payload.globals
    fitted = {} if block is None else dict(zip(block.names, block.values.tolist(), strict=True))
    types: dict[int, Mapping[str, float]] = {}
    for inch, tube in nominal.types.items():
        names = {
            "exponential_fraction": f"exponential_fraction_{inch}",
            "exponential_scale": f"exponential_scale_{inch}",
            "threshold_pe": f"threshold_{inch}",
            "threshold_width_pe": f"threshold_width_{inch}",
            "time_walk_ns": "time_walk",
        }
        types[inch] = {key: fitted.get(name, tube.numbers[key]) for key, name in names.items()}
    return types


def _strays(
    kind: Literal["moved", "added"],
    nominal: NominalResponse,
    size: Int64[np.ndarray, " pmt"],
    device: torch.device | str,
) -> tuple[Stray, ...]:
    """Strays of all PMTs, in the order of the text; types without one have a share of zero."""
    of_type = {inch: getattr(tube, kind) for inch, tube in nominal.types.items()}
    rows = []
    for row in range(max(map(len, of_type.values()))):
        columns = np.zeros((3, len(size)), np.float32)
        for inch, strays in of_type.items():
            if row < len(strays):
                stray = strays[row]
                columns[:, size == inch] = np.array(
                    [[stray.share], *([d] for d in stray.delay_ns)]
                )
        rows.append(Stray(*torch.from_numpy(columns).to(device)))
    return tuple(rows)
