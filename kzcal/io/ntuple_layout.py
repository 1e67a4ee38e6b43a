"""Which branches of an ntuple hold what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NtupleLayout:
    """Which branches hold what; lists have an entry per hit.

    Args:
        tree: name of the tree.
        pmt: list of PMT numbers.
        time: list of hit times, ns.
        charge: list of charges, p.e.
        vertex: the three coordinates.
        metre: how many of the coordinates' units are one metre.
        energy: visible energy (or, in a simulation, true kinetic energy), MeV.
        t0: emission time in the hits' time base, ns; None if the ntuple does not hold it.
        event: event number; None for the row in the file.
        run: run number; None if the ntuple does not hold it.
        flight_removed: whether the time of flight is taken off the hit times.
        tubes: tree with the positions of the PMTs (pmtId, pmtX, pmtY, pmtZ), if there may be one.
    """

    tree: str
    pmt: str
    time: str
    charge: str
    vertex: tuple[str, str, str]
    metre: float
    energy: str
    t0: str | None = None
    event: str | None = None
    run: str | None = None
    flight_removed: bool = False
    tubes: str | None = None

    @property
    def branches(self) -> tuple[str, ...]:
        """Every branch that must be there."""
        named = (self.t0, self.event, self.run)
        present = (name for name in named if name is not None)
        return (self.pmt, self.time, self.charge, *self.vertex, self.energy, *present)


@dataclass(frozen=True, slots=True)
class Conventions:
    """What an ntuple leaves to agreement.

    Args:
        speed: effective speed of light that puts a removed time of flight back, m/ns.
            Source: KamNet (arXiv:2203.01870), tools.py: 16.95 cm/ns, as in KLG4sim.
        t0: emission time where the ntuple does not hold it, ns. Assumption: RAT-PAC's hit times
            count from the decay; the trigger configuration of the simulation would settle it.
        run: run number where the ntuple does not hold it.
    """

    speed: float = 0.1695
    t0: float = 0.0
    run: int = 0


KLG4SIM = Conventions()
"""The conventions of KLG4sim and KamNet."""

KAMLAND = NtupleLayout(
    tree="nt",
    pmt="pmtlist_good",
    time="pmtt_good",
    charge="pmtq_good",
    vertex=("x", "y", "z"),
    metre=100.0,
    energy="EnergyA2",
    t0="T0",
    event="EventNumber",
    run="run",
    flight_removed=True,
)
"""KamLAND-Zen simulation and production: the good hits; coordinates in cm."""

RATPAC = NtupleLayout(
    tree="output",
    pmt="hitPMTID",
    time="hitPMTTime",
    charge="hitPMTCharge",
    vertex=("mcx", "mcy", "mcz"),
    metre=1000.0,
    energy="mcke",
    tubes="meta",
)
"""RAT-PAC 2: coordinates in mm."""
