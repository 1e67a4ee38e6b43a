"""Source and data made ready: what stays the same in all turns."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from kzcal.calibrate.config import CalibrationConfig
from kzcal.errors import CalibrationError
from kzcal.hits import Events
from kzcal.learning import TranslatorTask
from kzcal.photoelectrons import Photoelectrons
from kzcal.response.merging import Pulses
from kzcal_fitted_response.cables import exchanged
from kzcal_fitted_response.constants import Constants, Readout, Tubes, kind_of
from kzcal_fitted_response.draws import EventTable, distance_to, light_of, windows_of
from kzcal_fitted_response.readout import read_out
from kzcal_fitted_response.statistics import LIGHT, Exposure, HitTable, View

FAINT_SHARE = 0.6
"""Share of photoelectrons that count as those of faint events and far PMTs."""


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """Events of the source or of the data.

    Args:
        table: without hits.
        window: begin and end of each event's recording, ns.
        exposure: of the PMTs.
    """

    table: EventTable
    window: tuple[Float[Tensor, " event"], Float[Tensor, " event"]]
    exposure: Exposure

    @classmethod
    def of(cls, table: EventTable, readout: Readout, view: View) -> Side:
        """A side with the recording of the data."""
        window = windows_of(table, readout.physics_window, readout.forced_window)
        return cls(table, window, Exposure.of(table, view, window))


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """What all turns begin with.

    Args:
        light: photoelectrons at the ceiling, by place.
        distance: from the vertex to each of them, m.
        drawn: photoelectrons of each PMT at the ceiling, by cable.
        source: events of the photoelectrons.
        target: events of the data.
        data: hits of the data.
        view: of hits.
    """

    light: Photoelectrons
    distance: Float[Tensor, " pe"]
    drawn: Float[Tensor, " pmt"]
    source: Side
    target: Side
    data: HitTable
    view: View

    @property
    def scale(self) -> float:
        """Events of the data over events of the source."""
        return int(self.target.table.used.sum()) / int(self.source.table.used.sum())


def prepared(task: TranslatorTask, merging_time: float) -> tuple[Prepared, Constants]:
    """What all turns begin with, and the constants of the first.

    Args:
        task: what to learn from.
        merging_time: ns.

    Raises:
        CalibrationError: source or target has no physics trigger with a vertex and an energy.
    """
    device, detector = task.device, task.detector
    start = Constants.nominal(detector, task.ceiling, merging_time, device)
    readout = read_out(start.readout, task.target)
    position = torch.from_numpy(detector.positions.astype(np.float32)).to(device)
    source, target = (
        _table(events, name, device)
        for name, events in (("source", task.source), ("target", task.target))
    )
    light, hits = light_of(task.source, device), _pulses_of(task.target, device)
    distance = distance_to(source.vertex, position, light.event, light.pmt)
    cable = _cabling(light, source, hits, target, position)
    speed = CalibrationConfig().light_speed
    faint = _faint(source.energy[light.event] / distance**2)
    place = torch.argsort(cable)
    view = View(position[place], kind_of(detector, cable), speed, faint)
    used = source.used[light.event]
    drawn = torch.bincount(cable[light.pmt[used]], minlength=len(position)).double()
    data = HitTable.of(hits, target, view)
    values = (getattr(start.tubes, field.name)[place] for field in fields(start.tubes))
    tubes = replace(Tubes(*values), cable=cable)
    constants = replace(start, tubes=tubes, readout=readout)
    of_source, of_target = (Side.of(table, readout, view) for table in (source, target))
    return Prepared(light, distance, drawn, of_source, of_target, data, view), constants


def _table(events: Events, name: str, device: torch.device) -> EventTable:
    table = EventTable.of(events, device)
    if not bool(table.used.any()) or not len(events.hits.pmt):
        message = (
            f"a response is learned from physics triggers with vertices and hits, got "
            f"{int(table.used.sum())} with {len(events.hits.pmt)} hits as the {name}"
        )
        raise CalibrationError(message)
    known = table.used & torch.isfinite(table.energy)
    if not bool(known.cpu()[events.hits.event_index].any()):
        message = (
            f"charges are learned where single photoelectrons prevail, which energies of physics "
            f"triggers with hits tell, got none in the {name}: reconstruct its events"
        )
        raise CalibrationError(message)
    return table


def _pulses_of(events: Events, device: torch.device) -> Pulses:
    columns = events.hits.to_torch(str(device))
    event = torch.from_numpy(events.hits.event_index).to(device)
    return Pulses(event, columns["pmt"], columns["time"], columns["charge"])


def _faint(intensity: Float[Tensor, " pe"]) -> float:
    """Energy over squared distance that a fixed share of photoelectrons stays below, MeV/m^2."""
    known = intensity[torch.isfinite(intensity)].sort().values
    return float(known[int(FAINT_SHARE * (len(known) - 1))])


def _cabling(
    light: Photoelectrons,
    source: EventTable,
    hits: Pulses,
    target: EventTable,
    position: Float[Tensor, "pmt 3"],
) -> Int[Tensor, " pmt"]:
    """Cable that reads each place; dark hits are left out as far as the time tells."""
    kept = source.used[light.event]
    of_light = (light.pmt[kept], source.vertex[light.event[kept]])
    late = hits.time - target.t0[hits.event]
    kept = target.used[hits.event] & (late > 0) & (late < LIGHT[1])
    of_data = (hits.pmt[kept], target.vertex[hits.event[kept]])
    return exchanged(of_data, of_light, len(position))
