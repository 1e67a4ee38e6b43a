"""Which constants of the PMTs a simulation takes: of a run from the database, or nominal ones."""

from __future__ import annotations

from dataclasses import dataclass

from kzcal.baseline import baseline_directory
from kzcal.conditions.baseline_text import read_baseline
from kzcal.conditions.database import Database
from kzcal.conditions.nominal import nominal_columns
from kzcal.conditions.payload import Lineage, Payload
from kzcal.conditions.quantities import GLOBAL_FIT, RESPONSE
from kzcal.geometry import Detector

NOMINAL = "nominal"


@dataclass(frozen=True, slots=True)
class Constants:
    """Where constants come from, settled once, so that every worker takes the same.

    Args:
        database: where it is; "" for nominal constants.
        tag: its name.
        revision: of the tag.
        digest: of the payload, or "nominal".
        fit: digest of the global fit that the tag has for the run; "" if it has none.
    """

    database: str = ""
    tag: str = ""
    revision: int = 0
    digest: str = NOMINAL
    fit: str = ""

    @classmethod
    def stored(cls, database: str, tag: str, run: int) -> Constants:
        """Those that a tag has for a run now.

        Raises:
            DatabaseError: there are none; the message says where it looked.
        """
        with Database.open(database) as db:
            iov = db.find(tag, RESPONSE, run)
            fit = db.holding(tag, GLOBAL_FIT, run)
            return cls(
                database,
                tag,
                db.tag(tag).revision,
                iov.payload,
                "" if fit is None else fit.payload,
            )

    def payload(self, detector: Detector) -> Payload:
        """The constants of every PMT of a detector."""
        if self.digest == NOMINAL:
            text = read_baseline(baseline_directory())
            return Payload(RESPONSE, nominal_columns(detector, text.constants), None, Lineage())
        with Database.open(self.database) as db:
            return db.payload(self.digest)

    def shared(self) -> dict[str, float]:
        """What a global fit found of light and electronics, by parameter; empty without one."""
        if not self.fit:
            return {}
        with Database.open(self.database) as db:
            block = db.payload(self.fit).globals
        return {} if block is None else block.named
