"""What a classifier sees of single-site and multi-site events: figure and table of a page.

python benchmarks/classifier_view.py topology_train.h5 --db kz.db --tag full-2026 --run 15001
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from pages import table, write_part

from kzcal.calibrate.report.picture import drawing
from kzcal.classify.augment import GONE, Turns
from kzcal.classify.corrected import Correction, corrected_events
from kzcal.geometry import Detector, load_detector
from kzcal.io.source import open_events
from kzcal.learning import CorrectedEvents
from kzcal.simulate.constants import Constants

DOCS = Path(__file__).parents[1] / "docs"
COLOURS = {"bb": "#1f77b4", "bi214": "#c0392b"}
EDGES = np.arange(-10.0, 30.0, 0.5)
"""Of residuals, ns; times are stored in steps of 1/8 ns."""


def main() -> None:
    """Write the figure, and the tables of docs/classifiers.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("events", type=Path)
    parser.add_argument("--db", required=True)
    parser.add_argument("--tag", required=True)
    parser.add_argument("--run", type=int, required=True)
    parser.add_argument("--detector", default="benchmarks/challenge/detector.toml")
    given = parser.parse_args()
    detector = load_detector(given.detector)
    constants = {
        "nominal": Constants(),
        "calibrated": Constants.stored(given.db, given.tag, given.run),
    }
    seen = {}
    with open_events(given.events, detector) as source:
        kind = source.table().truth["kind"].astype(str)
        for name, where in constants.items():
            correction = Correction.of(where.payload(detector), detector)
            seen[name] = corrected_events(source, detector, correction)
    draw(seen, kind, detector, DOCS / "classifiers.png")
    page = DOCS / "classifiers.md"
    head = ("constants", "PMTs in use", "hits of an event", "PMTs", "bb: 10 % by", "half by")
    rows = [row for name, events in seen.items() for row in rows_of(name, events, kind, detector)]
    write_part(page, "seen", table([*head, "bi214: 10 % by", "half by (ns)"], rows))
    write_part(page, "turns", turns_text(detector))


def rows_of(
    name: str, events: CorrectedEvents, kind: np.ndarray, detector: Detector
) -> list[list[object]]:
    """When light between -10 and 30 ns has come, by class and type of the PMT."""
    rows: list[list[object]] = []
    for inch in (17, 20):
        row: list[object] = [name, int(events.live.sum()), f"{events.hits.counts.mean():.1f}"]
        row.append(f"{inch}-inch")
        for of_class in COLOURS:
            time = residuals(events, kind, detector, of_class, inch)
            row.extend(f"{q:.2f}" for q in np.quantile(time, (0.1, 0.5)))
        rows.append(row)
    return rows


def residuals(
    events: CorrectedEvents, kind: np.ndarray, detector: Detector, of_class: str, inch: int
) -> np.ndarray:
    """Residuals within the edges of one class on PMTs of one diameter, ns."""
    hits = events.hits
    chosen = (kind == of_class)[hits.event_index] & (detector.diameter_inch[hits.pmt] == inch)
    inside = (hits.time >= EDGES[0]) & (hits.time < EDGES[-1])
    return hits.time[chosen & inside]


def draw(
    seen: dict[str, CorrectedEvents], kind: np.ndarray, detector: Detector, path: Path
) -> None:
    """Residuals of both classes, with nominal and with calibrated constants."""
    with drawing(9.0, 3.4) as figure:
        for axes, inch in zip(figure.subplots(1, 2), (17, 20), strict=True):
            for of_class, colour in COLOURS.items():
                for (name, events), style in zip(seen.items(), (":", "-"), strict=True):
                    time = residuals(events, kind, detector, of_class, inch)
                    number = np.histogram(time, EDGES)[0] / (kind == of_class).sum()
                    label = f"{of_class}, {name}"
                    axes.stairs(number / 0.5, EDGES, color=colour, ls=style, label=label)
            axes.set_xlabel(f"residual, {inch}-inch PMTs (ns)")
            axes.set_ylabel("hits per event and ns")
            axes.legend(loc="upper right")
        figure.savefig(path, dpi=110, metadata={"Software": None})


def turns_text(detector: Detector) -> str:
    """How many PMTs each turn carries onto others."""
    turns = Turns.of(detector)
    share = (turns.image[1:] != GONE).mean(axis=1)
    return (
        f"{len(turns)} turns, the identity among them; the others carry at least "
        f"{100 * share.min():.1f} % of the {detector.n_pmt} PMTs."
    )


if __name__ == "__main__":
    main()
