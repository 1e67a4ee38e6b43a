"""Known constants, a simulated run, its calibration, and the constants that it finds.

    python benchmarks/simulation_closure.py [--scale 1.0] [--workers 1] [--keep DIRECTORY]
                                            [--write docs/simulation.md]

PMTs that differ as those of the demonstration do, some dead or hot and one pair of exchanged
cables, go into a database; a day of forced triggers, muons with captures, 214Bi-214Po, 210Po,
210Bi and 11C is simulated with them, vertices and energies reconstructed from the hits; it is
calibrated, and the result is held against the constants that were put in.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from pages import table, write_part

from kzcal.calibrate.closure import Truth, closures, draw_pulls, found
from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.demo import DemoTruth, draw_truth
from kzcal.calibrate.report.population import TYPES
from kzcal.calibrate.run import Target, calibrate_file
from kzcal.conditions.database import Database
from kzcal.conditions.nominal import bookkeeping
from kzcal.conditions.payload import Column, Lineage, Payload
from kzcal.conditions.quantities import GOOD, QUANTITIES, RESPONSE
from kzcal.geometry import Detector, load_detector
from kzcal.plugins import load
from kzcal.simulate.cocktail import Cocktail, ForcedTriggers, Ingredient
from kzcal.simulate.constants import Constants
from kzcal.simulate.muons import MuonRates
from kzcal.simulate.run import write_simulation
from kzcal.simulate.setup import Setup

RUN, SEED, DAY_S = 15001, 1, 86_400.0
NUMBERS = {"bi210": 900, "po210": 1000, "c11": 1400, "bipo214": 450}
CAPTURES_PER_MUON = 0.19
CAPTURES = 2000
FORCED = 1000


def truth_of(drawn: DemoTruth, detector: Detector) -> Truth:
    """Constants in the conventions of a calibration; dark rates are above threshold."""
    good, qe = drawn.status == GOOD, drawn.qe.copy()
    for diameter in TYPES:
        rows = detector.diameter_inch == diameter
        qe[rows] /= qe[rows & good].mean()
    offset = drawn.time_offset - drawn.time_offset[good].mean()
    names = ("gain", "spe_width", "tts", "dark_rate")
    rest = {name: getattr(drawn, name) for name in names}
    return Truth(drawn.status, {"qe": qe, "time_offset": offset, **rest})


def payload_of(truth: Truth) -> Payload:
    """The constants as a calibration would store them, without errors."""
    columns = bookkeeping(truth.status)
    first, second = np.flatnonzero(truth.status == "swapped")
    columns["partner"].values[[first, second]] = second, first
    for quantity in QUANTITIES:
        values = truth.constants[quantity.name]
        columns[quantity.name] = Column(values, quantity.unit, quantity.doc, np.zeros(len(values)))
    return Payload(RESPONSE, columns, None, Lineage(seed=SEED))


def cocktail(scale: float) -> Cocktail:
    """A day with what a calibration needs."""
    parts = (
        Ingredient(name, "ls", number=round(scale * number)) for name, number in NUMBERS.items()
    )
    muons = MuonRates(rate_hz=scale * CAPTURES / CAPTURES_PER_MUON / DAY_S)
    forced = ForcedTriggers(number=round(scale * FORCED))
    return Cocktail(RUN, tuple(parts), seed=SEED, duration_s=DAY_S, muons=muons, forced=forced)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of events")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="where the files stay")
    parser.add_argument("--write", type=Path, help="page that takes the table")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        place = given.keep or Path(scratch)
        place.mkdir(parents=True, exist_ok=True)
        text = measure(given.scale, given.workers, place)
    print(text)
    if given.write is not None:
        write_part(given.write, "simulation_closure", text)


def measure(scale: float, workers: int, place: Path) -> str:
    """Simulate, calibrate and compare; returns the figures as Markdown."""
    detector = load_detector()
    drawn = draw_truth(detector, seed=SEED)
    truth = truth_of(replace(drawn, dark_rate=0.8 * drawn.dark_rate), detector)
    with Database.init(place / "kz.db") as db:
        db.store("truth", RUN, RUN, [payload_of(truth)], "known", description="what is put in")
        setup = Setup(cocktail(scale), Constants.stored(str(place / "kz.db"), "truth", RUN))
        written = write_simulation(setup, place / "run.h5", workers=workers)
        stored = calibrate_file(
            place / "run.h5",
            db,
            Target("found"),
            CalibrationConfig(),
            load(),
            device=torch.device("cpu"),
        )
    response = stored.measurement.response
    draw_pulls(response, truth, detector, place / "pulls.png")
    head = ("constant", "PMTs", "unit", "bias", "stated error", "width of pulls")
    rows = [
        (
            row.name.replace("_", " "),
            f"{row.n} of {row.diameter} inch",
            row.unit,
            row.bias,
            row.error,
            f"{row.pull_width:.2f} ± {row.pull_width_error:.2f}",
        )
        for row in closures(response, truth, detector)
    ]
    same = ", ".join(f"{a} of {n} {name}" for name, (a, n) in found(response, truth).items())
    return (
        f"{table(head, rows)}\n\nFrom {written.n_events} events with {written.n_hits} hits. "
        f"Channels told apart: {same}."
    )


if __name__ == "__main__":
    main()
