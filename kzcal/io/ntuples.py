"""ROOT ntuples of the KamLAND-Zen production and of RAT-PAC 2, read as events.

KamLAND-Zen ntuples hold hit times from which the time of flight is already taken off. It is put
back as (distance from vertex to PMT) / (effective speed of light), so that the times are those
of the leading edges in the event's hit-time base; ``T0`` is the emission time in that base. The
speed must be the one that the ntuple was made with: 16.95 cm/ns in KLG4sim and KamNet.

RAT-PAC 2 ntuples hold leading-edge times with the flight in them. Vertex and energy are the true
ones, and the file may number PMTs as it likes: the positions in its ``meta`` tree say which tube
of the detector each is, and hits of tubes outside the tank are left out. Without ``meta`` the
numbers must be cable numbers.

Neither holds timestamps or recording windows: timestamps are zero, windows stay unknown, and the
header names the file as a sample, because it is no run in time order.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kzcal.errors import FileFormatError
from kzcal.geometry import Detector
from kzcal.io.ntuple_file import NtupleFile
from kzcal.io.ntuple_layout import KAMLAND, KLG4SIM, RATPAC, Conventions, NtupleLayout
from kzcal.io.root import RootFile


@dataclass(frozen=True, slots=True)
class NtupleReader:
    """Opens ntuples of one layout.

    Args:
        layout: which branches hold what.
        conventions: what the ntuple itself does not say.
    """

    layout: NtupleLayout
    conventions: Conventions = KLG4SIM

    def recognise(self, path: Path) -> bool:
        """Whether the file is ROOT and has the layout's tree."""
        try:
            with RootFile(path) as file:
                return file.has_tree(self.layout.tree)
        except FileFormatError:
            return False

    def open(self, path: Path, detector: Detector) -> NtupleFile:
        """The events of the file."""
        return NtupleFile(path, detector, self.layout, self.conventions)


def kamland_reader(conventions: Conventions = KLG4SIM) -> NtupleReader:
    """Opens ntuples of the KamLAND-Zen simulation and production."""
    return NtupleReader(KAMLAND, conventions)


def ratpac_reader(conventions: Conventions = KLG4SIM) -> NtupleReader:
    """Opens ntuples of RAT-PAC 2."""
    return NtupleReader(RATPAC, conventions)
