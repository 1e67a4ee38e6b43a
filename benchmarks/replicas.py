"""Replicas of a calibrated detector: their moments against what the payloads state, and the cost.

    python benchmarks/replicas.py [--n 400] [--write docs/systematics.md]

The constants are the example calibration of kzcal.testing; the global fit beside it is an
example too: two correlated parameters, of which one moves the efficiencies of all PMTs together.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from pages import table, write_part

from kzcal.calibrate.report.picture import DATA, FULL, MODEL, drawing
from kzcal.conditions.payload import Column, GlobalBlock, Lineage, Payload
from kzcal.conditions.quantities import GLOBAL_FIT, is_good
from kzcal.conditions.replicas import replicas
from kzcal.geometry import load_detector
from kzcal.testing.payloads import example_calibration

PICTURE = Path("docs/systematics.png")
NAMES = ("absorption_scale", "scattering_scale")
VALUES = np.array([0.95, 1.10])
SIGMA, CORRELATION = np.array([0.03, 0.06]), -0.6
SLOPE = 0.3


def global_fit(n_pmt: int) -> Payload:
    """An example of a global fit with a cross term."""
    off = CORRELATION * SIGMA[0] * SIGMA[1]
    covariance = np.array([[SIGMA[0] ** 2, off], [off, SIGMA[1] ** 2]])
    block = GlobalBlock(NAMES, VALUES, ("1", "1"), covariance, ("", ""))
    slopes = Column(np.full(n_pmt, SLOPE), "1", "change of the efficiency with the absorption")
    return Payload(GLOBAL_FIT, {"qe_by_absorption_scale": slopes}, block, Lineage())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=400)
    parser.add_argument("--write", type=Path, help="page that takes the table")
    given = parser.parse_args()
    detector = load_detector()
    calibration, fit = example_calibration(detector), global_fit(detector.n_pmt)
    began = time.perf_counter()
    drawn = list(replicas((calibration, fit), range(given.n), seed=1))
    each = (time.perf_counter() - began) / given.n
    good = is_good(calibration)
    qe = np.array([response.columns["qe"].values[good] for response, _ in drawn])
    shared = np.array([found.globals.values for _, found in drawn])
    stated = np.asarray(calibration.columns["qe"].errors)[good]
    total = np.hypot(stated, SLOPE * SIGMA[0])
    common = float(np.median((SLOPE * SIGMA[0]) ** 2 / total**2))
    pairs = np.corrcoef(qe[:, :200].T)[np.triu_indices(200, 1)]
    rows = [
        ("error of the absorption scale", SIGMA[0], float(shared[:, 0].std())),
        ("error of the scattering scale", SIGMA[1], float(shared[:, 1].std())),
        ("their correlation", CORRELATION, float(np.corrcoef(shared.T)[0, 1])),
        (
            "efficiency of a PMT: error, median",
            float(np.median(total)),
            float(np.median(qe.std(0))),
        ),
        ("efficiencies of two PMTs: correlation, median", common, float(np.median(pairs))),
        ("mean efficiency: error", SLOPE * SIGMA[0], float(qe.mean(1).std())),
    ]
    page = (
        f"{table(('', 'stated', f'{given.n} replicas'), rows)}\n\n"
        f"One replica of {detector.n_pmt} PMTs takes {1e3 * each:.0f} ms."
    )
    print(page)
    draw(shared, qe)
    if given.write is not None:
        write_part(given.write, "replicas", page)


def draw(shared: np.ndarray, qe: np.ndarray) -> None:
    """Replicas of the global parameters, and what follows from them."""
    with drawing(FULL, 3.6) as figure:
        left, right = figure.subplots(1, 2)
        left.plot(*shared.T, ".", ms=4, color=DATA)
        left.plot(*VALUES, "+", ms=14, color=MODEL)
        left.set_xlabel("absorption scale")
        left.set_ylabel("scattering scale")
        right.plot(shared[:, 0], qe[:, 0], ".", ms=4, color=DATA, label="one PMT")
        right.plot(shared[:, 0], qe.mean(1), ".", ms=4, color=MODEL, label="mean of all")
        right.set_xlabel("absorption scale")
        right.set_ylabel("relative efficiency")
        right.legend(loc="upper left")
        figure.savefig(PICTURE, format="png")


if __name__ == "__main__":
    main()
